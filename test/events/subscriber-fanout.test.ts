import { expect, it } from 'vitest';

import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';
import { begin, publish, serve, SLOW } from './subscriber-support.ts';

const SUBSCRIBERS = 1000;
const EVENTS = 60;

it(
  'serves 1,000 subscribers over three sessions; one that fails for ever holds nobody up',
  { timeout: 170_000 },
  async () => {
    await using database = await createTestDatabase();
    const { url } = database;
    const counts = new Uint32Array(SUBSCRIBERS);
    const subscribers = Array.from(counts.keys(), (at) =>
      // its first event alone takes longer than the test has
      begin({ name: `number ${at}`, retrySeconds: at === 0 ? 60 : 0, attempts: 100 }).on(
        at % 2 === 0 ? 'x.*' : 'x.done',
        () => {
          counts[at]!++;
          if (at === 0) throw new Error('as always');
        },
      ),
    );
    await using stack = new AsyncDisposableStack();
    const runner = await serve(url, subscribers);
    stack.defer(() => runner.stop(0));
    const others = (): number =>
      counts.subarray(1).reduce((least, count) => Math.min(least, count));
    for (let round = 1; round <= 3; round++) {
      await publish(url, EVENTS);
      await expect.poll(others, SLOW).toBe(round * EVENTS);
    }
    expect(Math.max(...counts.subarray(1))).toBe(3 * EVENTS);
    // of three tasks, each with its first event
    expect(counts[0]).toBe(3);
    await withClient(url, async (client) => {
      const { rows } = await client.query<{ sessions: number }>(
        `SELECT count(*)::int AS sessions FROM pg_stat_activity
          WHERE datname = current_database() AND application_name LIKE 'tasker-core%'
            AND pid <> pg_backend_pid()`,
      );
      expect(rows[0]?.sessions).toBeLessThanOrEqual(3);
      // what is saved follows what was handled
      await expect
        .poll(async () => {
          const { rows: saved } = await client.query<object>(
            `SELECT delivered::int, count(*)::int FROM tasker_core_subscriptions GROUP BY 1 ORDER BY 1`,
          );
          return saved;
        }, SLOW)
        .toEqual([
          { delivered: 0, count: 1 },
          { delivered: 3 * EVENTS, count: SUBSCRIBERS - 1 },
        ]);
    });
  },
);
