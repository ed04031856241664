import { once } from 'node:events';

import { describe, expect, it } from 'vitest';

import {
  listSubscriptions,
  setSubscriptionState,
} from '../../src/database/event-store/subscriptions.ts';
import { Subscriber } from '../../src/events/subscriber-definition.ts';
import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';
import { begin, publish, serve, SLOW, startProcess } from './subscriber-support.ts';

describe('a durable subscriber', () => {
  it('gets each event once, those of a task in their order, and goes on where it was', async () => {
    await using database = await createTestDatabase();
    const { url } = database;
    const seen: { id: string; task: bigint | undefined; at: number }[] = [];
    const make = (): Subscriber =>
      begin({ name: 'all', batchSize: 7, partitions: 2 }).on(
        'x.*',
        ({ eventId, taskId, payload }) =>
          seen.push({ id: eventId, task: taskId, at: payload['at'] as number }),
      );
    const first = await publish(url, 40);
    {
      await using runner = new AsyncDisposableStack();
      runner.use(await serve(url, [make()]));
      await expect.poll(() => seen.length, SLOW).toBe(40);
      await expect
        .poll(async () => {
          const rows = await withClient(url, (client) => listSubscriptions(client, 'all'));
          return rows.reduce((sum, { delivered }) => sum + Number(delivered), 0);
        }, SLOW)
        .toBe(40);
    }
    const second = await publish(url, 20);
    await publish(url, 5, 'y.done');
    await using runner = new AsyncDisposableStack();
    runner.use(await serve(url, [make()]));
    await expect.poll(() => seen.length, SLOW).toBe(60);
    expect(new Set(seen.map(({ id }) => id))).toEqual(new Set([...first, ...second]));
    for (const own of Map.groupBy(seen.slice(0, 40), ({ task }) => task).values()) {
      expect(own.map(({ at }) => at)).toEqual(own.map(({ at }) => at).toSorted((a, b) => a - b));
    }
  });

  it('makes a dead letter of what fails for ever or takes too long, and others do not notice', async () => {
    await using database = await createTestDatabase();
    const { url } = database;
    const ids = await publish(url, 30);
    const calls: Record<string, number> = { failing: 0, hanging: 0, fine: 0 };
    const failing = begin({ name: 'failing', attempts: 3 }).on('*', (event) => {
      calls['failing']!++;
      if (event.eventId === ids[4]) throw new Error('no \0 good');
    });
    const hanging = begin({ name: 'hanging', attempts: 1, timeoutSeconds: 0.01 }).on(
      'x.done',
      (e) => {
        calls['hanging']!++;
        return e.eventId === ids[0] ? new Promise(() => undefined) : undefined;
      },
    );
    const fine = begin({ name: 'fine' }).on('x.done', () => calls['fine']!++);
    await using runner = new AsyncDisposableStack();
    runner.use(await serve(url, [failing, hanging, fine]));
    await expect.poll(() => calls, SLOW).toEqual({ failing: 32, hanging: 30, fine: 30 });
    await expect
      .poll(
        () =>
          withClient(url, async (client) => {
            const { rows } = await client.query<object>(
              `SELECT subscription, event_id, reason, attempts, error->>'message' AS message
               FROM tasker_core_dead_letters ORDER BY 1`,
            );
            return rows;
          }),
        SLOW,
      )
      .toEqual([
        {
          subscription: 'failing',
          event_id: ids[4],
          reason: 'failed',
          attempts: 3,
          message: 'no  good',
        },
        {
          subscription: 'hanging',
          event_id: ids[0],
          reason: 'timeout',
          attempts: 1,
          message: 'longer than 0.01 s',
        },
      ]);
  });

  it('stands still while it is paused', async () => {
    await using database = await createTestDatabase();
    const { url } = database;
    const seen: string[] = [];
    await using runner = new AsyncDisposableStack();
    runner.use(
      await serve(url, [begin({ name: 'held' }).on('x.done', ({ eventId }) => seen.push(eventId))]),
    );
    await publish(url, 1);
    await expect.poll(() => seen.length, SLOW).toBe(1);
    const set = (state: 'running' | 'paused'): Promise<boolean> =>
      withClient(url, (client) => setSubscriptionState(client, 'held', state));
    expect(await set('paused')).toBe(true);
    let past = 0;
    await using other = new AsyncDisposableStack();
    other.use(await serve(url, [begin({ name: 'other' }).on('x.done', () => past++)]));
    await publish(url, 5);
    await expect.poll(() => past, SLOW).toBe(6);
    expect(seen).toHaveLength(1);
    await set('running');
    await expect.poll(() => seen.length, SLOW).toBe(6);
  });

  it('refuses options that mean nothing', () => {
    const code = { code: 'TASKER_BAD_ARGUMENT' };
    for (const wrong of [{ name: '' }, { name: 'a', attempts: 0 }, { name: 'a', batchSize: NaN }]) {
      expect(() => new Subscriber(wrong)).toThrow(expect.objectContaining(code));
    }
    const subscriber = new Subscriber({ name: 'a' });
    expect(() => subscriber.on('a*b', () => undefined)).toThrow(expect.objectContaining(code));
  });
});

describe('subscribers in processes', () => {
  it('get an event again that a process was killed over', async () => {
    await using database = await createTestDatabase();
    const [id] = await publish(database.url, 1);
    const first = startProcess(database.url, 'hang');
    await expect.poll(() => first.lines, SLOW).toEqual([id]);
    const gone = once(first.child, 'exit');
    first.child.kill('SIGKILL');
    await gone;
    const second = startProcess(database.url);
    await expect.poll(() => second.lines, SLOW).toEqual([id]);
  });

  it('share one subscriber: one of them is delivered to, the other takes over', async () => {
    await using database = await createTestDatabase();
    const { url } = database;
    const both = [startProcess(url), startProcess(url)] as const;
    const first = await publish(url, 50);
    const all = (): string[] => both.flatMap(({ lines }) => lines);
    await expect.poll(() => all().length, SLOW).toBe(50);
    expect(all().toSorted()).toEqual(first.toSorted());
    const [holder, other] = both[0].lines.length > 0 ? both : [both[1], both[0]];
    expect(other.lines).toEqual([]);
    await expect
      .poll(async () => (await withClient(url, (c) => listSubscriptions(c)))[0]?.delivered, SLOW)
      .toBe(50n);
    holder.child.kill('SIGKILL');
    const second = await publish(url, 10);
    await expect.poll(() => other.lines, SLOW).toHaveLength(10);
    expect(other.lines.toSorted()).toEqual(second.toSorted());
  });
});
