import { int8Array } from '../copy/binary-arrays.ts';
import type { Queries } from '../id-block.ts';

/** Those of the ids that no stored task has. One statement, none without ids. */
export async function missingTasks(client: Queries, taskIds: readonly bigint[]): Promise<bigint[]> {
  if (taskIds.length === 0) return [];
  const { rows } = await client.query<{ id: string }>({
    name: 'tasker_missing_tasks',
    text: `SELECT w.id::text AS id FROM unnest($1::bigint[]) AS w(id)
            WHERE NOT EXISTS (SELECT FROM tasker_tasks t WHERE t.task_id = w.id)`,
    values: [int8Array(taskIds)],
  });
  return rows.map(({ id }) => BigInt(id));
}
