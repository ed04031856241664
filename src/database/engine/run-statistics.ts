import { int8Array } from '../copy/binary-arrays.ts';
import type { Queries } from '../id-block.ts';

/** What became of the tasks of one template. Times are those of tasks that are over. */
export interface TemplateRun {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly tasks: number;
  readonly complete: number;
  readonly failed: number;
  readonly steps: number;
  /** Attempts beyond the first of each step. */
  readonly retries: number;
  /** Milliseconds from creation to end; null where none is over. */
  readonly p50: number | null;
  readonly p95: number | null;
  /** Attempts from the first creation to the last end, a second; null where none is over. */
  readonly stepsPerSecond: number | null;
}

const RUNS = `
WITH task AS (
  SELECT t.task_id, t.named_task_id, t.created_at, x.to_state,
         CASE WHEN x.to_state NOT IN ('pending', 'in_progress') THEN x.created_at END AS ended_at
    FROM tasker_tasks t
    LEFT JOIN tasker_task_transitions x ON x.task_id = t.task_id AND x.most_recent
   WHERE t.task_id = ANY ($1::bigint[])
), step AS (
  SELECT task_id, count(*) AS steps, sum(coalesce(attempts, 0)) AS attempts,
         sum(greatest(coalesce(attempts, 0) - 1, 0)) AS retries
    FROM tasker_workflow_steps WHERE task_id = ANY ($1::bigint[]) GROUP BY task_id
), ended AS (
  SELECT task.*, step.steps, step.attempts, step.retries,
         extract(epoch FROM ended_at - created_at) * 1000 AS millis
    FROM task LEFT JOIN step USING (task_id)
)
SELECT p.name AS namespace, n.name, n.version, count(*)::int AS tasks,
       (count(*) FILTER (WHERE e.to_state IN ('complete', 'resolved_manually')))::int AS complete,
       (count(*) FILTER (WHERE e.to_state = 'error'))::int AS failed,
       coalesce(sum(e.steps), 0)::int AS steps, coalesce(sum(e.retries), 0)::int AS retries,
       (percentile_cont(0.5) WITHIN GROUP (ORDER BY e.millis))::float8 AS p50,
       (percentile_cont(0.95) WITHIN GROUP (ORDER BY e.millis))::float8 AS p95,
       (sum(e.attempts) / nullif(extract(epoch FROM max(e.ended_at) - min(e.created_at)), 0))::float8
         AS steps_per_second
  FROM ended e
  JOIN tasker_named_tasks n ON n.named_task_id = e.named_task_id
  JOIN tasker_task_namespaces p ON p.task_namespace_id = n.task_namespace_id
 GROUP BY p.name, n.name, n.version
 ORDER BY p.name, n.name, n.version`;

/** What became of some tasks, by template. One statement, O(steps). */
export async function runStatistics(
  client: Queries,
  taskIds: readonly bigint[],
): Promise<TemplateRun[]> {
  const { rows } = await client.query<{
    namespace: string;
    name: string;
    version: string;
    tasks: number;
    complete: number;
    failed: number;
    steps: number;
    retries: number;
    p50: number | null;
    p95: number | null;
    steps_per_second: number | null;
  }>({ name: 'tasker_run_statistics', text: RUNS, values: [int8Array(taskIds)] });
  return rows.map(({ steps_per_second: stepsPerSecond, ...row }) => ({ ...row, stepsPerSecond }));
}
