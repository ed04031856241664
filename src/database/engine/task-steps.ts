import type { Queries } from '../id-block.ts';

/** A step as it is stored. */
export interface StoredStep {
  readonly stepId: bigint;
  readonly name: string;
  readonly state: string;
  /** Attempts that have ended. */
  readonly attempts: number;
  readonly retryLimit: number;
  readonly results: unknown;
  /** States in the order in which the step took them, without the `pending` it was created in. */
  readonly states: readonly string[];
}

/** The steps of a task in the order of their creation. One statement. */
export async function taskSteps(client: Queries, taskId: bigint): Promise<StoredStep[]> {
  const { rows } = await client.query<{
    step_id: string;
    name: string;
    attempts: number | null;
    retry_limit: number | null;
    results: unknown;
    states: string[];
  }>({
    name: 'tasker_task_steps',
    text: `SELECT s.workflow_step_id AS step_id, n.name, s.attempts, s.retry_limit, s.results,
                  array(SELECT x.to_state::text FROM tasker_workflow_step_transitions x
                         WHERE x.workflow_step_id = s.workflow_step_id ORDER BY x.sort_key) AS states
             FROM tasker_workflow_steps s
             JOIN tasker_named_steps n ON n.named_step_id = s.named_step_id
            WHERE s.task_id = $1
            ORDER BY s.workflow_step_id`,
    values: [taskId],
  });
  return rows.map((row) => ({
    stepId: BigInt(row.step_id),
    name: row.name,
    state: row.states.at(-1) ?? 'pending',
    attempts: row.attempts ?? 0,
    retryLimit: row.retry_limit ?? 3,
    results: row.results,
    states: row.states,
  }));
}
