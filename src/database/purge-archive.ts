import type { Queries } from './id-block.ts';

/** Takes the lines of an archive. */
export interface PurgeArchive {
  /** Whole lines of NDJSON, each with its newline. */
  write(lines: string): Promise<void>;
  /** Returns once all that was written is safe; only then the rows are removed. */
  flush(): Promise<void>;
}

const TASKS = 'x.task_id = ANY ($1::bigint[])';
const OF_STEPS = (column: string): string =>
  `x.${column} IN (SELECT workflow_step_id FROM tasker_workflow_steps WHERE task_id = ANY ($1::bigint[]))`;

/** Tables of an archive, what others refer to first: the order in which rows can be put back. */
const ARCHIVED: readonly (readonly [table: string, condition: string, order: string])[] = [
  ['tasker_tasks', TASKS, 'task_id'],
  ['tasker_core_tasks', TASKS, 'task_id'],
  ['tasker_task_annotations', TASKS, 'task_annotation_id'],
  ['tasker_task_transitions', TASKS, 'id'],
  ['tasker_workflow_steps', TASKS, 'workflow_step_id'],
  ['tasker_core_steps', OF_STEPS('step_id'), 'step_id'],
  ['tasker_workflow_step_edges', `${OF_STEPS('from_step_id')} OR ${OF_STEPS('to_step_id')}`, 'id'],
  ['tasker_workflow_step_transitions', OF_STEPS('workflow_step_id'), 'id'],
];

/** Rows fetched at once. */
const PAGE = 1000;

/**
 * Writes every row of the tasks as a line `{"table": …, "row": {column: value}}`, as PostgreSQL's
 * `to_jsonb` gives it, so that `jsonb_populate_record` reads it back; then flushes.
 *
 * Needs an open transaction. Memory: 1,000 rows, whatever the size of a task.
 */
export async function archiveTasks(
  client: Queries,
  taskIds: readonly bigint[],
  archive: PurgeArchive,
): Promise<void> {
  for (const [table, condition, order] of ARCHIVED) {
    await client.query(
      `DECLARE tasker_purge_rows NO SCROLL CURSOR FOR
         SELECT to_jsonb(x)::text AS row FROM ${table} x WHERE ${condition} ORDER BY x.${order}`,
      [taskIds.map(String)],
    );
    for (let count = PAGE; count === PAGE;) {
      const { rows } = await client.query<{ row: string }>(`FETCH ${PAGE} FROM tasker_purge_rows`);
      count = rows.length;
      const lines = rows.map(({ row }) => `{"table":"${table}","row":${row}}\n`);
      if (count > 0) await archive.write(lines.join(''));
    }
    await client.query('CLOSE tasker_purge_rows');
  }
  await archive.flush();
}
