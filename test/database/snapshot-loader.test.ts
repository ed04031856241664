import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { databaseSource } from '../../src/database/snapshot/snapshot-loader.ts';
import type { TaskSelection } from '../../src/database/snapshot/snapshot-queries.ts';
import { parseInstant } from '../../src/graph/snapshot/instants.ts';
import { directorySource } from '../../src/resolver/sources/ndjson-source.ts';
import { resolveTasks } from '../../src/resolver/resolve-tasks.ts';
import { answersOf, printed } from '../support/answers.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import {
  GOLDEN_SETS,
  goldenDirectory,
  goldenMeta,
  goldenRows,
  loadGolden,
  type GoldenSet,
} from '../support/golden.ts';
import { withClient } from './with-client.ts';

const databases = {} as Record<GoldenSet, TestDatabase>;

beforeAll(async () => {
  for (const set of GOLDEN_SETS) {
    databases[set] = await createTestDatabase();
    await withClient(databases[set].url, (client) => loadGolden(client, set));
  }
});

afterAll(async () => {
  for (const set of GOLDEN_SETS) await databases[set]?.drop();
});

async function goldenNow(set: GoldenSet): Promise<number> {
  return parseInstant((await goldenMeta(set)).now) as number;
}

async function selected(
  url: string,
  selection: TaskSelection,
  chunkSteps = 200,
): Promise<string[]> {
  const answers = await answersOf(databaseSource({ url }, selection), {
    backend: 'inline',
    chunkSteps,
    nowMicros: await goldenNow('plain'),
  });
  return answers.contexts.map((row) => String(row.task_id));
}

describe.each(GOLDEN_SETS)('golden rows of %s from the database', (set) => {
  test.each([
    { chunkSteps: 7, connections: 3 },
    { chunkSteps: 150, connections: 2 },
    { chunkSteps: 65_536, connections: 1 },
  ])('every answer, in chunks of $chunkSteps over $connections connections', async (load) => {
    const options = { backend: 'inline' as const, nowMicros: await goldenNow(set) };
    const source = databaseSource({ url: databases[set].url, connections: load.connections });
    const stored = await answersOf(source, { ...options, chunkSteps: load.chunkSteps });
    const expected = await answersOf(directorySource(goldenDirectory(set).pathname), options);
    expect(printed(stored.readiness)).toEqual(printed(expected.readiness));
    expect(printed(stored.contexts)).toEqual(printed(expected.contexts));
    expect(printed(stored.levels)).toEqual(printed(expected.levels));
    const file = await goldenRows<{ ready_for_execution: boolean }>(set, 'expected_readiness');
    expect(stored.readiness.length).toBe(file.length);
    expect(stored.ready.length).toBe(file.filter((row) => row.ready_for_execution).length);
  });

  test('a task alone sees the real state of parents in other tasks', async () => {
    const nowMicros = await goldenNow(set);
    const { url } = databases[set];
    const all = await answersOf(databaseSource({ url }), { backend: 'inline', nowMicros });
    const foreign = await withClient(url, (client) =>
      client.query<{ id: string }>(`SELECT DISTINCT c.task_id AS id
        FROM tasker_workflow_step_edges e
        JOIN tasker_workflow_steps c ON c.workflow_step_id = e.to_step_id
        JOIN tasker_workflow_steps p ON p.workflow_step_id = e.from_step_id
        WHERE c.task_id <> p.task_id ORDER BY 1 LIMIT 20`),
    );
    expect(foreign.rows.length).toBeGreaterThan(2);
    for (const { id } of foreign.rows) {
      const source = databaseSource({ url }, { kind: 'ids', ids: [BigInt(id)] });
      const one = await answersOf(source, { backend: 'inline', nowMicros });
      const same = all.readiness.filter((row) => row.task_id === BigInt(id));
      expect(printed(one.readiness)).toEqual(printed(same));
      expect(one.chunks[0]?.snapshot.views.counts.ghosts).toBeGreaterThan(0);
    }
  });
});

describe('selections', () => {
  test('ids: unknown ones are reported, repeated ones answered once', async () => {
    const { url } = databases.plain;
    const ids = [11_000_003n, 1n, 11_000_001n, 11_000_003n, 999_999_999_999n];
    const run = resolveTasks(databaseSource({ url }, { kind: 'ids', ids }), { backend: 'inline' });
    const tasks: bigint[] = [];
    for await (const chunk of run) for (const row of chunk.contexts()) tasks.push(row.task_id);
    expect(tasks).toEqual([11_000_001n, 11_000_003n]);
    expect(run.summary().unknownTasks).toEqual([1n, 999_999_999_999n]);
  });

  test('ids: pages without a known task do not end the run', async () => {
    const unknown = Array.from({ length: 50 }, (_, at) => BigInt(at + 1));
    const ids = [...unknown, 11_000_001n];
    expect(await selected(databases.plain.url, { kind: 'ids', ids }, 1)).toEqual(['11000001']);
  });

  test('unfinished: what the stored states say', async () => {
    const { url } = databases.plain;
    const expected = await withClient(url, (client) =>
      client.query<{ id: string }>(`SELECT t.task_id::text AS id FROM tasker_tasks t
        WHERE NOT EXISTS (SELECT 1 FROM tasker_task_transitions x WHERE x.task_id = t.task_id
          AND x.most_recent AND x.to_state IN ('complete', 'cancelled', 'resolved_manually'))
        ORDER BY t.task_id`),
    );
    expect(expected.rows.length).toBeGreaterThan(10);
    expect(await selected(url, { kind: 'unfinished' })).toEqual(expected.rows.map((row) => row.id));
  });

  test('namespace and named task, by name and version', async () => {
    const { url } = databases.plain;
    expect((await selected(url, { kind: 'namespace', name: 'default' })).length).toBe(250);
    expect((await selected(url, { kind: 'named', name: 'golden_1' })).length).toBe(250);
    const version = {
      kind: 'named',
      name: 'golden_1',
      namespace: 'default',
      version: '0.1.0',
    } as const;
    expect((await selected(url, version)).length).toBe(250);
  });

  test.each([
    { kind: 'namespace', name: 'nowhere' },
    { kind: 'named', name: 'nothing' },
    { kind: 'named', name: 'golden_1', version: '9.9.9' },
  ] satisfies TaskSelection[])('a name that does not exist is an error: %o', async (selection) => {
    await expect(selected(databases.plain.url, selection)).rejects.toMatchObject({
      code: 'TASKER_NOT_FOUND',
    });
  });
});

describe('consistency', () => {
  test('what is committed during the run is not seen, on any connection', async () => {
    await using database = await createTestDatabase();
    await withClient(database.url, async (client) => {
      await loadGolden(client, 'plain');
      const run = resolveTasks(databaseSource({ url: database.url, connections: 2 }), {
        backend: 'inline',
        chunkSteps: 20,
        chunksInFlight: 1,
      });
      let chunks = 0;
      let steps = 0;
      let complete = 0;
      for await (const chunk of run) {
        if (chunks++ === 0) {
          await client.query(`UPDATE tasker_workflow_step_transitions SET to_state = 'complete'
            WHERE most_recent`);
          await client.query('UPDATE tasker_workflow_steps SET attempts = 77');
        }
        for (const row of chunk.readiness()) {
          steps++;
          expect(row.attempts).not.toBe(77);
          if (row.current_state === 'complete') complete++;
        }
      }
      expect(chunks).toBeGreaterThan(20);
      expect(steps).toBe(2107);
      const before = await goldenRows<{ current_state: string }>('plain', 'expected_readiness');
      expect(complete).toBe(before.filter((row) => row.current_state === 'complete').length);
    });
  });

  test("inside the caller's transaction its own writes are seen and it stays open", async () => {
    await using database = await createTestDatabase();
    await withClient(database.url, async (client) => {
      await loadGolden(client, 'plain');
      await client.query('BEGIN');
      await client.query('UPDATE tasker_workflow_steps SET attempts = 55');
      const source = databaseSource({ clients: [client] });
      const { readiness } = await answersOf(source, { backend: 'inline' });
      expect(new Set(readiness.map((row) => row.attempts))).toEqual(new Set([55]));
      expect(client.getTransactionStatus()).toBe('T');
      await client.query('ROLLBACK');
    });
  });
});

/** One task of each size; the steps of a task are a chain. */
async function storeChains(url: string, sizes: readonly number[]): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(`
      INSERT INTO tasker_task_namespaces VALUES (1, 'default', NULL, now(), now());
      INSERT INTO tasker_named_tasks (named_task_id, name, created_at, updated_at)
        VALUES (1, 'chain', now(), now());
      INSERT INTO tasker_dependent_systems (dependent_system_id, name, created_at, updated_at)
        VALUES (1, 'system', now(), now());
      INSERT INTO tasker_named_steps (named_step_id, dependent_system_id, name, created_at, updated_at)
        VALUES (1, 1, 'link', now(), now())`);
    for (const [at, size] of sizes.entries()) {
      const task = at + 1;
      await client.query(
        `INSERT INTO tasker_tasks (task_id, named_task_id, requested_at, identity_hash, created_at, updated_at)
          VALUES ($1, 1, now(), $2, now(), now())`,
        [task, `task-${task}`],
      );
      await client.query(
        `INSERT INTO tasker_workflow_steps (workflow_step_id, task_id, named_step_id, created_at, updated_at)
          SELECT $1::bigint * 100000 + n, $1, 1, now(), now() FROM generate_series(1, $2::int) AS n`,
        [task, size],
      );
      await client.query(
        `INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
          SELECT $1::bigint * 100000 + n - 1, $1::bigint * 100000 + n, 'provides', now(), now()
          FROM generate_series(2, $2::int) AS n`,
        [task, size],
      );
    }
    await client.query('ANALYZE');
  });
}

describe('chunks', () => {
  test('whole tasks, however uneven, and none twice', async () => {
    await using database = await createTestDatabase();
    const sizes = [1, 0, 2, 900, 3, 500, 500, 0, 1, 1, 4000, 2, 0];
    await storeChains(database.url, sizes);
    for (const chunkSteps of [1, 10, 100, 100_000]) {
      const answers = await answersOf(databaseSource({ url: database.url }), {
        backend: 'inline',
        chunkSteps,
      });
      expect(answers.contexts.map((row) => row.total_steps)).toEqual(sizes);
      expect(answers.ready.length).toBe(sizes.filter((size) => size > 0).length);
      expect(answers.levels.filter((row) => row.dependency_level === 3999).length).toBe(1);
      for (const { snapshot } of answers.chunks) {
        const { steps, tasks } = snapshot.views.counts;
        // more than the largest page only where one task alone is larger
        expect(steps <= chunkSteps * 4 || tasks === 1).toBe(true);
      }
      expect(answers.summary.read).toEqual({ tasks: 13, steps: 5910, edges: 5900 });
    }
  });

  test('statements grow with chunks, not with tasks or steps', async () => {
    await using database = await createTestDatabase();
    await storeChains(
      database.url,
      Array.from({ length: 60 }, () => 10),
    );
    await withClient(database.url, async (client) => {
      const texts: string[] = [];
      const query = client.query.bind(client) as (...rest: unknown[]) => unknown;
      client.query = ((first: unknown, ...rest: unknown[]) => {
        texts.push(typeof first === 'string' ? first : 'copy');
        return query(first, ...rest);
      }) as typeof client.query;
      const { chunks } = await answersOf(databaseSource({ clients: [client] }), {
        backend: 'inline',
        chunkSteps: 200,
      });
      expect(chunks.length).toBe(3);
      // a page asks for tasks, steps, states and edges; one more page finds the end
      expect(texts.filter((text) => text === 'copy').length).toBe(chunks.length * 4 + 1);
    });
  });

  test('the run can be left early and the connections are given back', async () => {
    await using database = await createTestDatabase();
    await storeChains(
      database.url,
      Array.from({ length: 40 }, () => 5),
    );
    const run = resolveTasks(databaseSource({ url: database.url }), {
      backend: 'inline',
      chunkSteps: 5,
      chunksInFlight: 2,
    });
    for await (const chunk of run) {
      expect(chunk.index).toBe(0);
      break;
    }
    await withClient(database.url, async (client) => {
      const left = await client.query(`SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in%'`);
      expect(left.rowCount).toBe(0);
    });
  });

  test("an abort rejects with the signal's reason", async () => {
    const reason = new Error('enough');
    const abort = new AbortController();
    const run = resolveTasks(databaseSource({ url: databases.plain.url }), {
      backend: 'inline',
      chunkSteps: 20,
      chunksInFlight: 1,
      signal: abort.signal,
    });
    const taken = (async () => {
      for await (const _ of run) abort.abort(reason);
    })();
    await expect(taken).rejects.toBe(reason);
    const before = resolveTasks(databaseSource({ url: databases.plain.url }), {
      signal: AbortSignal.abort(reason),
    });
    await expect(before[Symbol.asyncIterator]().next()).rejects.toBe(reason);
  });
});

describe('what databases may hold', () => {
  test('states outside of the contract, stored next attempts, infinite instants', async () => {
    await using database = await createTestDatabase();
    await storeChains(database.url, [3, 1]);
    await withClient(database.url, async (client) => {
      await client.query(`
        INSERT INTO tasker_workflow_step_transitions
          (to_state, sort_key, most_recent, workflow_step_id, created_at, updated_at)
          VALUES ('on_hold', 10, true, 100001, now(), now()),
                 ('error', 10, true, 200001, 'infinity', now());
        UPDATE tasker_workflow_steps SET last_attempted_at = '-infinity', backoff_request_seconds = 5
          WHERE workflow_step_id = 100002;
        INSERT INTO tasker_core_steps VALUES (200001, '2001-01-01')`);
    });
    const source = databaseSource({ url: database.url });
    const rails = await answersOf(source, { backend: 'inline' });
    expect(rails.readiness[0]).toMatchObject({
      current_state: 'on_hold',
      ready_for_execution: false,
    });
    expect(rails.readiness[1]).toMatchObject({
      last_attempted_at: '-infinity',
      next_retry_at: '-infinity',
      completed_parents: 0,
    });
    expect(rails.readiness[3]).toMatchObject({
      last_failure_at: 'infinity',
      next_retry_at: 'infinity',
      ready_for_execution: false,
    });
    const engine = await answersOf(source, { backend: 'inline', rules: 'engine' });
    expect(engine.readiness[3]).toMatchObject({
      next_retry_at: '2001-01-01T00:00:00.000000Z',
      ready_for_execution: true,
    });
  });

  test('no tasks at all', async () => {
    await using database = await createTestDatabase();
    const { summary } = await answersOf(databaseSource({ url: database.url }), {
      backend: 'inline',
    });
    expect(summary.counts).toMatchObject({ tasks: 0, steps: 0 });
  });

  test('another program: one sentence with the remedy', async () => {
    await using database = await createTestDatabase({ migrated: false });
    const run = answersOf(databaseSource({ url: database.url }), { backend: 'inline' });
    await expect(run).rejects.toMatchObject({
      code: 'TASKER_NOT_TASKER_DATABASE',
      remedy: expect.stringContaining('tasker migrate'),
    });
  });

  test('options outside of their range', async () => {
    const { url } = databases.plain;
    for (const target of [{ url, connections: 0 }, { url, connections: 1.5 }, { clients: [] }]) {
      const run = answersOf(databaseSource(target), { backend: 'inline' });
      await expect(run).rejects.toMatchObject({ code: 'TASKER_BAD_ARGUMENT' });
    }
  });
});
