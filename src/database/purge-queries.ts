import { formatNaive } from '../graph/snapshot/instants.ts';
import type { Queries } from './id-block.ts';
import type { PurgeReport } from './repositories/purge-task.ts';

/** Which tasks a purge is about. */
export interface PurgeScope {
  /** Tasks that reached their state before this instant, µs since the epoch. */
  readonly finishedBefore: number;
  /** Also tasks in `error`, which could be redriven. */
  readonly includeFailed: boolean;
  /** Only tasks of this namespace; undefined for all. */
  readonly namespace: string | undefined;
}

/** A task that a purge may remove. */
export interface PurgeCandidate {
  readonly taskId: bigint;
  readonly steps: number;
  /** An edge ties it to a task that stays: removing it would change what that one waits for. */
  readonly isHeld: boolean;
}

/** Below every id: a bound that is always there keeps the index in use. */
const LEAST_ID = -(2n ** 63n);

/** Condition on `tr`, the current transition of a task: $1 and $2 are the scope's instant and states. */
const FINISHED = `tr.most_recent AND tr.to_state = ANY ($2::varchar[]) AND tr.created_at < $1::timestamp`;

/** Condition on `tr`: $3 is the scope's namespace, or null. */
const IN_NAMESPACE = `($3::varchar IS NULL OR EXISTS (
  SELECT FROM tasker_tasks t
    JOIN tasker_named_tasks named USING (named_task_id)
    JOIN tasker_task_namespaces space USING (task_namespace_id)
   WHERE t.task_id = tr.task_id AND space.name = $3))`;

/** A step of candidate `c` has an edge, in or out, with a task that is not removed. */
const HELD = `EXISTS (
  SELECT FROM tasker_workflow_steps own
    CROSS JOIN LATERAL (
      SELECT to_step_id AS step FROM tasker_workflow_step_edges WHERE from_step_id = own.workflow_step_id
       UNION ALL
      SELECT from_step_id FROM tasker_workflow_step_edges WHERE to_step_id = own.workflow_step_id) edge
    JOIN tasker_workflow_steps other
      ON other.workflow_step_id = edge.step AND other.task_id <> own.task_id
   WHERE own.task_id = c.task_id AND NOT EXISTS (
     SELECT FROM tasker_task_transitions tr WHERE tr.task_id = other.task_id AND ${FINISHED} AND ${IN_NAMESPACE}))`;

const scopeValues = ({ finishedBefore, includeFailed, namespace }: PurgeScope): unknown[] => [
  formatNaive(finishedBefore),
  ['complete', 'cancelled', 'resolved_manually', ...(includeFailed ? ['error'] : [])],
  namespace ?? null,
];

/**
 * Tasks that a purge may remove, by ascending id. One statement, which reads only.
 *
 * @param after only tasks with a greater id
 */
export async function purgeCandidates(
  client: Queries,
  scope: PurgeScope,
  after: bigint | undefined,
  limit: number,
): Promise<PurgeCandidate[]> {
  const { rows } = await client.query<{ task_id: string; steps: string; is_held: boolean }>({
    name: 'tasker_purge_candidates',
    text: `
WITH c AS MATERIALIZED (
  SELECT tr.task_id FROM tasker_task_transitions tr
   WHERE ${FINISHED} AND ${IN_NAMESPACE} AND tr.task_id > $4::bigint
   ORDER BY tr.task_id LIMIT $5::integer)
SELECT c.task_id, (SELECT count(*) FROM tasker_workflow_steps s WHERE s.task_id = c.task_id) AS steps,
       ${HELD} AS is_held
  FROM c ORDER BY c.task_id`,
    values: [...scopeValues(scope), String(after ?? LEAST_ID), limit],
  });
  return rows.map((row) => ({
    taskId: BigInt(row.task_id),
    steps: Number(row.steps),
    isHeld: row.is_held,
  }));
}

/**
 * Locks tasks until the transaction ends: those that nobody else has locked and that are still
 * what the scope asks for. Two statements, neither of which waits.
 */
export async function lockPurgeable(
  client: Queries,
  scope: PurgeScope,
  taskIds: readonly bigint[],
): Promise<bigint[]> {
  const { rows: locked } = await client.query<{ task_id: string }>({
    name: 'tasker_purge_lock',
    text: `SELECT task_id FROM tasker_tasks WHERE task_id = ANY ($1::bigint[])
            ORDER BY task_id FOR UPDATE SKIP LOCKED`,
    values: [taskIds.map(String)],
  });
  // a statement of its own: it sees what was committed before the locks were got
  const { rows } = await client.query<{ task_id: string }>({
    name: 'tasker_purge_recheck',
    text: `
SELECT c.task_id FROM unnest($4::bigint[]) AS c (task_id)
  JOIN tasker_task_transitions tr ON tr.task_id = c.task_id
 WHERE ${FINISHED} AND ${IN_NAMESPACE} AND NOT ${HELD} ORDER BY c.task_id`,
    values: [...scopeValues(scope), locked.map((row) => row.task_id)],
  });
  return rows.map((row) => BigInt(row.task_id));
}

const STEPS =
  'SELECT workflow_step_id FROM tasker_workflow_steps WHERE task_id = ANY ($1::bigint[])';

/** What a purge removes, from the leaves up: no foreign key of the shared tables cascades. */
const DELETIONS: readonly (readonly [keyof PurgeReport, text: string])[] = [
  [
    'stepTransitions',
    `DELETE FROM tasker_workflow_step_transitions WHERE workflow_step_id IN (${STEPS})`,
  ],
  // a union, because the planner answers "from here or to here" by reading the whole table
  [
    'edges',
    `DELETE FROM tasker_workflow_step_edges WHERE id IN (
       SELECT id FROM tasker_workflow_step_edges WHERE from_step_id IN (${STEPS})
        UNION SELECT id FROM tasker_workflow_step_edges WHERE to_step_id IN (${STEPS}))`,
  ],
  ['steps', 'DELETE FROM tasker_workflow_steps WHERE task_id = ANY ($1::bigint[])'],
  ['taskTransitions', 'DELETE FROM tasker_task_transitions WHERE task_id = ANY ($1::bigint[])'],
  ['annotations', 'DELETE FROM tasker_task_annotations WHERE task_id = ANY ($1::bigint[])'],
  ['tasks', 'DELETE FROM tasker_tasks WHERE task_id = ANY ($1::bigint[])'],
];

/** Removes tasks with all their rows; six statements, O(rows). Our own tables' rows go by cascade. */
export async function deleteTasks(
  client: Queries,
  taskIds: readonly bigint[],
): Promise<PurgeReport> {
  const removed: Partial<Record<keyof PurgeReport, number>> = {};
  for (const [kind, text] of DELETIONS) {
    const { rowCount } = await client.query({
      name: `tasker_purge_${kind}`,
      text,
      values: [taskIds.map(String)],
    });
    removed[kind] = rowCount ?? 0;
  }
  return removed as PurgeReport;
}

const KINDS: readonly (readonly [keyof PurgeReport, text: string])[] = [
  [
    'stepTransitions',
    'tasker_workflow_step_transitions x JOIN tasker_workflow_steps s USING (workflow_step_id)',
  ],
  // an edge between tasks counts with the one that it begins in
  [
    'edges',
    'tasker_workflow_step_edges x JOIN tasker_workflow_steps s ON s.workflow_step_id = x.from_step_id',
  ],
  ['steps', 'tasker_workflow_steps s'],
  ['taskTransitions', 'tasker_task_transitions s'],
  ['annotations', 'tasker_task_annotations s'],
  ['tasks', 'tasker_tasks s'],
];

/** How many rows the tasks have that {@link deleteTasks} would remove. One statement, which reads only. */
export async function countRows(client: Queries, taskIds: readonly bigint[]): Promise<PurgeReport> {
  const counts = KINDS.map(
    ([kind, from]) =>
      `(SELECT count(*) FROM ${from} WHERE s.task_id = ANY ($1::bigint[]))::text AS "${kind}"`,
  );
  const { rows } = await client.query<Record<keyof PurgeReport, string>>({
    name: 'tasker_purge_count',
    text: `SELECT ${counts.join(', ')}`,
    values: [taskIds.map(String)],
  });
  const entries = Object.entries(rows[0]!).map(([kind, count]) => [kind, Number(count)]);
  return Object.fromEntries(entries) as PurgeReport;
}

/** Replaces the details of an entry of the operators' journal: a run's counts grow with it. */
export async function updateAuditDetails(
  client: Queries,
  auditId: bigint,
  details: string,
): Promise<void> {
  await client.query({
    name: 'tasker_purge_audit',
    text: 'UPDATE tasker_core_audit SET details = $2::jsonb WHERE audit_id = $1::bigint',
    values: [String(auditId), details],
  });
}
