import { setImmediate as nextTurn } from 'node:timers/promises';

import { expect, it, onTestFinished, vi } from 'vitest';

import type { Engine } from '../../../src/orchestration/engine.ts';
import { Tasker } from '../../../src/tasker.ts';
import { createTemplate } from '../../../src/templates/create-template.ts';
import { createTestDatabase } from '../../support/database.ts';
import { rowsOf } from './engine-processes.ts';

// a shared machine may be slow; only what hangs is to fail
vi.setConfig({ testTimeout: 240_000 });

const handler = (): Promise<void> => nextTurn();

const TEN = Array.from({ length: 10 }, (_, at) => ({
  name: `s${at}`,
  ...(at > 0 && { after: [`s${at - 1}`] }),
  handler,
}));

const chain = createTemplate({ name: 'chain', steps: TEN });
const waiting = createTemplate({ name: 'waiting', steps: TEN.slice(0, 2) });

/** Puts every first step into a wait of a day, as a failed attempt leaves it. */
async function failFirstSteps(url: string): Promise<void> {
  await rowsOf(
    url,
    `WITH step AS (
       SELECT min(s.workflow_step_id) AS id FROM tasker_workflow_steps s GROUP BY s.task_id),
     row AS (
       INSERT INTO tasker_workflow_step_transitions
         (workflow_step_id, from_state, to_state, sort_key, most_recent, metadata, created_at, updated_at)
       SELECT id, f, t, k, k = 20, '{"actor":"engine"}', now(), now() FROM step,
         (VALUES ('pending', 'in_progress', 10), ('in_progress', 'error', 20)) AS v(f, t, k)),
     wait AS (
       INSERT INTO tasker_core_steps (step_id, next_attempt_at)
       SELECT id, (now() AT TIME ZONE 'UTC') + interval '1 day' FROM step)
     UPDATE tasker_workflow_steps w SET attempts = 1, last_attempted_at = now(), processed = false,
            backoff_request_seconds = 86400
       FROM step WHERE w.workflow_step_id = step.id`,
  );
  await rowsOf(url, 'ANALYZE');
}

/** Rows that sessions have read from tables, by any way; told by a session when it ends. */
async function rowsRead(url: string): Promise<number> {
  const [row] = await rowsOf<{ read: string }>(
    url,
    `SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::text AS read
       FROM pg_stat_user_tables`,
  );
  return Number(row?.read);
}

/** Ends the engine's sessions but the one that holds its shards, so that they tell what they have read. */
async function endSessions(url: string): Promise<void> {
  const sessions = `SELECT pid FROM pg_stat_activity a
     WHERE datname = current_database() AND application_name LIKE 'tasker-core %'
       AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory')`;
  const pids = await rowsOf<{ pid: number }>(url, sessions);
  for (const { pid } of pids)
    await rowsOf(url, 'SELECT pg_terminate_backend($1::integer, 5000)', pid);
}

/** Counts the calls of an object's methods. */
function countCalls(counted: object): () => number {
  let calls = 0;
  const { prototype } = counted.constructor as { prototype: Record<string, unknown> };
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const { value } = Object.getOwnPropertyDescriptor(prototype, name) ?? {};
    if (name === 'constructor' || typeof value !== 'function') continue;
    Object.defineProperty(counted, name, {
      value: (...values: unknown[]): unknown => {
        calls++;
        return (value as (...all: unknown[]) => unknown).apply(counted, values);
      },
    });
  }
  return () => calls;
}

interface Cost {
  readonly resident: number;
  readonly statements: number;
  readonly moves: number;
  /** Calls of the resident graph; each looks at a bounded number of nodes. */
  readonly calls: number;
  readonly rows: number;
}

/** What ten tasks of ten steps cost beside so many that wait. */
async function costOfTen(tasks: number): Promise<Cost> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { url } = database;
  const tasker = new Tasker({ database: url, lanes: 1, verify: false, pollSeconds: 3600 });
  onTestFinished(() => tasker.stop());
  tasker.register(chain, waiting);
  const requests = Array.from({ length: tasks }, (_, at) => ({ context: { at: at + 1 } }));
  await tasker.createTasks(waiting, requests, { notify: false });
  await failFirstSteps(url);
  await tasker.start();
  const { coordinator } = tasker.engine as Engine;
  const { discovery } = coordinator.memory;
  expect(discovery.tasks.size).toBe(tasks);
  expect(coordinator.written.moves).toBe(0);
  await endSessions(url);
  const readBefore = await rowsRead(url);
  const calls = countCalls(discovery.graph);
  const requestsOfTen = Array.from({ length: 10 }, (_, at) => ({ context: { run: at + 1 } }));
  const handles = await tasker.createTasks(chain, requestsOfTen);
  await Promise.all(handles.map((handle) => handle.result()));
  const cost = { ...coordinator.written, calls: calls(), resident: discovery.tasks.size };
  await tasker.stop();
  return { ...cost, rows: (await rowsRead(url)) - readBefore };
}

it('steps beside a hundred thousand tasks that wait cost what they cost alone', async () => {
  const alone = await costOfTen(100);
  const beside = await costOfTen(100_000);
  expect(beside.resident).toBe(100_000);
  expect(beside.moves).toBe(alone.moves);
  // how many moves go together is a matter of moments
  expect(beside.statements).toBeLessThan(alone.statements * 2);
  expect(beside.calls).toBeLessThan(alone.calls * 2);
  // small tables are read whole, large ones are not
  expect(beside.rows).toBeLessThan(Math.max(alone.rows, 20_000));
});
