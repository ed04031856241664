import type pg from 'pg';
import { describe, expect, test } from 'vitest';

import { loadFewTasks } from '../../src/database/snapshot/few-tasks.ts';
import { storeManyChains } from '../support/chains.ts';
import { createTestDatabase } from '../support/database.ts';
import { withClient } from './with-client.ts';

describe('a few tasks out of many', () => {
  test.each(['never analysed', 'analysed'])('are looked up by index: %s', async (kind) => {
    await using database = await createTestDatabase();
    await withClient(database.url, async (client) => {
      await storeManyChains(client);
      if (kind === 'analysed') await client.query('ANALYZE');
      for (const count of [1, 2, 10, 64]) {
        const ids = Array.from({ length: count }, (_, at) => BigInt(at * 61 + 1));
        const asked: pg.QueryConfig[] = [];
        const recording = {
          query: async (config: pg.QueryConfig) => {
            asked.push(config);
            return client.query(config);
          },
        } as unknown as pg.ClientBase;
        for (const waits of [true, false]) {
          const snapshot = await loadFewTasks(recording, ids, waits);
          expect(snapshot?.views.counts).toMatchObject({ tasks: count, steps: count * 5 });
        }
        for (const { text, values } of asked) {
          const { rows } = await client.query<{ 'QUERY PLAN': string }>(
            `EXPLAIN (COSTS OFF) ${text}`,
            values,
          );
          const lines = rows.map((row) => row['QUERY PLAN'].trim());
          // what is small or empty may be read whole: step names, waits, the tasks themselves
          expect(lines.filter((line) => /Seq Scan on tasker_(workflow|task_)/.test(line))).toEqual(
            [],
          );
        }
      }
    });
  });
});
