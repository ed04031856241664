import type pg from 'pg';

import { TaskerError } from '../../errors.ts';
import { parseInstant } from '../../graph/snapshot/instants.ts';
import { MIGRATIONS } from '../../migrations/index.ts';
import { connect, cutOnAbort, databaseError } from '../connection.ts';
import { copyIn } from '../copy/copy-in.ts';
import { requireTaskerSchema } from '../schema/schema-state.ts';
import { dependentTables, restoreIndexes, setIndexesAside } from './seed-indexes.ts';
import { storeWorkflow } from './seed-catalog.ts';
import { SEED_TABLES, type SeedPasses, type SeedTable } from './seed-tables.ts';
import type { SeedWorkflow, StoredWorkflow } from './seed-workflow.ts';

/** Options of {@link fillDatabase}. */
export interface FillOptions {
  /** A migrated database. */
  readonly url: string;
  /** How many tasks to create. */
  readonly tasks: number;
  /** ISO instant at which the tasks are seen; default the database's NOW(). */
  readonly now?: string;
  /** Adds to a database that already holds tasks; slower, since its indexes stay in place. */
  readonly force?: boolean;
  readonly onProgress?: (progress: SeedProgress) => void;
  /** Gives up; nothing is stored then. */
  readonly signal?: AbortSignal;
}

/** What a seeding inserts. */
export interface SeedContent {
  /** The workflows that tasks are made of; they are stored first. */
  readonly workflows: readonly SeedWorkflow[];
  /** Gives the rows of the tasks. It is told the stored workflows, in their order, and now, in µs since the epoch. */
  readonly passes: (workflows: readonly StoredWorkflow[], now: number) => SeedPasses;
}

/** Where the seeding stands. */
export interface SeedProgress {
  /** The table being filled, or what else is going on. */
  readonly phase: SeedTable | 'indexes' | 'vacuum';
  /** Tasks written in this phase so far. */
  readonly done: number;
  readonly total: number;
}

/** What was stored. */
export interface SeedReport {
  readonly tasks: number;
  readonly steps: number;
  readonly edges: number;
  readonly taskTransitions: number;
  readonly stepTransitions: number;
  /** First and last task id; equal when one task was made. */
  readonly firstTaskId: bigint;
  readonly lastTaskId: bigint;
  readonly elapsedMs: number;
  readonly stepsPerSecond: number;
}

const ID_COLUMNS: Readonly<Record<SeedTable, string>> = {
  tasker_tasks: 'task_id',
  tasker_workflow_steps: 'workflow_step_id',
  tasker_workflow_step_edges: 'id',
  tasker_task_transitions: 'id',
  tasker_workflow_step_transitions: 'id',
};

/** Tables of this schema whose rows belong to tasks: empty where there are no tasks. */
const OWN_DEPENDENTS = [
  'tasker_task_annotations',
  ...MIGRATIONS.slice(1).flatMap((migration) => migration.tables),
];

// Without `force` there is one range: fewer and longer COPYs. With it, foreign keys are checked at the end of each
// COPY from a queue in memory, which a range keeps short.
const FORCED_RANGE = 20_000;

/**
 * Fills a migrated database with the tasks of `content`.
 *
 * All in one transaction, through COPY, table after table. An empty database is filled without its indexes and foreign
 * keys, which are built and checked afterwards; other sessions cannot use the tables meanwhile. Where tables of another
 * program refer to these, the indexes stay in place.
 *
 * @throws TaskerError `TASKER_NOT_EMPTY` when there are tasks and `force` is not set, `TASKER_BAD_ARGUMENT` for a bad
 *   option, `TASKER_NOT_TASKER_DATABASE` for a database without the schema, `TASKER_NOT_PERMITTED` for a user who may
 *   not write, and those of `connect`
 */
export async function fillDatabase(
  content: SeedContent,
  options: FillOptions,
): Promise<SeedReport> {
  const { url, signal } = options;
  checkOptions(options);
  const started = performance.now();
  const client = await connect(url, {
    applicationName: 'tasker-seed',
    ...(signal === undefined ? {} : { signal }),
  });
  const uncut = cutOnAbort(client, signal);
  try {
    await requireTaskerSchema(client);
    await client.query('BEGIN');
    const counts = await fillInTransaction(client, content, options);
    signal?.throwIfAborted();
    // From here on the rows are stored, and saying that they are not would be wrong.
    uncut();
    await client.query('COMMIT');
    options.onProgress?.({ phase: 'vacuum', done: 0, total: options.tasks });
    // Marks pages as visible to all, which index-only scans need, and gathers the planner's figures.
    await client.query(`VACUUM (ANALYZE) ${SEED_TABLES.join(', ')}`);
    await client.query('ANALYZE tasker_named_tasks, tasker_named_steps, tasker_task_namespaces');
    const elapsedMs = performance.now() - started;
    return { ...counts, elapsedMs, stepsPerSecond: Math.round((counts.steps / elapsedMs) * 1000) };
  } catch (error) {
    signal?.throwIfAborted();
    throw databaseError(error);
  } finally {
    uncut();
    // Ending the session rolls back what was not committed.
    await client.end();
  }
}

type SeedCounts = Omit<SeedReport, 'elapsedMs' | 'stepsPerSecond'>;

async function fillInTransaction(
  client: pg.Client,
  content: SeedContent,
  options: FillOptions,
): Promise<SeedCounts> {
  const { tasks, force = false, onProgress } = options;
  await client.query(`LOCK TABLE ${SEED_TABLES.join(', ')} IN EXCLUSIVE MODE`);
  const empty = await isEmpty(client);
  if (!empty && !force) {
    throw new TaskerError('TASKER_NOT_EMPTY', 'The database already holds tasks.', {
      remedy: 'Seed an empty database, or add to this one with force (--force).',
    });
  }
  const workflows: StoredWorkflow[] = [];
  for (const workflow of content.workflows) workflows.push(await storeWorkflow(client, workflow));
  const now =
    options.now === undefined ? await databaseNow(client) : (parseInstant(options.now) ?? 0);
  const passOf = content.passes(workflows, now);
  const first = await nextIds(client);
  // An empty table must be truncated before COPY may freeze its rows; without CASCADE, which would also empty
  // tables of the host application that may refer to tasks.
  const dependent = empty ? await dependentTables(client, SEED_TABLES, OWN_DEPENDENTS) : undefined;
  const bare = dependent !== undefined;
  if (bare) await client.query(`TRUNCATE ${[...SEED_TABLES, ...dependent].join(', ')}`);
  const aside = bare ? await setIndexesAside(client, SEED_TABLES) : undefined;

  const next = await copyTasks(client, passOf, first, bare, options);
  if (aside !== undefined) {
    onProgress?.({ phase: 'indexes', done: 0, total: tasks });
    await restoreIndexes(client, aside);
  }
  await setSequences(client, next);
  const made = (table: SeedTable): number => next[table] - first[table];
  return {
    tasks: made('tasker_tasks'),
    steps: made('tasker_workflow_steps'),
    edges: made('tasker_workflow_step_edges'),
    taskTransitions: made('tasker_task_transitions'),
    stepTransitions: made('tasker_workflow_step_transitions'),
    firstTaskId: BigInt(first.tasker_tasks),
    lastTaskId: BigInt(next.tasker_tasks - 1),
  };
}

/** Copies the rows of all tasks in and answers with the next free ids. */
async function copyTasks(
  client: pg.Client,
  passOf: SeedPasses,
  first: Readonly<Record<SeedTable, number>>,
  bare: boolean,
  { tasks, onProgress, signal }: FillOptions,
): Promise<Record<SeedTable, number>> {
  const next = { ...first };
  const range = bare ? Math.max(tasks, 1) : FORCED_RANGE;
  for (let from = 0; from < tasks; from += range) {
    const to = Math.min(from + range, tasks);
    const start = { ...next };
    for (const table of SEED_TABLES) {
      // Every pass begins with the range's first ids and moves on those of its own table.
      const ids = { ...start };
      const pass = passOf(table, { from, to, ids });
      const chunks = watched(pass.chunks, signal, () =>
        onProgress?.({ phase: table, done: pass.done(), total: tasks }),
      );
      const how = `FORMAT binary${bare ? ', FREEZE' : ''}`;
      await copyIn(
        client,
        `COPY ${table} (${pass.columns.join(', ')}) FROM STDIN WITH (${how})`,
        chunks,
      );
      next[table] = ids[table];
      onProgress?.({ phase: table, done: to, total: tasks });
    }
  }
  return next;
}

function checkOptions({ tasks, now }: FillOptions): void {
  if (!Number.isSafeInteger(tasks) || tasks < 1)
    throw badOption('tasks', tasks, 'a whole number from 1 on');
  if (now !== undefined && !Number.isFinite(parseInstant(now)))
    throw badOption('now', now, 'an ISO instant');
}

/** The error of an option of a seeding that cannot be used. */
export function badOption(field: string, value: unknown, wanted: string): TaskerError {
  return new TaskerError(
    'TASKER_BAD_ARGUMENT',
    `${field} is ${String(value)}, which is not ${wanted}.`,
    { data: { field, value } },
  );
}

async function isEmpty(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query('SELECT FROM tasker_tasks LIMIT 1');
  return rows.length === 0;
}

async function databaseNow(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ us: string }>(
    'SELECT (extract(epoch FROM NOW()) * 1000000)::bigint AS us',
  );
  return Number(rows[0]?.us);
}

async function nextIds(client: pg.Client): Promise<Record<SeedTable, number>> {
  const fields = SEED_TABLES.map((table) => `nextval(${sequenceOf(table)}) AS ${table}`);
  const { rows } = await client.query<Record<SeedTable, string>>(`SELECT ${fields.join(', ')}`);
  const of = (table: SeedTable): number => Number(rows[0]?.[table]);
  return {
    tasker_tasks: of('tasker_tasks'),
    tasker_workflow_steps: of('tasker_workflow_steps'),
    tasker_workflow_step_edges: of('tasker_workflow_step_edges'),
    tasker_task_transitions: of('tasker_task_transitions'),
    tasker_workflow_step_transitions: of('tasker_workflow_step_transitions'),
  };
}

async function setSequences(
  client: pg.Client,
  next: Readonly<Record<SeedTable, number>>,
): Promise<void> {
  const fields = SEED_TABLES.map((table) => `setval(${sequenceOf(table)}, ${next[table]}, false)`);
  await client.query(`SELECT ${fields.join(', ')}`);
}

function sequenceOf(table: SeedTable): string {
  return `pg_get_serial_sequence('${table}', '${ID_COLUMNS[table]}')`;
}

function* watched(
  chunks: Iterable<Buffer>,
  signal: AbortSignal | undefined,
  onChunk: () => void,
): Generator<Buffer, void, undefined> {
  for (const chunk of chunks) {
    signal?.throwIfAborted();
    yield chunk;
    onChunk();
  }
}
