import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createOrm } from '../../src/database/repositories/orm.ts';
import type { TaskerOrm } from '../../src/database/repositories/orm.ts';
import { readCatalog } from '../../src/database/schema/schema-catalog.ts';
import type { CatalogColumn, SchemaCatalog } from '../../src/database/schema/schema-catalog.ts';
import {
  CoreAudit,
  CoreEvent,
  ENTITIES,
  NamedTask,
  StepDagRelationship,
  Task,
  TaskNamespace,
  WorkflowStep,
} from '../../src/entities/index.ts';
import { RAILS_TABLES } from '../../src/migrations/rails-tables.ts';
import { RAILS_VIEW, RAILS_VIEW_COLUMNS } from '../../src/migrations/rails-view.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { withClient } from '../database/with-client.ts';

const CORE_TABLES = ['engines', 'tasks', 'steps', 'graphs', 'events', 'audit'].map(
  (name) => `tasker_core_${name}`,
);

type StoredColumn = Pick<CatalogColumn, 'table' | 'name' | 'type' | 'nullable'>;

const CORE_COLUMNS = `
SELECT c.relname AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
       NOT a.attnotnull AS nullable
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relname = ANY ($1)`;

const CORE_KEYS = `
SELECT conrelid::regclass::text AS table,
       ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS k(attnum, at)
               JOIN pg_attribute USING (attnum) WHERE attrelid = conrelid ORDER BY k.at) AS key
  FROM pg_constraint WHERE contype = 'p' AND conrelid::regclass::text = ANY ($1)`;

let database: TestDatabase;
let orm: TaskerOrm;
let catalog: SchemaCatalog;
let coreColumns: StoredColumn[];
/** Columns of the key by table. */
let coreKeys: ReadonlyMap<string, readonly string[]>;
beforeAll(async () => {
  database = await createTestDatabase();
  orm = await createOrm({ url: database.url });
  await withClient(database.url, async (client) => {
    catalog = await readCatalog(client);
    coreColumns = (await client.query<StoredColumn>(CORE_COLUMNS, [CORE_TABLES])).rows;
    const keys = await client.query<{ table: string; key: string[] }>(CORE_KEYS, [CORE_TABLES]);
    coreKeys = new Map(keys.rows.map(({ table, key }) => [table, key]));
  });
});
afterAll(async () => {
  await orm.close();
  await database.drop();
});

// What the entities declare, in the server's spelling.
function declared(table: string): unknown[] {
  const meta = [...orm.getMetadata()].find((entity) => entity.tableName === table);
  return (meta?.props ?? [])
    .map((property) => ({
      name: property.fieldNames[0],
      type: property.columnTypes[0]
        ?.replace('varchar', 'character varying')
        .replace(/^timestamp(\(6\))?$/, 'timestamp$1 without time zone')
        .replace(/^int$/, 'integer'),
      nullable: property.nullable ?? false,
    }))
    .toSorted((left, right) => (left.name ?? '').localeCompare(right.name ?? ''));
}

function stored(columns: readonly StoredColumn[], table: string): unknown[] {
  return columns
    .filter((column) => column.table === table)
    .map(({ name, type, nullable }) => ({ name, type, nullable }))
    .toSorted((left, right) => left.name.localeCompare(right.name));
}

describe('the entities', () => {
  it('are one for each table of these and one for the view', () => {
    expect(ENTITIES.map((entity) => entity.meta.tableName).toSorted()).toEqual(
      [...RAILS_TABLES.map((table) => table.name), RAILS_VIEW, ...CORE_TABLES].toSorted(),
    );
  });

  it.each(RAILS_TABLES.map((table) => table.name))('declare %s as it is', (table) => {
    expect(declared(table)).toEqual(stored(catalog.columns, table));
  });

  it.each(CORE_TABLES)('declare %s as it is', (table) => {
    expect(declared(table)).toEqual(stored(coreColumns, table));
  });

  it.each(CORE_TABLES)('declare the key of %s, which is not written through them', (table) => {
    const meta = [...orm.getMetadata()].find((entity) => entity.tableName === table);
    const key = meta?.props.filter((property) => property.primary === true);
    expect(key?.map((property) => property.fieldNames[0])).toEqual(coreKeys.get(table));
    expect(meta?.readonly).toBe(true);
  });

  it('read the log of events and the journal', async () => {
    await withClient(database.url, (client) =>
      client.query(`
INSERT INTO tasker_core_events (event_id, name, occurred_at, correlation_id, payload)
  VALUES ('01890000-0000-7000-8000-000000000000', 'x', '2026-01-02 03:04:05.000006', 'c', '{"a":1}');
INSERT INTO tasker_core_audit (created_at, actor, action) VALUES (now(), 'anna', 'x');`),
    );
    const em = orm.em.fork();
    expect(await em.findOne(CoreEvent, { name: 'x' })).toMatchObject({
      position: 1n,
      xid: expect.any(BigInt),
      eventId: '01890000-0000-7000-8000-000000000000',
      occurredAt: '2026-01-02T03:04:05.000006Z',
      schemaVersion: 1,
      correlationId: 'c',
      payload: { a: 1 },
    });
    expect(await em.count(CoreAudit, { actor: 'anna' })).toBe(1);
  });

  it.each(RAILS_TABLES)('declare the key and the defaults of $name', (table) => {
    const meta = [...orm.getMetadata()].find((entity) => entity.tableName === table.name);
    const key = meta?.props.filter((property) => property.primary === true);
    expect(key?.map((property) => [property.fieldNames[0], property.autoincrement])).toEqual([
      [table.primaryKey.column, true],
    ]);
    const defaults = (meta?.props ?? [])
      .filter((property) => property.defaultRaw !== undefined)
      .map((property) => [property.fieldNames[0], property.defaultRaw]);
    const expected = table.columns
      .filter((column) => column.default !== undefined)
      .map((column) => [column.name, column.default]);
    expect(new Map(defaults as [string, string][])).toEqual(
      new Map(expected as [string, string][]),
    );
  });

  it('declare the view, read-only', () => {
    const meta = [...orm.getMetadata()].find((entity) => entity.tableName === RAILS_VIEW);
    const types = (declared(RAILS_VIEW) as { name: string; type: string }[]).map(
      ({ name, type }) => [name, type] as const,
    );
    expect(new Map(types)).toEqual(new Map(RAILS_VIEW_COLUMNS));
    expect(meta?.readonly).toBe(true);
  });
});

describe('an entity through MikroORM', () => {
  it('is created, changed and found with exact values', async () => {
    const em = orm.em.fork();
    const namespace = em.create(TaskNamespace, { name: 'orm' });
    await em.persist(namespace).flush();
    const kind = em.create(NamedTask, { name: 'kind', taskNamespaceId: namespace.taskNamespaceId });
    await em.persist(kind).flush();
    expect(kind).toMatchObject({ version: '0.1.0', configuration: '{}' });
    const task = em.create(Task, {
      taskId: 9_007_199_254_740_993n,
      namedTaskId: kind.namedTaskId,
      requestedAt: '2026-03-01T11:30:00.000125+02:00',
      identityHash: 'exact',
      context: { deep: [1, { text: '{"not": "parsed"}' }] },
      bypassSteps: ['a'],
      tags: 'just a string',
    });
    await em.persist(task).flush();
    expect(task.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);

    const again = await orm.em.fork().findOneOrFail(Task, { taskId: 9_007_199_254_740_993n });
    expect(again).toMatchObject({
      taskId: 9_007_199_254_740_993n,
      requestedAt: '2026-03-01T09:30:00.000125Z',
      context: { deep: [1, { text: '{"not": "parsed"}' }] },
      bypassSteps: ['a'],
      tags: 'just a string',
      complete: false,
    });
    again.tags = null;
    again.context = { changed: true };
    const { updatedAt } = again;
    const changing = orm.em.fork();
    const managed = await changing.findOneOrFail(Task, again.taskId);
    managed.context = { changed: true };
    await changing.flush();
    const changed = await orm.em.fork().findOneOrFail(Task, again.taskId);
    expect(changed.context).toEqual({ changed: true });
    expect(changed.updatedAt >= updatedAt).toBe(true);
  });

  it('is not written again when nothing changed', async () => {
    const em = orm.em.fork();
    const namespace = em.create(TaskNamespace, { name: 'quiet' });
    const other = em.create(TaskNamespace, { name: 'quieter' });
    await em.persist([namespace, other]).flush();
    const fresh = orm.em.fork();
    const loaded = await fresh.findOneOrFail(TaskNamespace, { name: 'quiet' });
    const before = loaded.updatedAt;
    await fresh.flush();
    expect((await orm.em.fork().findOneOrFail(TaskNamespace, { name: 'quiet' })).updatedAt).toBe(
      before,
    );
  });

  it('reads infinities and far years as text', async () => {
    const em = orm.em.fork();
    const [step] = await em.execute<{ at: string }[]>(`select 'infinity'::timestamp as at`);
    expect(step?.at).toBe('infinity');
    const [task] = await orm.em.fork().find(Task, {}, { limit: 1 });
    for (const [written, read] of [
      ['-infinity', '-infinity'],
      ['12026-03-01T00:00:00Z', '12026-03-01T00:00:00.000000Z'],
      ['0044-03-15T12:00:00.5Z BC', '0044-03-15T12:00:00.500000Z BC'],
    ] as const) {
      const writing = orm.em.fork();
      const managed = await writing.findOneOrFail(Task, task?.taskId ?? 0n);
      managed.requestedAt = written;
      await writing.flush();
      expect((await orm.em.fork().findOneOrFail(Task, managed.taskId)).requestedAt).toBe(read);
    }
  });

  it('refuses an instant that is none', async () => {
    const em = orm.em.fork();
    const [task] = await em.find(Task, {}, { limit: 1 });
    if (task !== undefined) task.requestedAt = 'soon';
    await expect(em.flush()).rejects.toThrow('"soon" is no instant');
  });

  it('reads the ids of the view exactly', async () => {
    const em = orm.em.fork();
    const [task] = await em.find(Task, {}, { limit: 1 });
    await em.execute(`insert into tasker_dependent_systems values (1, 's', null, now(), now())`);
    await em.execute(`insert into tasker_named_steps values (1, 1, 's', null, now(), now())`);
    const [parent, child] = [9_007_199_254_740_993n, 9_007_199_254_740_995n];
    for (const workflowStepId of [parent, child]) {
      const step = em.create(WorkflowStep, {
        workflowStepId,
        taskId: task?.taskId ?? 0n,
        namedStepId: 1n,
      });
      em.persist(step);
    }
    await em.flush();
    await em.execute(
      `insert into tasker_workflow_step_edges values (1, ${parent}, ${child}, 'provides', now(), now())`,
    );
    const row = await orm.em.fork().findOneOrFail(StepDagRelationship, { workflowStepId: child });
    expect(row.parentStepIds).toEqual([parent]);
    expect(row.childStepIds).toEqual([]);
    expect(row.minDepthFromRoot).toBe(1);
  });
});
