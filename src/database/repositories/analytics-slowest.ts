import { TaskerError } from '../../errors.ts';
import { formatNaive, instantText } from '../../graph/snapshot/instants.ts';
import { databaseMicros } from '../engine/engine-registry.ts';
import type { Queries } from '../id-block.ts';
import { pageLimit } from '../list-cursor.ts';

/** Which steps or tasks are looked at. */
export interface SlowestQuery {
  /** Only what was created after this instant, µs since the epoch; default: 24 hours ago. */
  readonly since?: number | undefined;
  /** Only tasks of this namespace, name, version; default any. */
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  /** Rows, 1 to 10,000; default 10. */
  readonly limit?: number | undefined;
}

/** A kind of task. */
interface TaskKind {
  readonly taskId: bigint;
  readonly namespace: string;
  readonly taskName: string;
  readonly version: string;
}

/** A step that is complete. */
export interface SlowStep extends TaskKind {
  readonly stepId: bigint;
  readonly stepName: string;
  /** From the creation of the step to its completion: waiting included. */
  readonly durationSeconds: number;
  /** Of that, the last attempt; undefined where no start of one is stored. */
  readonly attemptSeconds: number | undefined;
  readonly attempts: number;
  /** ISO text, six digits, UTC. */
  readonly createdAt: string;
  readonly completedAt: string;
}

/** A task of which a step is complete or failed. */
export interface SlowTask extends TaskKind {
  /** From the creation of the task to the latest completion or failure of a step. */
  readonly durationSeconds: number;
  readonly stepCount: number;
  readonly completedSteps: number;
  readonly errorSteps: number;
  readonly createdAt: string;
  /** The latest completion or failure of a step. */
  readonly completedAt: string;
  readonly initiator: string | null;
  readonly sourceSystem: string | null;
}

const DAY_MICROS = 86_400_000_000;

/** Tasks `t` of the window: $1 is its beginning, $2 to $4 what the task must be. */
const IN_WINDOW = `t.created_at > $1::timestamp AND ($2::varchar IS NULL AND $3::varchar IS NULL AND $4::varchar IS NULL
   OR t.named_task_id IN (
     SELECT n.named_task_id FROM tasker_named_tasks n JOIN tasker_task_namespaces s USING (task_namespace_id)
      WHERE ($2 IS NULL OR s.name = $2) AND ($3 IS NULL OR n.name = $3) AND ($4 IS NULL OR n.version = $4)))`;

const KIND = `space.name AS namespace, kind.name AS task_name, kind.version`;
const KINDS = `JOIN tasker_named_tasks kind USING (named_task_id)
  JOIN tasker_task_namespaces space USING (task_namespace_id)`;
const seconds = (from: string, to: string): string =>
  `round(extract(epoch FROM ${to} - ${from})::numeric, 3)`;

interface StepRow extends KindRow {
  readonly workflow_step_id: string;
  readonly step_name: string;
  readonly attempt: string | null;
  readonly attempts: number;
}

interface TaskRow extends KindRow {
  readonly steps: string;
  readonly complete: string;
  readonly error: string;
  readonly initiator: string | null;
  readonly source_system: string | null;
}

interface KindRow {
  readonly task_id: string;
  readonly namespace: string;
  readonly task_name: string;
  readonly version: string;
  readonly duration: string;
  readonly created_at: string;
  readonly ended_at: string;
}

/**
 * Complete steps that took longest from their creation to their completion, the slowest first: steps
 * created after an instant, of tasks created after it.
 *
 * Errors: TASKER_BAD_ARGUMENT for a limit or instant that is none. One statement that reads only;
 * O(tasks + steps of the window).
 */
export async function slowestSteps(client: Queries, query: SlowestQuery = {}): Promise<SlowStep[]> {
  const { rows } = await client.query<StepRow>({
    text: `
WITH slow AS MATERIALIZED (
  SELECT s.workflow_step_id, x.sort_key, x.created_at AS ended_at, s.created_at
    FROM tasker_tasks t
    JOIN tasker_workflow_steps s USING (task_id)
    JOIN tasker_workflow_step_transitions x
      ON x.workflow_step_id = s.workflow_step_id AND x.most_recent AND x.to_state = 'complete'
   WHERE ${IN_WINDOW} AND s.created_at > $1::timestamp AND x.created_at > s.created_at
   ORDER BY x.created_at - s.created_at DESC, s.workflow_step_id LIMIT $5::integer)
SELECT s.workflow_step_id, s.task_id, step.name AS step_name, ${KIND}, coalesce(s.attempts, 0) AS attempts,
       ${seconds('slow.created_at', 'slow.ended_at')} AS duration,
       ${seconds('begun.created_at', 'slow.ended_at')} AS attempt,
       slow.created_at::text AS created_at, slow.ended_at::text AS ended_at
  FROM slow JOIN tasker_workflow_steps s USING (workflow_step_id)
  JOIN tasker_named_steps step USING (named_step_id)
  JOIN tasker_tasks t USING (task_id) ${KINDS}
  LEFT JOIN LATERAL (
    SELECT created_at FROM tasker_workflow_step_transitions earlier
     WHERE earlier.workflow_step_id = slow.workflow_step_id AND earlier.to_state = 'in_progress'
       AND earlier.sort_key < slow.sort_key
     ORDER BY earlier.sort_key DESC LIMIT 1) begun ON true
 ORDER BY slow.ended_at - slow.created_at DESC, s.workflow_step_id`,
    values: await valuesOf(client, query),
  });
  return rows.map((row) => ({
    ...kindOf(row),
    stepId: BigInt(row.workflow_step_id),
    stepName: row.step_name,
    durationSeconds: Number(row.duration),
    attemptSeconds: row.attempt === null ? undefined : Number(row.attempt),
    attempts: row.attempts,
    createdAt: instant(row.created_at),
    completedAt: instant(row.ended_at),
  }));
}

/**
 * Tasks created after an instant that took longest from their creation to the latest completion or
 * failure of a step, the slowest first.
 *
 * Errors: TASKER_BAD_ARGUMENT for a limit or instant that is none. One statement that reads only;
 * O(tasks + steps of the window).
 */
export async function slowestTasks(client: Queries, query: SlowestQuery = {}): Promise<SlowTask[]> {
  const { rows } = await client.query<TaskRow>({
    text: `
WITH slow AS MATERIALIZED (
  SELECT t.task_id, t.created_at, max(x.created_at) AS ended_at,
         count(*) FILTER (WHERE x.to_state = 'complete') AS complete,
         count(*) FILTER (WHERE x.to_state = 'error') AS error
    FROM tasker_tasks t
    JOIN tasker_workflow_steps s USING (task_id)
    JOIN tasker_workflow_step_transitions x ON x.workflow_step_id = s.workflow_step_id
     AND x.most_recent AND x.to_state IN ('complete', 'error')
   WHERE ${IN_WINDOW}
   GROUP BY t.task_id
   ORDER BY max(x.created_at) - t.created_at DESC, t.task_id LIMIT $5::integer)
SELECT t.task_id, ${KIND}, slow.complete, slow.error, t.initiator, t.source_system,
       (SELECT count(*) FROM tasker_workflow_steps s WHERE s.task_id = t.task_id) AS steps,
       ${seconds('slow.created_at', 'slow.ended_at')} AS duration,
       slow.created_at::text AS created_at, slow.ended_at::text AS ended_at
  FROM slow JOIN tasker_tasks t USING (task_id) ${KINDS}
 ORDER BY slow.ended_at - slow.created_at DESC, t.task_id`,
    values: await valuesOf(client, query),
  });
  return rows.map((row) => ({
    ...kindOf(row),
    durationSeconds: Number(row.duration),
    stepCount: Number(row.steps),
    completedSteps: Number(row.complete),
    errorSteps: Number(row.error),
    createdAt: instant(row.created_at),
    completedAt: instant(row.ended_at),
    initiator: row.initiator,
    sourceSystem: row.source_system,
  }));
}

async function valuesOf(client: Queries, query: SlowestQuery): Promise<unknown[]> {
  const { namespace, name, version } = query;
  const limit = pageLimit(query.limit ?? 10);
  const since = query.since ?? (await databaseMicros(client)) - DAY_MICROS;
  if (!Number.isFinite(since)) {
    throw new TaskerError('TASKER_BAD_ARGUMENT', `Option since is ${since}, not an instant.`, {
      data: { field: 'since', value: String(since) },
    });
  }
  return [formatNaive(since), namespace ?? null, name ?? null, version ?? null, limit];
}

const kindOf = (row: KindRow): TaskKind => ({
  taskId: BigInt(row.task_id),
  namespace: row.namespace,
  taskName: row.task_name,
  version: row.version,
});

const instant = (text: string): string => instantText(text);
