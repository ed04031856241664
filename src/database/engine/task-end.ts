import { TaskerError } from '../../errors.ts';
import type { Queries } from '../id-block.ts';

/** A task's state and its steps. */
export interface TaskEnd {
  readonly state: string;
  readonly steps: readonly TaskEndStep[];
}

/** A step of a task that is over. */
export interface TaskEndStep {
  readonly stepId: bigint;
  readonly name: string;
  readonly state: string;
  readonly attempts: number;
  readonly results: unknown;
}

const TASK_END = `
SELECT coalesce(x.to_state, 'pending') AS task_state, s.workflow_step_id AS step_id, n.name,
       coalesce(y.to_state, 'pending') AS state, coalesce(s.attempts, 0) AS attempts, s.results
  FROM tasker_tasks t
  LEFT JOIN tasker_task_transitions x ON x.task_id = t.task_id AND x.most_recent
  LEFT JOIN tasker_workflow_steps s ON s.task_id = t.task_id
       -- of a task that goes on, the state is all that is wanted
       AND x.to_state NOT IN ('pending', 'in_progress')
  LEFT JOIN tasker_named_steps n ON n.named_step_id = s.named_step_id
  LEFT JOIN tasker_workflow_step_transitions y
    ON y.workflow_step_id = s.workflow_step_id AND y.most_recent
 WHERE t.task_id = $1
 ORDER BY s.workflow_step_id`;

/**
 * The state of a task; with its steps where it is over.
 *
 * Errors: TASKER_UNKNOWN_TASK. One statement.
 */
export async function readTaskEnd(client: Queries, taskId: bigint): Promise<TaskEnd> {
  const { rows } = await client.query<{
    task_state: string;
    step_id: string | null;
    name: string;
    state: string;
    attempts: number;
    results: unknown;
  }>({ name: 'tasker_task_end', text: TASK_END, values: [taskId] });
  const [first] = rows;
  if (first === undefined) {
    throw new TaskerError('TASKER_UNKNOWN_TASK', `There is no task ${taskId}.`, {
      data: { taskId: String(taskId) },
    });
  }
  return {
    state: first.task_state,
    steps: rows.flatMap(({ step_id: id, name, state, attempts, results }) =>
      id === null ? [] : [{ stepId: BigInt(id), name, state, attempts, results }],
    ),
  };
}
