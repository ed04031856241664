import type pg from 'pg';

import { TaskerError } from '../../errors.ts';
import { BASELINE_MIGRATION, MIGRATIONS, MIGRATIONS_TABLE } from '../../migrations/index.ts';
import { installRailsFunctions } from '../../migrations/rails-functions.ts';
import { createIndexStatement, RAILS_INDEXES } from '../../migrations/rails-indexes.ts';
import type { IndexSet } from '../../migrations/rails-indexes.ts';
import { connect, databaseError } from '../connection.ts';
import { readCatalog, visibleRelations } from './schema-catalog.ts';
import { listDifferences, newerSchema, schemaState } from './schema-state.ts';
import type { SchemaState } from './schema-state.ts';
import { missingIndexes } from './schema-verify.ts';

/** What {@link migrate} is doing; `name` is the migration at hand. */
export interface MigrateProgress {
  readonly phase:
    | 'wait-for-lock'
    | 'check'
    | 'apply'
    | 'record'
    | 'indexes'
    | 'functions'
    | 'commit';
  readonly name?: string;
}

/** Options of {@link migrate}. */
export interface MigrateOptions {
  /** PostgreSQL URL; the user must be allowed to create tables. */
  readonly url: string;
  /**
   * Indexes of a new database: `lean` (default) or all that the Rails engine creates, which make
   * every write two to three times as dear. On an existing database `rails` adds those that are
   * missing, blocking writes meanwhile, and `lean` leaves the indexes as they are.
   */
  readonly indexes?: IndexSet;
  /** Installs SQL functions with the names that a Rails engine calls; default false. */
  readonly railsFunctions?: boolean;
  readonly onProgress?: (progress: MigrateProgress) => void;
  readonly signal?: AbortSignal;
}

/** What {@link migrate} found and did. */
export interface MigrateReport {
  /** State before: nothing there, made by the Rails engine, or by us. */
  readonly before: 'empty' | 'rails' | 'tasker';
  /** Migrations recorded without running, because the Rails engine had made their tables. */
  readonly baseline: readonly string[];
  /** Migrations that ran now. */
  readonly applied: readonly string[];
  /** Indexes added to a database that existed before. */
  readonly createdIndexes: readonly string[];
  /** Statements for indexes that our queries want and the database lacks. */
  readonly missingIndexes: readonly string[];
  readonly railsFunctions: boolean;
}

// Held until the transaction ends, so that only one process at a time decides what a database is.
const MIGRATION_LOCK = 0x7461_736b;

/**
 * Brings a database to the schema of this version: creates it, or adopts one that the Rails engine made.
 *
 * Everything happens in one transaction under a lock: a failure changes nothing, and calls at the
 * same time wait for each other. A database that is up to date is left alone.
 *
 * @throws TaskerError `TASKER_SCHEMA_CONFLICT` when tables differ from what this package relies on
 *   (`data.differences` lists each point), `TASKER_SCHEMA_VERSION` when a later version was here,
 *   `TASKER_NOT_PERMITTED` when the user may not create tables, `TASKER_DATABASE_UNREACHABLE` and
 *   `TASKER_BAD_ARGUMENT` from the connection.
 */
export async function migrate(options: MigrateOptions): Promise<MigrateReport> {
  const { url, signal } = options;
  const client = await connect(url, {
    applicationName: 'tasker-migrate',
    ...(signal === undefined ? {} : { signal }),
  });
  // Ending the session rolls back what was not committed; it also ends a wait for the lock.
  const abort = (): void => void client.end().catch(() => undefined);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    // under a stricter default the wait for the lock would end with a view from before it
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    const report = await migrateInTransaction(client, options);
    signal?.throwIfAborted();
    options.onProgress?.({ phase: 'commit' });
    await client.query('COMMIT');
    return report;
  } catch (error) {
    signal?.throwIfAborted();
    throw databaseError(error);
  } finally {
    signal?.removeEventListener('abort', abort);
    await client.end();
  }
}

async function migrateInTransaction(
  client: pg.Client,
  options: MigrateOptions,
): Promise<MigrateReport> {
  const { indexes = 'lean', railsFunctions = false, onProgress, signal } = options;
  onProgress?.({ phase: 'wait-for-lock' });
  await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
  onProgress?.({ phase: 'check' });
  const state = await schemaState(client);
  if (state.kind === 'newer') throw newerSchema(state.unknown);
  if (state.kind === 'foreign') throw conflict(state);

  await chooseSchema(client);
  if (state.kind !== 'tasker') await createMigrationsTable(client);
  const baseline = state.kind === 'rails' ? [BASELINE_MIGRATION] : [];
  const pending = state.kind === 'tasker' ? state.pending : MIGRATIONS.map(({ name }) => name);
  const applied: string[] = [];
  for (const migration of MIGRATIONS.filter(({ name }) => pending.includes(name))) {
    signal?.throwIfAborted();
    const recordOnly = baseline.includes(migration.name);
    onProgress?.({ phase: recordOnly ? 'record' : 'apply', name: migration.name });
    if (!recordOnly) {
      for (const statement of migration.statements({ indexes })) await client.query(statement);
      applied.push(migration.name);
    }
    await recordMigration(client, migration.name);
  }
  const createdIndexes =
    state.kind !== 'empty' && indexes === 'rails' ? await completeIndexes(client, onProgress) : [];
  if (railsFunctions) {
    onProgress?.({ phase: 'functions' });
    await installRailsFunctions(client);
  }
  const missing = state.kind === 'empty' ? [] : missingIndexes(await readCatalog(client));
  return {
    before: state.kind,
    baseline,
    applied,
    createdIndexes,
    missingIndexes: missing.map(({ table, index }) => createIndexStatement(table, index)),
    railsFunctions,
  };
}

/**
 * Puts the schema that holds the shared tables first on the search path until the transaction ends:
 * whoever finds those tables must find ours as well.
 */
async function chooseSchema(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ schema: string | null }>(
    `SELECT coalesce((SELECT relnamespace::regnamespace::text FROM pg_class
                       WHERE oid = to_regclass('tasker_tasks')),
                     quote_ident(current_schema())) AS schema`,
  );
  const schema = rows[0]?.schema ?? null;
  if (schema === null) {
    throw new TaskerError(
      'TASKER_SCHEMA_CONFLICT',
      'The search path of the session names no schema that exists.',
      { remedy: 'Create the schema, or set the search path of the database or the user.' },
    );
  }
  await client.query(
    `SELECT set_config('search_path', $1 || ', ' || current_setting('search_path'), true)`,
    [schema],
  );
}

async function createMigrationsTable(client: pg.Client): Promise<void> {
  await client.query(`CREATE TABLE ${MIGRATIONS_TABLE} (
  id serial PRIMARY KEY,
  name varchar(255) NOT NULL,
  executed_at timestamptz(6) NOT NULL DEFAULT current_timestamp(6)
)`);
}

async function recordMigration(client: pg.Client, name: string): Promise<void> {
  await client.query(`INSERT INTO ${MIGRATIONS_TABLE} (name) VALUES ($1)`, [name]);
}

async function completeIndexes(
  client: pg.Client,
  onProgress: MigrateOptions['onProgress'],
): Promise<string[]> {
  const wanted = Object.entries(RAILS_INDEXES).flatMap(([table, indexes]) =>
    indexes.map((index) => ({ table, index })),
  );
  const present = await visibleRelations(
    client,
    wanted.map(({ index }) => index.name),
  );
  const absent = wanted.filter(({ index }) => !present.has(index.name));
  for (const { table, index } of absent) {
    onProgress?.({ phase: 'indexes', name: index.name });
    await client.query(createIndexStatement(table, index));
  }
  return absent.map(({ index }) => index.name);
}

function conflict(state: Extract<SchemaState, { kind: 'foreign' }>): TaskerError {
  return new TaskerError(
    'TASKER_SCHEMA_CONFLICT',
    `The database differs from what this version relies on: ${listDifferences(state.differences)}.`,
    {
      remedy: 'Nothing was changed. Use another database, or bring these tables in line first.',
      data: { differences: state.differences },
    },
  );
}
