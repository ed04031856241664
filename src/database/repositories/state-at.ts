import { TaskerError } from '../../errors.ts';
import { formatNaive, nearestInstant } from '../../graph/snapshot/instants.ts';
import type { Queries } from '../id-block.ts';

/** The state of a step at an instant. */
export interface StepStateAt {
  readonly stepId: bigint;
  readonly state: string;
  /** When it came into that state, µs since the epoch. */
  readonly since: number;
}

/** The states of a task and its steps at an instant, as the transitions tell them. */
export interface TaskStateAt {
  readonly taskId: bigint;
  readonly state: string;
  readonly since: number;
  /** By id. */
  readonly steps: readonly StepStateAt[];
}

const STATE_AT = `
SELECT t.created_at AS began, s.workflow_step_id AS step_id,
       coalesce(x.to_state, 'pending') AS state, coalesce(x.created_at, s.created_at) AS since,
       coalesce(y.to_state, 'pending') AS task_state, coalesce(y.created_at, t.created_at) AS task_since
  FROM tasker_tasks t
  LEFT JOIN LATERAL (SELECT to_state, created_at FROM tasker_task_transitions
                      WHERE task_id = t.task_id AND created_at <= $2::timestamp
                      ORDER BY sort_key DESC LIMIT 1) y ON true
  LEFT JOIN tasker_workflow_steps s ON s.task_id = t.task_id AND s.created_at <= $2::timestamp
  LEFT JOIN LATERAL (SELECT to_state, created_at FROM tasker_workflow_step_transitions
                      WHERE workflow_step_id = s.workflow_step_id AND created_at <= $2::timestamp
                      ORDER BY sort_key DESC LIMIT 1) x ON true
 WHERE t.task_id = $1
 ORDER BY s.workflow_step_id`;

interface StateAtRow {
  readonly began: string;
  readonly step_id: string | null;
  readonly state: string;
  readonly since: string;
  readonly task_state: string;
  readonly task_since: string;
}

/**
 * The states of a task and its steps at an instant, µs since the epoch. Steps that were added later
 * are not listed.
 *
 * Errors: TASKER_UNKNOWN_TASK; TASKER_BAD_ARGUMENT for an instant before the task was created.
 * O(steps · log transitions).
 */
export async function taskStateAt(
  client: Queries,
  taskId: bigint,
  at: number,
): Promise<TaskStateAt> {
  const { rows } = await client.query<StateAtRow>({
    name: 'tasker_state_at',
    text: STATE_AT,
    values: [taskId, formatNaive(at)],
  });
  const [first] = rows;
  if (first === undefined) {
    throw new TaskerError('TASKER_UNKNOWN_TASK', `There is no task ${taskId}.`, {
      data: { taskId: String(taskId) },
    });
  }
  if (at < micros(first.began)) {
    throw new TaskerError(
      'TASKER_BAD_ARGUMENT',
      `Task ${taskId} was not created yet: it was at ${first.began}.`,
      { data: { field: 'at', value: formatNaive(at) } },
    );
  }
  return {
    taskId,
    state: first.task_state,
    since: micros(first.task_since),
    steps: rows.flatMap(({ step_id: stepId, state, since }) =>
      stepId === null ? [] : [{ stepId: BigInt(stepId), state, since: micros(since) }],
    ),
  };
}

const micros = (text: string): number => nearestInstant(text) as number;
