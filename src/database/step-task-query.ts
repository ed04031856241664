import type pg from 'pg';

import { requireTaskerSchema } from './schema-state.ts';

/**
 * Id of the task that a step belongs to; undefined when there is no such step. Read-only.
 *
 * @throws TaskerError `TASKER_NOT_TASKER_DATABASE` and `TASKER_SCHEMA_VERSION` for a database that
 *   cannot be read
 */
export async function taskOfStep(client: pg.Client, stepId: bigint): Promise<bigint | undefined> {
  await requireTaskerSchema(client);
  const { rows } = await client.query<{ task_id: string }>(
    'SELECT task_id FROM tasker_workflow_steps WHERE workflow_step_id = $1::bigint',
    [String(stepId)],
  );
  return rows[0] === undefined ? undefined : BigInt(rows[0].task_id);
}
