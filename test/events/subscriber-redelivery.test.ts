import { describe, expect, it } from 'vitest';

import { listSubscriptions } from '../../src/database/event-store/subscriptions.ts';
import { listDeadLetters, redriveDeadLetters } from '../../src/events/dead-letters.ts';
import { cancelReplay, replay, replayEvents } from '../../src/events/replay.ts';
import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';
import { begin, publish, serve, SLOW } from './subscriber-support.ts';

const WHO = { actor: 'test' };

interface Seen {
  readonly id: string;
  readonly how: 'live' | 'redelivery' | 'replay';
}

describe('what operators ask for', () => {
  it('dead letters are delivered again: removed when handled, kept with all attempts when not', async () => {
    await using database = await createTestDatabase();
    const { url } = database;
    const ids = await publish(url, 12, 'x.done', 4);
    const bad = new Set([ids[2], ids[7]]);
    const seen: Seen[] = [];
    const subscriber = begin({ name: 'picky', attempts: 2 }).on(
      'x.done',
      ({ eventId }, delivery) => {
        seen.push({ id: eventId, how: delivery.redelivery ? 'redelivery' : 'live' });
        if (bad.has(eventId)) throw new Error(`not ${eventId}`);
      },
    );
    await using stack = new AsyncDisposableStack();
    stack.use(await serve(url, [subscriber]));
    await withClient(url, async (client) => {
      const letters = async () => (await listDeadLetters(client)).letters;
      await expect.poll(async () => (await letters()).length, SLOW).toBe(2);
      // the rest of the task went on without what was given up: 2 and 6 and 10, 3 and 7 and 11
      await expect.poll(() => new Set(seen.map(({ id }) => id)).size, SLOW).toBe(12);
      bad.delete(ids[2]);
      await redriveDeadLetters(client, { subscriber: 'picky' }, WHO);
      await expect.poll(letters, SLOW).toMatchObject([{ eventId: ids[7], attempts: 4 }]);
      expect(seen.filter(({ how }) => how === 'redelivery').map(({ id }) => id)).toEqual([
        ids[2],
        ids[7],
        ids[7],
      ]);
      bad.clear();
      await redriveDeadLetters(client, { subscriber: 'picky' }, WHO);
      await expect.poll(letters, SLOW).toEqual([]);
    });
  });

  it('a replay is delivered beside what comes live, and the position stays', async () => {
    await using database = await createTestDatabase();
    const { url } = database;
    const ids = await publish(url, 40, 'x.done', 5);
    await publish(url, 10, 'y.done', 5);
    const seen: Seen[] = [];
    const subscriber = begin({ name: 'twice', partitions: 2 }).on(
      'x.*',
      ({ eventId }, delivery) => {
        seen.push({ id: eventId, how: delivery.replay ? 'replay' : 'live' });
      },
    );
    await using stack = new AsyncDisposableStack();
    stack.use(await serve(url, [subscriber]));
    const of = (how: Seen['how']): string[] =>
      seen.filter((each) => each.how === how).map(({ id }) => id);
    await expect.poll(() => of('live').length, SLOW).toBe(40);
    await withClient(url, async (client) => {
      const delivered = async (): Promise<bigint[]> =>
        (await listSubscriptions(client, 'twice')).map((row) => row.delivered);
      await expect.poll(async () => (await delivered()).reduce((a, b) => a + b), SLOW).toBe(40n);
      const before = await listSubscriptions(client, 'twice');
      const asked = { ...WHO, subscriber: 'twice', from: 'start', names: ['x.*'] } as const;
      const { replayId } = await replayEvents(client, asked);
      await expect
        .poll(() => replay(client, replayId), SLOW)
        .toMatchObject({ finishedAt: expect.any(String) as string, delivered: 40, seen: 40 });
      expect(of('replay').toSorted()).toEqual(ids.toSorted());
      expect(await delivered()).toEqual(before.map((row) => row.delivered));
      // at one event a second for ever, while what comes live is delivered at once
      const slow = await replayEvents(client, { ...asked, rate: 0.01 });
      await expect.poll(() => of('replay').length, SLOW).toBeGreaterThan(40);
      const live = await publish(url, 5);
      await expect.poll(() => of('live').slice(40).toSorted(), SLOW).toEqual(live.toSorted());
      await cancelReplay(client, slow.replayId, { ...WHO, reason: 'too slow' });
      const again = await replayEvents(client, { ...asked, taskId: 1n });
      await expect
        .poll(() => replay(client, again.replayId), SLOW)
        .toMatchObject({ finishedAt: expect.any(String) as string });
      expect(of('replay').length).toBeLessThan(40 + 40);
    });
  });
});
