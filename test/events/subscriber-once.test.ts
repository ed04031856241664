import { once } from 'node:events';

import type pg from 'pg';
import { describe, expect, it } from 'vitest';

import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';
import { begin, publish, serve, SLOW, startProcess } from './subscriber-support.ts';

/** A table in which handlers write. */
const createEffects = (url: string): Promise<unknown> =>
  withClient(url, (client) => client.query('CREATE TABLE effects (event_id uuid, note text)'));

async function effects(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ event_id: string }>('SELECT event_id::text FROM effects');
  return rows.map((row) => row.event_id).toSorted();
}

async function processed(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ event_id: string }>(
    'SELECT event_id::text FROM tasker_core_processed_events',
  );
  return rows.map((row) => row.event_id).toSorted();
}

describe('a subscriber that handles exactly once', () => {
  it('stores what a handler writes with the id of the event, or neither', async () => {
    await using database = await createTestDatabase();
    const { url } = database;
    await createEffects(url);
    const ids = await publish(url, 30, 'x.done', 8);
    const failed = new Set<string>();
    const subscriber = begin({ name: 'once', exactlyOnce: true, attempts: 3 }).on(
      'x.done',
      async ({ eventId }, { client, attempt }) => {
        await client.query('INSERT INTO effects VALUES ($1, $2)', [eventId, String(attempt)]);
        const isDoomed = eventId === ids[3];
        if (isDoomed || (ids.indexOf(eventId) % 4 === 0 && !failed.has(eventId))) {
          failed.add(eventId);
          throw new Error('after it has written');
        }
        // a statement that fails, and nobody minds: the transaction cannot be committed
        if (eventId === ids[5] && attempt === 1) {
          await client.query('SELECT 1 / 0').catch(() => undefined);
        }
      },
    );
    await using stack = new AsyncDisposableStack();
    stack.use(await serve(url, [subscriber]));
    const handled = ids.filter((id) => id !== ids[3]).toSorted();
    await withClient(url, async (client) => {
      await expect.poll(() => effects(client), SLOW).toEqual(handled);
      expect(await processed(client)).toEqual(handled);
      await expect
        .poll(async () => {
          const { rows } = await client.query<{ event_id: string }>(
            'SELECT event_id::text FROM tasker_core_dead_letters',
          );
          return rows.map((row) => row.event_id);
        }, SLOW)
        .toEqual([ids[3]]);
      // delivered again from the beginning, as after a crash before the position was saved
      await client.query(`UPDATE tasker_core_subscriptions SET transaction_id = '0', position = 0`);
    });
    await stack.disposeAsync();
    await using again = new AsyncDisposableStack();
    again.use(await serve(url, [subscriber]));
    const last = await publish(url, 1);
    await withClient(url, async (client) => {
      await expect.poll(() => effects(client), SLOW).toEqual([...handled, ...last].toSorted());
    });
  });

  it('undoes what a handler does that takes too long, and what it tries afterwards', async () => {
    await using database = await createTestDatabase();
    const { url } = database;
    await createEffects(url);
    const [id] = await publish(url, 1);
    const late = Promise.withResolvers<unknown>();
    const subscriber = begin({
      name: 'slow',
      exactlyOnce: true,
      timeoutSeconds: 0.5,
      attempts: 100,
    }).on('*', async ({ eventId }, { client, attempt, signal }) => {
      await client.query('INSERT INTO effects VALUES ($1, $2)', [eventId, String(attempt)]);
      if (attempt > 1) return;
      await once(signal, 'abort');
      late.resolve(await client.query('SELECT 1').catch((error: unknown) => error));
    });
    await using stack = new AsyncDisposableStack();
    stack.use(await serve(url, [subscriber]));
    await withClient(url, async (client) => {
      await expect.poll(() => effects(client), SLOW).toEqual([id]);
      const { rows } = await client.query<{ note: string }>('SELECT note FROM effects');
      expect(Number(rows[0]?.note)).toBeGreaterThan(1);
    });
    expect(await late.promise).toBeInstanceOf(Error);
  });

  it('survives kill -9 between the handler and the commit, and after it', async () => {
    await using database = await createTestDatabase();
    const { url } = database;
    await createEffects(url);
    const ids = await publish(url, 5, 'x.done', 5);
    // writes all of them, and never returns from the last
    const first = startProcess(url, 'once-hang');
    await expect.poll(() => first.lines.length, SLOW).toBe(5);
    await withClient(url, async (client) => {
      await expect.poll(async () => (await effects(client)).length, SLOW).toBe(4);
      const gone = once(first.child, 'exit');
      first.child.kill('SIGKILL');
      await gone;
      startProcess(url, 'once');
      await expect.poll(() => effects(client), SLOW).toEqual(ids.toSorted());
      expect(await processed(client)).toEqual(ids.toSorted());
    });
  });

  it('has no client for handlers of other subscribers', async () => {
    await using database = await createTestDatabase();
    await publish(database.url, 1);
    const seen = Promise.withResolvers<unknown>();
    const subscriber = begin({ name: 'plain' }).on('*', (_, delivery) => {
      try {
        seen.resolve(delivery.client);
      } catch (error) {
        seen.resolve(error);
      }
    });
    await using stack = new AsyncDisposableStack();
    stack.use(await serve(database.url, [subscriber]));
    expect(await seen.promise).toMatchObject({ code: 'TASKER_BAD_ARGUMENT' });
  });
});
