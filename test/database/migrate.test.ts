import type pg from 'pg';
import { describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { migrate } from '../../src/database/schema/migrate.ts';
import type { MigrateProgress } from '../../src/database/schema/migrate.ts';
import { dumpSchema } from '../../src/database/schema/schema-dump.ts';
import { MIGRATIONS, MIGRATIONS_TABLE } from '../../src/migrations/index.ts';
import { createIndexStatement, RAILS_INDEXES } from '../../src/migrations/rails-indexes.ts';
import { railsSchemaStatements } from '../../src/migrations/rails-schema.ts';
import { createTestDatabase } from '../support/database.ts';
import { waitingSession } from './with-client.ts';

/** A database of one test: `statements` ran in it. */
async function database(statements: readonly string[] = [], migrated = false) {
  const { url, drop } = await createTestDatabase({ migrated });
  const client = await connect(url);
  await client.query(statements.join(';\n'));
  return {
    url,
    client,
    [Symbol.asyncDispose]: async () => {
      await client.end();
      await drop();
    },
  };
}

const RAILS = railsSchemaStatements('rails');

// Copying a migrated database and taking our tables away is quicker than creating all indexes anew.
const WITHOUT_OURS = `drop table ${[
  MIGRATIONS_TABLE,
  ...MIGRATIONS.slice(1).flatMap((migration) => migration.tables),
].join(', ')}`;

async function relations(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ relname: string }>(
    `select relname from pg_class where relnamespace = 'public'::regnamespace order by relname`,
  );
  return rows.map((row) => row.relname);
}

describe('on an empty database', () => {
  it('creates the schema, then has nothing left to do', async () => {
    await using empty = await database();
    const phases: MigrateProgress[] = [];
    const report = await migrate({
      url: empty.url,
      onProgress: (progress) => phases.push(progress),
    });
    expect(report).toEqual({
      before: 'empty',
      baseline: [],
      applied: MIGRATIONS.map((migration) => migration.name),
      createdIndexes: [],
      missingIndexes: [],
      railsFunctions: false,
    });
    expect(phases.map(({ phase }) => phase)).toEqual([
      'wait-for-lock',
      'check',
      ...MIGRATIONS.map(() => 'apply'),
      'commit',
    ]);
    const before = await dumpSchema(empty.client);
    expect(await migrate({ url: empty.url })).toMatchObject({ before: 'tasker', applied: [] });
    expect(await dumpSchema(empty.client)).toBe(before);
  });

  it('leaves the tables of the host application alone', async () => {
    await using host = await database([
      'create table users (id int)',
      'insert into users values (1)',
    ]);
    expect(await migrate({ url: host.url })).toMatchObject({ before: 'empty' });
    expect((await host.client.query('select * from users')).rowCount).toBe(1);
  });

  it('completes the index set of a lean database when asked to', async () => {
    await using lean = await database();
    await using rails = await database();
    await migrate({ url: lean.url });
    await migrate({ url: rails.url, indexes: 'rails' });
    const phases: MigrateProgress[] = [];
    const report = await migrate({
      url: lean.url,
      indexes: 'rails',
      onProgress: (progress) => phases.push(progress),
    });
    expect(report.createdIndexes).toContain('workflow_steps_processed_at_index');
    expect(phases).toContainEqual({ phase: 'indexes', name: 'workflow_steps_processed_at_index' });
    expect(await dumpSchema(lean.client)).toBe(await dumpSchema(rails.client));
  });

  it('is safe to call at the same time', async () => {
    await using empty = await database();
    const reports = await Promise.all([1, 2, 3].map(() => migrate({ url: empty.url })));
    expect(reports.map((report) => report.before).toSorted()).toEqual([
      'empty',
      'tasker',
      'tasker',
    ]);
  });

  it('stops when told to and leaves nothing behind', async () => {
    await using empty = await database();
    const controller = new AbortController();
    const attempt = migrate({
      url: empty.url,
      signal: controller.signal,
      onProgress: ({ phase }) => {
        if (phase === 'apply') controller.abort(new Error('enough'));
      },
    });
    await expect(attempt).rejects.toThrow('enough');
    expect(await relations(empty.client)).toEqual([]);
  });

  it('can be stopped while it waits for another one', async () => {
    await using empty = await database();
    const phases: string[] = [];
    await empty.client.query('begin');
    await empty.client.query('select pg_advisory_xact_lock($1)', [0x7461_736b]);
    const controller = new AbortController();
    const attempt = migrate({
      url: empty.url,
      signal: controller.signal,
      onProgress: ({ phase }) => phases.push(phase),
    });
    const failure = attempt.catch((error: unknown) => error);
    await waitingSession(empty.client);
    controller.abort(new Error('no more'));
    expect(await failure).toMatchObject({ message: 'no more' });
    expect(phases).toEqual(['wait-for-lock']);
  });

  it('installs the functions that a Rails engine calls', async () => {
    await using empty = await database();
    const report = await migrate({ url: empty.url, railsFunctions: true });
    expect(report.railsFunctions).toBe(true);
    const { rows } = await empty.client.query('select * from get_task_execution_context(1)');
    expect(rows).toEqual([]);
  });
});

describe('on a database that the Rails engine made', () => {
  const WITH_DATA = [
    ...RAILS,
    'create table schema_migrations (version varchar primary key)',
    `insert into schema_migrations values ('20250701165431'), ('20250710110830')`,
    `insert into tasker_task_namespaces (name, created_at, updated_at) values ('kept', now(), now())`,
  ];

  it('records the baseline and adds only its own tables', async () => {
    await using rails = await database(WITH_DATA);
    const before = await relations(rails.client);
    const report = await migrate({ url: rails.url });
    expect(report).toEqual({
      before: 'rails',
      baseline: ['0001_rails_schema'],
      applied: MIGRATIONS.slice(1).map((migration) => migration.name),
      createdIndexes: [],
      missingIndexes: [],
      railsFunctions: false,
    });
    const after = await relations(rails.client);
    const added = after.filter((name) => !before.includes(name));
    expect(added.every((name) => name.startsWith('tasker_core_'))).toBe(true);
    expect(added).toContain('tasker_core_steps');
    expect(before.every((name) => after.includes(name))).toBe(true);
    const { rows } = await rails.client.query('select name from tasker_task_namespaces');
    expect(rows).toEqual([{ name: 'kept' }]);
    expect(await migrate({ url: rails.url })).toMatchObject({ before: 'tasker', applied: [] });
  });

  it('names the indexes that its queries miss', async () => {
    await using rails = await database([...RAILS, 'drop index tasks_requested_at_index']);
    const index = RAILS_INDEXES['tasker_tasks']?.find(
      (one) => one.name === 'tasks_requested_at_index',
    );
    const { missingIndexes } = await migrate({ url: rails.url });
    expect(index).toBeDefined();
    expect(missingIndexes).toEqual([index && createIndexStatement('tasker_tasks', index)]);
    await rails.client.query(missingIndexes[0] ?? '');
    expect((await migrate({ url: rails.url })).missingIndexes).toEqual([]);
  });
});

describe('on a database with something in the way', () => {
  it('refuses it, says what and changes nothing', async () => {
    await using foreign = await database(
      [WITHOUT_OURS, 'alter table tasker_workflow_steps drop column skippable'],
      true,
    );
    const before = [await relations(foreign.client), await dumpSchema(foreign.client)];
    const differences = [
      { kind: 'column-missing', relation: 'tasker_workflow_steps', name: 'skippable' },
    ];
    await expect(migrate({ url: foreign.url })).rejects.toMatchObject({
      code: 'TASKER_SCHEMA_CONFLICT',
      message: expect.stringContaining('column tasker_workflow_steps.skippable is missing'),
      data: { differences },
    });
    expect([await relations(foreign.client), await dumpSchema(foreign.client)]).toEqual(before);
  });

  it('names each of many differences', async () => {
    await using foreign = await database(['create table tasker_tasks (id integer not null)']);
    const error = await migrate({ url: foreign.url }).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: 'TASKER_SCHEMA_CONFLICT' });
    const { differences } = (error as { data: { differences: unknown[] } }).data;
    expect(differences).toContainEqual({
      kind: 'relation-missing',
      relation: 'tasker_named_tasks',
    });
    expect(differences).toContainEqual({
      kind: 'column-missing',
      relation: 'tasker_tasks',
      name: 'task_id',
    });
    expect(differences).toContainEqual({
      kind: 'column-unknown-required',
      relation: 'tasker_tasks',
      name: 'id',
    });
    expect(await relations(foreign.client)).toEqual(['tasker_tasks']);
  });

  it('refuses a view that is called like a table', async () => {
    await using foreign = await database(['create view tasker_tasks as select 1 as task_id']);
    await expect(migrate({ url: foreign.url })).rejects.toMatchObject({
      code: 'TASKER_SCHEMA_CONFLICT',
      data: {
        differences: expect.arrayContaining([
          { kind: 'relation-kind', relation: 'tasker_tasks', expected: 'table' },
        ]),
      },
    });
  });

  it('refuses an index or sequence whose name it needs', async () => {
    await using foreign = await database([
      'create table host (name text)',
      'create index task_namespaces_name_unique on host (name)',
      'create sequence tasker_tasks_task_id_seq',
    ]);
    await expect(migrate({ url: foreign.url })).rejects.toMatchObject({
      code: 'TASKER_SCHEMA_CONFLICT',
      data: {
        differences: [
          { kind: 'name-taken', relation: 'task_namespaces_name_unique' },
          { kind: 'name-taken', relation: 'tasker_tasks_task_id_seq' },
        ],
      },
    });
  });

  it('refuses a database that a later version has migrated', async () => {
    await using newer = await database();
    await migrate({ url: newer.url });
    await newer.client.query(`insert into tasker_core_migrations (name) values ('9999_later')`);
    await expect(migrate({ url: newer.url })).rejects.toMatchObject({
      code: 'TASKER_SCHEMA_VERSION',
      data: { unknown: ['9999_later'] },
    });
  });

  it('runs what a database of an older version lacks', async () => {
    await using older = await database();
    await migrate({ url: older.url });
    await older.client.query('drop table tasker_core_steps');
    await older.client.query(`delete from tasker_core_migrations where name = '0002_step_waits'`);
    expect(await migrate({ url: older.url })).toMatchObject({
      before: 'tasker',
      baseline: [],
      applied: ['0002_step_waits'],
    });
  });
});
