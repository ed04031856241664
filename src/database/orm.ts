import { MikroORM } from '@mikro-orm/postgresql';
import type pg from 'pg';

import { ENTITIES } from '../entities/entities.ts';

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
export type TaskerOrm = Awaited<ReturnType<typeof createOrm>>;

/** Its entity manager. */
export type TaskerEntityManager = TaskerOrm['em'];

// Naive timestamps are compared with NOW() in the session's zone; any other zone moves every wait.
const SESSION = `SET TIME ZONE 'UTC'; SET DateStyle = 'ISO, MDY'; SET jit = off`;

/** The configuration behind {@link createOrm}, for tools that want to start MikroORM themselves. */
export function ormConfiguration(options: OrmOptions) {
  const database = decodeURIComponent(new URL(options.url).pathname.slice(1));
  return {
    entities: ENTITIES,
    // Only the name is taken from here: the driver's own reading of the URL loses its parameters.
    dbName: database,
    driverOptions: {
      connectionString: options.url,
      application_name: options.applicationName ?? 'tasker-core',
      max: options.maxConnections ?? 10,
      keepAlive: true,
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
 */
export async function createOrm(options: OrmOptions) {
  return MikroORM.init(ormConfiguration(options));
}
