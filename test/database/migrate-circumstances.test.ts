import { randomBytes } from 'node:crypto';

import type pg from 'pg';
import { describe, expect, test } from 'vitest';

import { migrate } from '../../src/database/schema/migrate.ts';
import { databaseSource } from '../../src/database/snapshot/snapshot-loader.ts';
import { answersOf } from '../support/answers.ts';
import { MIGRATIONS, MIGRATIONS_TABLE } from '../../src/migrations/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { withClient } from './with-client.ts';

const OWN_TABLES = [
  MIGRATIONS_TABLE,
  ...MIGRATIONS.slice(1).flatMap((migration) => migration.tables),
].sort();

const DROP_OWN_TABLES = `DROP TABLE IF EXISTS ${OWN_TABLES.join(', ')}`;

/** Runs statements in which `%I` stands for the name of the database. */
async function prepare(url: string, ...statements: string[]): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  await withClient(url, async (client) => {
    for (const statement of statements) await client.query(statement.replaceAll('%I', name));
  });
}

async function ownTables(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT schemaname || '.' || tablename AS name FROM pg_tables
      WHERE tablename LIKE 'tasker\\_core\\_%' ORDER BY 1`,
  );
  return rows.map((row) => row.name);
}

test.each(['repeatable read', 'serializable'])(
  'calls at the same time wait for each other where %s is the default',
  async (isolation) => {
    await using database = await createTestDatabase({ migrated: false });
    const { url } = database;
    await prepare(url, `ALTER DATABASE %I SET default_transaction_isolation = '${isolation}'`);
    const reports = await Promise.all(Array.from({ length: 3 }, () => migrate({ url })));
    expect(reports.map((report) => report.before).toSorted()).toEqual([
      'empty',
      'tasker',
      'tasker',
    ]);
  },
);

describe('schemas other than public', () => {
  test('a new database gets its tables where the search path says', async () => {
    await using database = await createTestDatabase({ migrated: false });
    const { url } = database;
    await prepare(url, 'CREATE SCHEMA "App"', 'ALTER DATABASE %I SET search_path = "App", public');
    expect(await migrate({ url })).toMatchObject({ before: 'empty' });
    expect(await withClient(url, ownTables)).toEqual(OWN_TABLES.map((table) => `App.${table}`));
    expect(await migrate({ url })).toMatchObject({ before: 'tasker', applied: [] });
  });

  test('our tables join those of the Rails engine, whatever stands before on the path', async () => {
    await using database = await createTestDatabase();
    const { url } = database;
    await prepare(
      url,
      DROP_OWN_TABLES,
      'CREATE SCHEMA app',
      'ALTER DATABASE %I SET search_path = app, public',
    );
    expect(await migrate({ url, railsFunctions: true })).toMatchObject({ before: 'rails' });
    expect(await withClient(url, ownTables)).toEqual(OWN_TABLES.map((table) => `public.${table}`));
    await prepare(url, 'ALTER DATABASE %I RESET search_path');
    expect(await migrate({ url })).toMatchObject({ before: 'tasker', applied: [] });
  });

  test('a path that leads nowhere is named', async () => {
    await using database = await createTestDatabase({ migrated: false });
    const { url } = database;
    await prepare(url, 'ALTER DATABASE %I SET search_path = nowhere');
    await expect(migrate({ url })).rejects.toMatchObject({
      code: 'TASKER_SCHEMA_CONFLICT',
      message: expect.stringContaining('search path'),
    });
  });
});

test('another program has taken the name of the table of migrations', async () => {
  await using database = await createTestDatabase();
  const { url } = database;
  await prepare(url, DROP_OWN_TABLES, 'CREATE TABLE tasker_core_migrations (version text)');
  await expect(migrate({ url })).rejects.toMatchObject({
    code: 'TASKER_SCHEMA_CONFLICT',
    data: { differences: [{ kind: 'name-taken', relation: 'tasker_core_migrations' }] },
  });
});

describe('a user who may not', () => {
  test('create tables, or read them, gets a code and a remedy', async () => {
    await using database = await createTestDatabase();
    const { url } = database;
    const user = `tasker_test_${randomBytes(5).toString('hex')}`;
    await prepare(url, `CREATE ROLE ${user} LOGIN PASSWORD '${user}'`, DROP_OWN_TABLES);
    const as = new URL(url);
    as.username = user;
    as.password = user;
    try {
      await expect(migrate({ url: as.href })).rejects.toMatchObject({
        code: 'TASKER_NOT_PERMITTED',
        remedy: expect.stringContaining('Grant'),
      });
      const run = (): Promise<unknown> =>
        answersOf(databaseSource({ url: as.href }), { backend: 'inline' });
      await expect(run()).rejects.toMatchObject({ code: 'TASKER_NOT_PERMITTED' });
      await prepare(url, `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${user}`);
      await expect(run()).resolves.toMatchObject({ readiness: [] });
    } finally {
      await prepare(url, `DROP OWNED BY ${user}`, `DROP ROLE ${user}`);
    }
  });

  test('write at all gets one too', async () => {
    await using database = await createTestDatabase({ migrated: false });
    const { url } = database;
    await prepare(url, 'ALTER DATABASE %I SET default_transaction_read_only = on');
    await expect(migrate({ url })).rejects.toMatchObject({ code: 'TASKER_NOT_PERMITTED' });
  });
});
