import { formatNaive, nearestInstant } from '../../graph/snapshot/instants.ts';
import { WORKFLOW_STATES } from '../../state-machine/states.ts';
import { int4Array, int8Array } from '../copy/binary-arrays.ts';
import { FEW_TASKS } from '../snapshot/few-tasks.ts';
import type { Queries } from '../id-block.ts';

/** Number of parts that the tasks are spread over: `task_id` modulo this. */
export const SHARDS = 64;

/** A task that has begun or may begin, and is not over. */
export interface ActiveTaskRow {
  readonly taskId: bigint;
  readonly namedTaskId: number;
  readonly state: 'pending' | 'in_progress';
  /** Id of its current transition row; undefined without one. */
  readonly token: bigint | undefined;
  readonly priority: number;
  readonly correlationId: string | undefined;
  readonly paused: boolean;
}

/** Which tasks {@link readActiveTasks} looks at. */
export interface ActiveTaskFilter {
  /** Tasks of other fleets, and those without a row of ours, are somebody else's. */
  readonly fleet: string;
  readonly namedTaskIds: readonly number[];
  readonly shards: readonly number[];
  /** These tasks only. */
  readonly taskIds?: readonly bigint[];
  /** No more than so many, those that are to run first; not with `taskIds`. */
  readonly first?: number;
  /** The clock, µs since the epoch: tasks that are to begin later are left out. */
  readonly at: number;
}

/**
 * Tasks by their ids, each looked up by the index: OFFSET 0 keeps the server from reading whole
 * tables, which it would, of a database that nobody has analysed yet, however large it has grown.
 */
const each = (ids: string, columns: string, table: string, condition: string): string =>
  `unnest(${ids}::bigint[]) AS w(id)
 CROSS JOIN LATERAL (SELECT ${columns} FROM ${table} WHERE ${condition} OFFSET 0)`;

const UNFINISHED = '(t.complete = false OR t.complete IS NULL)';

/** Said so, the server expects most unfinished tasks to pass, and reads what belongs to them at once. */
const OVER = WORKFLOW_STATES.filter((state) => state !== 'pending' && state !== 'in_progress')
  .map((state) => `'${state}'`)
  .join(', ');

const activeTasks = (source: string): string => `
SELECT t.task_id, t.named_task_id, coalesce(x.to_state, 'pending') AS state, x.id AS token,
       c.priority, c.correlation_id, c.paused_at IS NOT NULL AS paused,
       CASE WHEN c.run_at > $3::timestamp THEN c.run_at END AS later
  FROM ${source}
 WHERE t.named_task_id = ANY ($1::integer[])
   AND ($2::integer[] IS NULL OR (t.task_id % ${SHARDS})::integer = ANY ($2::integer[]))
   AND c.fleet = $4::text AND ${UNFINISHED} AND (x.id IS NULL OR x.to_state NOT IN (${OVER}))`;

const ALL_ACTIVE = activeTasks(`tasker_tasks t
  LEFT JOIN tasker_task_transitions x ON x.task_id = t.task_id AND x.most_recent
  JOIN tasker_core_tasks c ON c.task_id = t.task_id`);

const FIRST_ACTIVE = `${ALL_ACTIVE}
   AND (c.run_at IS NULL OR c.run_at <= $3::timestamp) AND c.paused_at IS NULL
 ORDER BY c.priority DESC, t.task_id LIMIT $5::integer`;

const ACTIVE_OF_IDS =
  activeTasks(`${each('$5', 't.task_id, t.named_task_id, t.complete', 'tasker_tasks t', 't.task_id = w.id')} t
  LEFT JOIN LATERAL (SELECT x.id, x.to_state FROM tasker_task_transitions x
                      WHERE x.task_id = w.id AND x.most_recent OFFSET 0) x ON true
 CROSS JOIN LATERAL (SELECT c.fleet, c.priority, c.correlation_id, c.paused_at, c.run_at
                       FROM tasker_core_tasks c WHERE c.task_id = w.id OFFSET 0) c`);

interface ActiveTaskRecord {
  readonly task_id: string;
  readonly named_task_id: number;
  /** One that no engine of ours writes, where others have written it. */
  readonly state: string;
  readonly token: string | null;
  readonly priority: number;
  readonly correlation_id: string | null;
  readonly paused: boolean;
  readonly later: string | null;
}

/** Active tasks, and when the next one is due that is not yet, µs since the epoch. */
export interface ActiveTasks {
  readonly tasks: readonly ActiveTaskRow[];
  readonly nextRunAt: number;
}

/**
 * Reads the active tasks of a fleet, in some shards, that may run now. One statement, O(unfinished tasks), or
 * O(ids) where tasks are named.
 */
export async function readActiveTasks(
  client: Queries,
  { fleet, namedTaskIds, shards, taskIds, first, at }: ActiveTaskFilter,
): Promise<ActiveTasks> {
  // all of them are no condition
  const some = new Set(shards).size < SHARDS ? int4Array(shards) : null;
  const values = [int4Array(namedTaskIds), some, formatNaive(at), fleet];
  const { rows } = await client.query<ActiveTaskRecord>(
    taskIds !== undefined
      ? {
          name: 'tasker_active_tasks_by_id',
          text: ACTIVE_OF_IDS,
          values: [...values, int8Array(taskIds)],
        }
      : first !== undefined
        ? { name: 'tasker_first_active_tasks', text: FIRST_ACTIVE, values: [...values, first] }
        : { name: 'tasker_active_tasks', text: ALL_ACTIVE, values },
  );
  const due: ActiveTaskRow[] = [];
  let nextRunAt = Infinity;
  for (const row of rows) {
    if (row.state !== 'pending' && row.state !== 'in_progress') continue;
    if (row.later !== null) {
      nextRunAt = Math.min(nextRunAt, nearestInstant(row.later) as number);
      continue;
    }
    due.push({
      taskId: BigInt(row.task_id),
      namedTaskId: row.named_task_id,
      state: row.state,
      token: row.token === null ? undefined : BigInt(row.token),
      priority: row.priority,
      correlationId: row.correlation_id ?? undefined,
      paused: row.paused,
    });
  }
  return { tasks: due, nextRunAt };
}

/** The transition row that tells the state of a step that is not done. */
export interface StepTokenRow {
  readonly stepId: bigint;
  readonly token: bigint;
  readonly state: 'pending' | 'in_progress' | 'error';
  /** Number of the engine that claimed it; undefined for a step that none of ours did. */
  readonly engine: bigint | undefined;
  /** False for a step in progress whose engine is gone. */
  readonly engineLives: boolean;
}

const stepTokens = (source: string): string => `
SELECT x.workflow_step_id AS step_id, x.id AS token, x.to_state AS state,
       x.metadata->>'engine' AS engine, e.engine_id IS NOT NULL AS engine_lives
  FROM ${source}
  LEFT JOIN tasker_core_engines e
    ON x.to_state = 'in_progress' AND e.engine_id::text = x.metadata->>'engine'
 WHERE x.to_state IN ('pending', 'in_progress', 'error')`;

const TOKENS_OF_FEW =
  stepTokens(`${each('$1', 's.workflow_step_id', 'tasker_workflow_steps s', 's.task_id = w.id')} s
 CROSS JOIN LATERAL (
       SELECT x.workflow_step_id, x.id, x.to_state, x.metadata FROM tasker_workflow_step_transitions x
        WHERE x.workflow_step_id = s.workflow_step_id AND x.most_recent OFFSET 0) x`);

// of thousands of tasks, reading whole tables may be quicker
const TOKENS_OF_MANY = stepTokens(`tasker_workflow_steps s
  JOIN tasker_workflow_step_transitions x
    ON x.workflow_step_id = s.workflow_step_id AND x.most_recent AND s.task_id = ANY ($1::bigint[])`);

/** Current transition rows of the tasks' steps that have one and are not done. One statement. */
export async function readStepTokens(
  client: Queries,
  taskIds: readonly bigint[],
): Promise<StepTokenRow[]> {
  const { rows } = await client.query<{
    step_id: string;
    token: string;
    state: StepTokenRow['state'];
    engine: string | null;
    engine_lives: boolean;
  }>({
    ...(taskIds.length <= FEW_TASKS
      ? { name: 'tasker_step_tokens', text: TOKENS_OF_FEW }
      : { name: 'tasker_many_step_tokens', text: TOKENS_OF_MANY }),
    values: [int8Array(taskIds)],
  });
  return rows.map(({ step_id: stepId, token, state, engine, engine_lives: engineLives }) => ({
    stepId: BigInt(stepId),
    token: BigInt(token),
    state,
    engine: engine === null ? undefined : BigInt(engine),
    engineLives,
  }));
}

/** What the handlers of a task are given. */
export interface TaskInputRow {
  readonly taskId: bigint;
  readonly context: unknown;
  readonly requestedAt: string;
  readonly initiator: string | undefined;
  readonly sourceSystem: string | undefined;
  readonly reason: string | undefined;
  readonly tags: readonly string[] | undefined;
  /** Results by step id, as JSON decoded; steps without are left out. */
  readonly results: ReadonlyMap<bigint, unknown>;
  readonly inputs: ReadonlyMap<bigint, unknown>;
}

const INPUT_COLUMNS =
  't.task_id, t.context, t.requested_at, t.initiator, t.source_system, t.reason, t.tags';

const TASK_INPUTS = `
SELECT ${INPUT_COLUMNS}
  FROM ${each('$1', INPUT_COLUMNS, 'tasker_tasks t', 't.task_id = w.id')} t`;

// Every step is created with a copy of the context as its inputs: only others say something.
const STEP_RESULTS = `
SELECT s.task_id, s.workflow_step_id AS step_id,
       CASE WHEN s.attempts > 0 OR s.processed THEN s.results END AS results,
       CASE WHEN s.inputs IS DISTINCT FROM t.context THEN s.inputs END AS inputs
  FROM ${each('$1', 't.context', 'tasker_tasks t', 't.task_id = w.id')} t
 CROSS JOIN LATERAL (
       SELECT s.task_id, s.workflow_step_id, s.attempts, s.processed, s.results, s.inputs
         FROM tasker_workflow_steps s WHERE s.task_id = w.id OFFSET 0) s
 WHERE s.attempts > 0 OR s.processed OR s.inputs IS DISTINCT FROM t.context`;

/** Reads contexts and results. Two statements, O(steps of the tasks). */
export async function readTaskInputs(
  client: Queries,
  taskIds: readonly bigint[],
): Promise<TaskInputRow[]> {
  const values = [int8Array(taskIds)];
  const tasks = await client.query<{
    task_id: string;
    context: unknown;
    requested_at: string;
    initiator: string | null;
    source_system: string | null;
    reason: string | null;
    tags: unknown;
  }>({ name: 'tasker_task_inputs', text: TASK_INPUTS, values });
  const steps = await client.query<{
    task_id: string;
    step_id: string;
    results: unknown;
    inputs: unknown;
  }>({ name: 'tasker_step_results', text: STEP_RESULTS, values });
  const byTask = Map.groupBy(steps.rows, (row) => row.task_id);
  return tasks.rows.map((row) => {
    const own = byTask.get(row.task_id) ?? [];
    return {
      taskId: BigInt(row.task_id),
      context: row.context,
      requestedAt: `${row.requested_at.replace(' ', 'T')}Z`,
      initiator: row.initiator ?? undefined,
      sourceSystem: row.source_system ?? undefined,
      reason: row.reason ?? undefined,
      tags: Array.isArray(row.tags) ? (row.tags as string[]) : undefined,
      results: new Map(own.map(({ step_id: id, results }) => [BigInt(id), results])),
      inputs: new Map(
        own
          .filter(({ inputs }) => inputs !== null)
          .map(({ step_id: id, inputs }) => [BigInt(id), inputs]),
      ),
    };
  });
}
