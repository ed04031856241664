import { getEventListeners } from 'node:events';

import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { databaseSource } from '../../src/database/snapshot/snapshot-loader.ts';
import { resolveTasks } from '../../src/resolver/resolve-tasks.ts';
import { answersOf } from '../support/answers.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { loadGolden } from '../support/golden.ts';
import { withClient } from './with-client.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await withClient(database.url, (client) => loadGolden(client, 'plain'));
});

afterAll(async () => {
  await database?.drop();
});

const OPEN = { chunkSteps: 20, signal: undefined, onProgress: undefined };

/** `I` outside of a transaction, `T` inside. */
const transactionStatus = (client: pg.Client): string | null => client.getTransactionStatus();

describe('given clients', () => {
  test('an abort before the first chunk leaves no transaction open', async () => {
    await withClient(database.url, async (client) => {
      const abort = new AbortController();
      const run = resolveTasks(databaseSource({ clients: [client] }), {
        backend: 'inline',
        signal: abort.signal,
      });
      const first = run[Symbol.asyncIterator]().next();
      abort.abort(new Error('enough'));
      await expect(first).rejects.toThrow('enough');
      expect(transactionStatus(client)).toBe('I');
      expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0);
    });
  });

  test('a stream that is left unread leaves no transaction open', async () => {
    await withClient(database.url, async (client) => {
      const stream = await databaseSource({ clients: [client] }).open(OPEN);
      expect(transactionStatus(client)).toBe('T');
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.return?.();
      expect(transactionStatus(client)).toBe('I');
      // what the caller begins afterwards is the caller's
      await client.query('BEGIN');
      await iterator.return?.();
      expect(transactionStatus(client)).toBe('T');
    });
  });
});

describe('a session that is lost', () => {
  const terminate = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()`;

  test('between two chunks is named by code', async () => {
    const run = resolveTasks(databaseSource({ url: database.url }), {
      backend: 'inline',
      chunkSteps: 20,
      chunksInFlight: 1,
    });
    const taken = (async () => {
      for await (const chunk of run) {
        if (chunk.index === 0) await withClient(database.url, (client) => client.query(terminate));
      }
    })();
    await expect(taken).rejects.toMatchObject({
      code: 'TASKER_DATABASE_UNREACHABLE',
      message: expect.stringContaining('was lost'),
    });
  });

  test('before the load begins is named by code', async () => {
    await withClient(database.url, async (client) => {
      await withClient(database.url, (other) => other.query(terminate));
      const run = answersOf(databaseSource({ clients: [client] }), { backend: 'inline' });
      await expect(run).rejects.toMatchObject({ code: 'TASKER_DATABASE_UNREACHABLE' });
    });
  });

  test("other errors of the server stay the server's", async () => {
    await withClient(database.url, async (client) => {
      await client.query('BEGIN');
      await expect(client.query('SELECT nothing')).rejects.toThrow('nothing');
      const run = answersOf(databaseSource({ clients: [client] }), { backend: 'inline' });
      await expect(run).rejects.toMatchObject({ code: '25P02' });
    });
  });
});

describe('what a caller in plain JavaScript may pass', () => {
  test.each([
    ["1}'::bigint[]) THEN true END) TO STDOUT; DROP TABLE tasker_tasks; --"],
    ['17'],
    [17],
    [2n ** 63n],
    [-(2n ** 63n) - 1n],
    [null],
  ])('%s is no id', async (id) => {
    const ids = [1n, id] as bigint[];
    const run = answersOf(databaseSource({ url: database.url }, { kind: 'ids', ids }), {});
    await expect(run).rejects.toMatchObject({ code: 'TASKER_BAD_ARGUMENT' });
  });
});

test('the expected total of tables that were never analysed is unknown, not zero', async () => {
  await using fresh = await createTestDatabase();
  await withClient(fresh.url, async (client) => {
    await loadGolden(client, 'plain');
    await client.query(`UPDATE pg_class SET reltuples = -1 WHERE relname = 'tasker_tasks'`);
  });
  const totals = new Set<number | undefined>();
  await answersOf(databaseSource({ url: fresh.url }), {
    onProgress: ({ total }) => void totals.add(total),
  });
  expect(totals).toEqual(new Set([undefined]));
});
