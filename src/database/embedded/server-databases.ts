import pg from 'pg';

import { connect, withDatabase } from '../connection.ts';

/**
 * Creates the database `name` on the server of `adminUrl`, as a copy of `template` if one is named.
 *
 * The template must have no session of its own while it is copied.
 *
 * @returns the URL of the new database
 */
export async function createDatabase(
  adminUrl: string,
  name: string,
  options: { readonly template?: string } = {},
): Promise<string> {
  const template =
    options.template === undefined ? '' : ` TEMPLATE ${pg.escapeIdentifier(options.template)}`;
  await administer(adminUrl, `CREATE DATABASE ${pg.escapeIdentifier(name)}${template}`);
  return withDatabase(adminUrl, name);
}

/** Drops the database `name`, ending its sessions first; does nothing when it is not there. */
export async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await administer(adminUrl, `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
}

/** Whether the server of `adminUrl` has a database `name`. */
export async function databaseExists(adminUrl: string, name: string): Promise<boolean> {
  const client = await connect(adminUrl, { applicationName: 'tasker-core administration' });
  try {
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    return found.rowCount !== 0;
  } finally {
    await client.end();
  }
}

async function administer(adminUrl: string, statement: string): Promise<void> {
  const client = await connect(adminUrl, { applicationName: 'tasker-core administration' });
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
