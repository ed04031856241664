import { TaskerError } from '../../errors.ts';
import { int4Array } from '../copy/binary-arrays.ts';
import type { Queries } from '../id-block.ts';
import type { CatalogIds } from './template-catalog.ts';

// The catalog's rows cannot be deleted before this transaction ends; all else that the new rows
// refer to is made by it.
const HOLD = `
SELECT (SELECT count(*) FROM (SELECT FROM tasker_named_tasks
          WHERE named_task_id = $1 FOR KEY SHARE) AS task)::int
     + (SELECT count(*) FROM (SELECT FROM tasker_named_steps
          WHERE named_step_id = ANY ($2::int[]) FOR KEY SHARE) AS steps)::int AS held`;

/**
 * Does `work` in a transaction that checks no foreign keys and fires no triggers, and in which the
 * template's catalog rows are sure to stay: twice as fast for rows that are right by construction.
 *
 * Errors: TASKER_NOT_FOUND where a catalog row is gone; the server's `42501` where the user may not set `session_replication_role`. The session
 * has no transaction open, and nobody else uses it meanwhile.
 */
export async function loadTrusted<T>(
  client: Queries,
  { namedTaskId, namedStepIds }: CatalogIds,
  work: () => Promise<T>,
): Promise<T> {
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
  try {
    const steps = [...new Set(namedStepIds)];
    const { rows } = await client.query<{ held: number }>({
      name: 'tasker_hold_catalog',
      text: HOLD,
      values: [namedTaskId, int4Array(steps)],
    });
    if (rows[0]?.held !== 1 + steps.length) {
      throw new TaskerError('TASKER_NOT_FOUND', 'Rows of the template were deleted.', {
        data: { namedTaskId },
      });
    }
    await client.query('SET LOCAL session_replication_role = replica');
    const result = await work();
    const { command } = await client.query('COMMIT');
    // what the server answers where a statement had failed that nobody told us of
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back');
    return result;
  } catch (error) {
    // a lost connection has rolled back already
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
