import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { storeTemplate, storeTemplates } from '../../src/database/engine/template-catalog.ts';
import { parseInstant } from '../../src/graph/snapshot/instants.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { storableTemplate } from './storable-template.ts';
import { waitingSession } from './with-client.ts';

const AT = parseInstant('2030-01-02T03:04:05.000006Z') as number;
const AT_TEXT = '2030-01-02 03:04:05.000006';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase();
  client = await connect(database.url);
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

type Row = Record<string, unknown>;

async function rowsOf(text: string, ...values: unknown[]): Promise<Row[]> {
  return (await client.query<Row>(text, values)).rows;
}

const linksOf = (namedTaskId: number): Promise<Row[]> =>
  rowsOf(
    `SELECT k.named_step_id, k.name, d.name AS system, l.default_retry_limit, l.default_retryable, l.skippable
       FROM tasker_named_tasks_named_steps l JOIN tasker_named_steps k USING (named_step_id)
       JOIN tasker_dependent_systems d USING (dependent_system_id)
      WHERE l.named_task_id = $1 ORDER BY k.name`,
    namedTaskId,
  );

const TEMPLATE = storableTemplate(
  'catalogued',
  { z: [], a: ['z'], m: [] },
  { a: { dependentSystem: 'bank', retryLimit: 7, retryable: false, skippable: true } },
);

describe('storeTemplate', () => {
  it('stores a template and answers the ids in the order of its steps', async () => {
    const stored = await storeTemplate(client, TEMPLATE, AT);
    const [task] = await rowsOf(
      `SELECT t.name, version, configuration, t.description, t.created_at, t.updated_at, n.name AS namespace
         FROM tasker_named_tasks t JOIN tasker_task_namespaces n USING (task_namespace_id)
        WHERE named_task_id = $1`,
      stored.namedTaskId,
    );
    expect(task).toEqual({
      name: 'catalogued',
      version: '0.1.0',
      configuration: {},
      description: null,
      created_at: AT_TEXT,
      updated_at: AT_TEXT,
      namespace: 'default',
    });
    const [z, a, m] = stored.namedStepIds;
    const usual = { default_retry_limit: 3, default_retryable: true, skippable: false };
    expect(await linksOf(stored.namedTaskId)).toEqual([
      {
        named_step_id: a,
        name: 'a',
        system: 'bank',
        default_retry_limit: 7,
        default_retryable: false,
        skippable: true,
      },
      { named_step_id: m, name: 'm', system: 'system', ...usual },
      { named_step_id: z, name: 'z', system: 'system', ...usual },
    ]);
    const graphs = await rowsOf('SELECT * FROM tasker_core_graphs');
    expect(graphs).toEqual([
      {
        template_hash: TEMPLATE.hash,
        graph: Buffer.from(TEMPLATE.packed),
        created_at: AT_TEXT,
      },
    ]);
  });

  it('leaves what is there as it is, and uses up no id', async () => {
    const first = await storeTemplate(client, TEMPLATE, AT);
    const links = await linksOf(first.namedTaskId);
    const changed = {
      ...TEMPLATE,
      hash: 'f'.repeat(64),
      steps: TEMPLATE.steps.map((step) => ({ ...step, retryLimit: 9 })),
    };
    const again = await storeTemplate(client, changed, AT + 1);
    expect({ ...again, template: undefined }).toEqual({ ...first, template: undefined });
    expect(await linksOf(first.namedTaskId)).toEqual(links);
    const next = await storeTemplate(
      client,
      storableTemplate('catalogued', { z: [], a: ['z'], m: [], new: [] }),
      AT,
    );
    expect(next.namedTaskId).toBe(first.namedTaskId);
    // the step a moved to another system, so it is one of two new ones
    expect([...next.namedStepIds].sort((x, y) => x - y).slice(-2)).toEqual(
      [1, 2].map((more) => Math.max(...first.namedStepIds) + more),
    );
  });

  it('finds the link by the name of the step, as Rails does', async () => {
    const stored = await storeTemplate(client, storableTemplate('moved', { s: [] }), AT);
    const moved = storableTemplate('moved', { s: [] }, { s: { dependentSystem: 'elsewhere' } });
    const again = await storeTemplate(client, moved, AT);
    expect(again.namedStepIds).not.toEqual(stored.namedStepIds);
    const links = await linksOf(stored.namedTaskId);
    expect(links.map((row) => row['named_step_id'])).toEqual([...stored.namedStepIds]);
  });

  it('stores a template without steps', async () => {
    const stored = await storeTemplate(client, storableTemplate('empty', {}), AT);
    expect(stored.namedStepIds).toHaveLength(0);
  });

  it('counts versions and namespaces apart', async () => {
    const next = { ...TEMPLATE, version: '0.2.0' };
    const elsewhere = { ...TEMPLATE, namespace: 'other' };
    const ids = [];
    for (const template of [TEMPLATE, next, elsewhere]) {
      ids.push((await storeTemplate(client, template, AT)).namedTaskId);
    }
    expect(new Set(ids).size).toBe(3);
  });

  it('gives sessions at once the same rows', async () => {
    const sessions = await Promise.all(Array.from({ length: 4 }, () => connect(database.url)));
    const names = Array.from({ length: 40 }, (_, step) => [`race_${(step * 17) % 40}`, []]);
    const template = storableTemplate('raced', Object.fromEntries(names) as Record<string, []>);
    const all = await Promise.all(
      sessions.map((session) => storeTemplate(session, { ...template }, AT)),
    );
    for (const stored of all) {
      expect(stored.namedTaskId).toBe(all[0]?.namedTaskId);
      expect(stored.namedStepIds).toEqual(all[0]?.namedStepIds);
    }
    expect(await linksOf(all[0]!.namedTaskId)).toHaveLength(40);
    await Promise.all(sessions.map((session) => session.end()));
  });

  it('waits for a session that has the rows under way, and creates them if it gives up', async () => {
    const other = await connect(database.url);
    const watcher = await connect(database.url);
    for (const end of ['COMMIT', 'ROLLBACK']) {
      const template = storableTemplate(`under_way_${end}`, { [`only_${end}`]: [] });
      await client.query('BEGIN');
      const first = await storeTemplate(client, template, AT);
      const second = storeTemplate(other, template, AT);
      await waitingSession(watcher);
      await client.query(end);
      const { namedTaskId, namedStepIds } = await second;
      expect(namedTaskId === first.namedTaskId).toBe(end === 'COMMIT');
      expect(await linksOf(namedTaskId)).toMatchObject([{ named_step_id: namedStepIds[0] }]);
    }
    await watcher.end();
    await other.end();
  });
});

describe('storeTemplates', () => {
  it('stores what is missing of many, and finds all of them by one statement', async () => {
    const steps = [{ a: [] }, { a: [], b: ['a'] }, {}, { c: [], a: ['c'], z: ['a'] }];
    const templates = steps.map((each, at) => storableTemplate(`many_${at}`, each));
    const one = await storeTemplate(client, templates[1]!, AT);
    // the rows of the names are there, the graph is not
    const other = { ...templates[3]!, hash: `${templates[3]!.hash.slice(1)}x` };
    await storeTemplate(client, other, AT);
    const stored = await storeTemplates(client, templates, AT);
    expect(stored.map(({ template }) => template)).toEqual(templates);
    expect(stored[1]).toEqual(one);
    for (const each of stored) {
      const alone = await storeTemplate(client, each.template, AT);
      expect(alone).toEqual(each);
    }
    const hashes = templates.map(({ hash }) => hash);
    const graphs = 'SELECT FROM tasker_core_graphs WHERE template_hash = ANY ($1)';
    expect(await rowsOf(graphs, hashes)).toHaveLength(templates.length);

    const query = vi.spyOn(client, 'query');
    onTestFinished(() => query.mockRestore());
    expect(await storeTemplates(client, templates, AT)).toEqual(stored);
    expect(query).toHaveBeenCalledTimes(1);
  });
});
