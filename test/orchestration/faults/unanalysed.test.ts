import { setImmediate as nextTurn } from 'node:timers/promises';

import { expect, it, onTestFinished, vi } from 'vitest';

import { Tasker } from '../../../src/tasker.ts';
import { createTemplate } from '../../../src/templates/create-template.ts';
import { createTestDatabase } from '../../support/database.ts';
import { rowsOf } from './engine-processes.ts';

// a shared machine may be slow; only what hangs is to fail
vi.setConfig({ testTimeout: 240_000 });

const handler = (): Promise<void> => nextTurn();

const template = createTemplate({
  name: 'pair',
  steps: [
    { name: 'first', handler },
    { name: 'last', after: ['first'], handler },
  ],
});

/** Tasks that are stored beside those that run. */
const STORED = 10_000;
/** Tasks that run, each created when the one before has ended. */
const RUNS = 12;

/** What a server knows of its tables before it has analysed any of them, and for as long as the test lasts. */
async function neverAnalyse(url: string): Promise<void> {
  const tables = await rowsOf<{ name: string }>(
    url,
    `SELECT oid::regclass::text AS name FROM pg_class
      WHERE relkind = 'r' AND relname LIKE 'tasker%'`,
  );
  const settings = tables.map(({ name }) => `ALTER TABLE ${name} SET (autovacuum_enabled = false)`);
  await rowsOf(url, settings.join('; '));
}

/** Stores tasks that begin tomorrow, with their first steps done. */
async function storeMore(url: string): Promise<void> {
  await using creator = new Tasker({ database: url });
  creator.register(template);
  const runAt = new Date(Date.now() + 86_400_000).toISOString();
  const requests = Array.from({ length: STORED }, (_, at) => ({ context: { stored: at }, runAt }));
  await creator.createTasks(template, requests, { notify: false });
  await rowsOf(
    url,
    `INSERT INTO tasker_workflow_step_transitions
       (workflow_step_id, from_state, to_state, sort_key, most_recent, metadata, created_at, updated_at)
     SELECT w.workflow_step_id, 'in_progress', 'complete', 20, true, '{}', now(), now()
       FROM tasker_workflow_steps w
      WHERE NOT EXISTS (SELECT FROM tasker_workflow_step_edges e WHERE e.to_step_id = w.workflow_step_id)
        AND NOT EXISTS (SELECT FROM tasker_workflow_step_transitions t
                         WHERE t.workflow_step_id = w.workflow_step_id)`,
  );
}

/**
 * Rows and index entries that sessions have read, by relation; told by a session now and then, and
 * when it ends.
 */
async function entriesRead(url: string): Promise<ReadonlyMap<string, number>> {
  const rows = await rowsOf<{ name: string; read: string }>(
    url,
    `SELECT relname AS name, seq_tup_read::text AS read FROM pg_stat_user_tables
      UNION ALL
     SELECT indexrelname, idx_tup_read::text FROM pg_stat_user_indexes`,
  );
  return new Map(rows.map(({ name, read }) => [name, Number(read)]));
}

it('reads no more of a new database that has grown than of a small one', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { url } = database;
  await neverAnalyse(url);
  const tasker = new Tasker({ database: url, verify: false, pollSeconds: 3600 });
  onTestFinished(() => tasker.stop());
  const elsewhere = new Tasker({ database: url });
  onTestFinished(() => elsewhere.stop());
  for (const each of [tasker, elsewhere]) each.register(template);
  await tasker.start();

  const run = async (round: string): Promise<void> => {
    for (let at = 0; at < RUNS; at++) {
      const creator = at % 2 === 0 ? tasker : elsewhere;
      const handle = await creator.createTask(template, { context: { round, at } });
      await handle.result();
    }
  };
  // statements are planned while the tables are empty, and for good
  await run('empty');
  await storeMore(url);
  const before = await entriesRead(url);
  await run('full');
  await Promise.all([tasker.stop(), elsewhere.stop()]);
  const after = await entriesRead(url);

  const read = [...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const);
  expect(read.filter(([, count]) => count >= STORED)).toEqual([]);
  expect(read.some(([, count]) => count > 0)).toBe(true);
});
