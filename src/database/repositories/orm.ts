import { MikroORM } from '@mikro-orm/postgresql';
import type { EntityManager, Options } from '@mikro-orm/postgresql';
import type pg from 'pg';

import { ENTITIES } from '../../entities/entities.ts';
import { TaskerError } from '../../errors.ts';
import { redactUrl } from '../connection.ts';

/** Options of {@link createOrm}. */
export interface OrmOptions {
  /** PostgreSQL URL, query parameters included. */
  readonly url: string;
  /** Sessions at most; default 10. One that many tasks share should stay below the server's limit. */
  readonly maxConnections?: number;
  /** Shown in `pg_stat_activity`; default `tasker-core`. */
  readonly applicationName?: string;
}

/** A MikroORM that knows every entity of this package by type. */
export type TaskerOrm = MikroORM<EntityManager, typeof ENTITIES>;

/** Its entity manager. */
export type TaskerEntityManager = TaskerOrm['em'];

// Naive timestamps are compared with NOW() in the session's zone; any other zone moves every wait.
// Where a policy would hide rows, the server refuses instead of answering from a part of them.
const SESSION = `SET TIME ZONE 'UTC'; SET DateStyle = 'ISO, MDY'; SET jit = off; SET row_security = off`;

/** The configuration behind {@link createOrm}, for tools that want to start MikroORM themselves. */
export function ormConfiguration(options: OrmOptions): Options<EntityManager, typeof ENTITIES> {
  return {
    entities: ENTITIES,
    // Only the name is taken from here: the driver's own reading of the URL loses its parameters.
    dbName: databaseName(options.url),
    driverOptions: {
      connectionString: options.url,
      application_name: options.applicationName ?? 'tasker-core',
      max: options.maxConnections ?? 10,
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
      onConnect: async (client: pg.ClientBase) => {
        await client.query(SESSION);
      },
    },
    // Connects with the first query, not while the program starts.
    ensureDatabase: false,
    allowGlobalContext: false,
  };
}

/**
 * MikroORM over every entity, with the time zone of each pooled session set to UTC.
 *
 * The zone of host, server and database then has no bearing on any answer. No connection is opened
 * until the first query. End it with `orm.close()`.
 *
 * @throws TaskerError `TASKER_BAD_ARGUMENT` when `url` is not a PostgreSQL URL.
 */
export async function createOrm(options: OrmOptions): Promise<TaskerOrm> {
  return MikroORM.init(ormConfiguration(options));
}

function databaseName(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw new TaskerError('TASKER_BAD_ARGUMENT', 'The database address is not a PostgreSQL URL.', {
      remedy: 'Write it as postgresql://user:password@host:5432/database.',
      data: { field: 'url', value: redactUrl(url) },
    });
  }
  // The server takes the user's name for the database's when there is none.
  return decodeURIComponent(parsed.pathname.slice(1)) || parsed.username || 'postgres';
}
