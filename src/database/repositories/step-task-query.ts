import type { Queries } from '../id-block.ts';
import { notTaskerDatabase } from '../not-tasker-database.ts';

/**
 * Id of the task that a step belongs to; undefined when there is no such step. Read-only.
 *
 * @throws TaskerError `TASKER_NOT_TASKER_DATABASE` where there are no steps to look among
 */
export async function taskOfStep(client: Queries, stepId: bigint): Promise<bigint | undefined> {
  const tables = await client.query<{ steps: string | null }>(
    `SELECT to_regclass('tasker_workflow_steps')::text AS steps`,
  );
  if (tables.rows[0]?.steps === null) throw notTaskerDatabase();
  const { rows } = await client.query<{ task_id: string }>(
    'SELECT task_id FROM tasker_workflow_steps WHERE workflow_step_id = $1::bigint',
    [String(stepId)],
  );
  return rows[0] === undefined ? undefined : BigInt(rows[0].task_id);
}
