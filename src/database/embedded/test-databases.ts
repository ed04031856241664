import { hash, randomBytes } from 'node:crypto';

import { MIGRATIONS } from '../../migrations/index.ts';
import type { IndexSet } from '../../migrations/rails-indexes.ts';
import { connect, withDatabase } from '../connection.ts';
import { startEmbeddedServer } from './embedded-server.ts';
import { migrate } from '../schema/migrate.ts';
import { createDatabase, dropDatabase } from './server-databases.ts';

/** A migrated database that one test has to itself. */
export interface TestDatabase {
  readonly url: string;
  /** Drops it with all sessions on it; safe to call again. */
  drop(): Promise<void>;
}

/** Options of {@link createTestDatabase}. */
export interface TestDatabaseOptions {
  /** Administrator's URL of a server; default an embedded one, shared by the whole process. */
  readonly server?: string | undefined;
  readonly indexes?: IndexSet | undefined;
}

const NAME = 'tasker_core_test';

/** A database is seldom needed again after a crash: these make it quick instead. */
const CARELESS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

let embedded: Promise<string> | undefined;
const ready = new Map<string, Promise<string>>();

/** Creates a database: a copy of one that was migrated before, about 50 ms. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = options.server ?? (await embeddedUrl());
  const template = await readyTemplate(server, options.indexes ?? 'lean');
  const name = `${NAME}_${randomBytes(6).toString('hex')}`;
  const url = await createDatabase(server, name, { template });
  let dropping: Promise<void> | undefined;
  return { url, drop: () => (dropping ??= dropDatabase(server, name)) };
}

/** The server ends with this process. */
async function embeddedUrl(): Promise<string> {
  embedded ??= startEmbeddedServer({ settings: CARELESS, background: true }).then(({ url }) => url);
  try {
    return await embedded;
  } catch (error) {
    embedded = undefined;
    throw error;
  }
}

async function readyTemplate(server: string, indexes: IndexSet): Promise<string> {
  const key = `${indexes} ${server}`;
  const found = ready.get(key) ?? makeTemplate(server, indexes);
  ready.set(key, found);
  try {
    return await found;
  } catch (error) {
    ready.delete(key);
    throw error;
  }
}

/**
 * The database that tests get copies of; it stays on the server for the next run. Its name tells its
 * schema, so that another version of this package makes another one.
 */
async function makeTemplate(server: string, indexes: IndexSet): Promise<string> {
  const statements = MIGRATIONS.flatMap((migration) => migration.statements({ indexes }));
  const digest = hash('sha256', JSON.stringify(statements), 'hex').slice(0, 12);
  const name = `${NAME}_template_${indexes}_${digest}`;
  const client = await connect(server, { applicationName: 'tasker-core test kit' });
  try {
    // processes that start together make one template
    await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [name]);
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (rowCount !== 0) return name;
    // under its name it is complete
    const draft = `${name}_draft`;
    await dropDatabase(server, draft);
    await createDatabase(server, draft);
    await migrate({ url: withDatabase(server, draft), indexes });
    await client.query(`ALTER DATABASE "${draft}" RENAME TO "${name}"`);
    return name;
  } finally {
    await client.end();
  }
}
