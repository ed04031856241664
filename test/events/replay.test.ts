import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { auditOf } from '../../src/database/audit-log.ts';
import { connect } from '../../src/database/connection.ts';
import { FIRST_POSITION } from '../../src/database/event-store/event-log.ts';
import {
  openReplays,
  saveReplayProgress,
  type OpenReplay,
} from '../../src/database/event-store/replays.ts';
import {
  enterSubscription,
  listSubscriptions,
} from '../../src/database/event-store/subscriptions.ts';
import {
  cancelReplay,
  listReplays,
  replay,
  replayEvents,
  type ReplayRequest,
} from '../../src/events/replay.ts';
import { readEvents, type StoredEvent } from '../../src/events/stored-event.ts';
import { startLonelyServer, type LonelyServer } from '../support/lonely-server.ts';
import { storeEvents } from './stored-events.ts';

let server: LonelyServer;
let client: pg.Client;

beforeAll(async () => {
  server = await startLonelyServer();
  client = await connect(server.url);
});

afterAll(async () => {
  await client.end();
  await server.stop();
});

beforeEach(async () => {
  await client.query(
    `TRUNCATE tasker_core_events, tasker_core_replays, tasker_core_subscriptions, tasker_core_audit
     RESTART IDENTITY`,
  );
  await enterSubscription(client, {
    name: 'mail',
    partitions: 2,
    filter: {},
    position: FIRST_POSITION,
  });
});

const PARTS = [
  { name: 'mail', partition: 0 },
  { name: 'mail', partition: 1 },
];
const ask = (request: Partial<ReplayRequest> = {}): ReturnType<typeof replayEvents> =>
  replayEvents(client, { subscriber: 'mail', from: 'start', actor: 'anna', ...request });

/** Events that the parts of a replay have to deliver, as a process with both would read them. */
async function left(open: readonly OpenReplay[]): Promise<StoredEvent[]> {
  const events = await Promise.all(
    open.map(async ({ filter, position, upTo, partition }) => {
      const all = await readEvents(client, { ...filter, after: position, upTo, limit: 1000 });
      return all.filter(({ taskId }) => Number(taskId ?? 0n) % 2 === partition);
    }),
  );
  return events.flat();
}

const idsOf = (events: readonly { readonly eventId: string }[]): Set<string> =>
  new Set(events.map(({ eventId }) => eventId));

describe('a replay', () => {
  it('gives each part its events, and ends when all of them have come through', async () => {
    const stored = await storeEvents(
      client,
      [0n, 1n, 2n, 3n, 4n].map((taskId) => ({ taskId })),
    );
    const asked = await ask({ reason: 'the mail server lost them' });
    expect(asked).toMatchObject({
      replayId: 1n,
      subscriber: 'mail',
      state: 'open',
      filter: {},
      rate: undefined,
      total: 5,
      seen: 0,
    });
    await storeEvents(client, [{ taskId: 0n }]);
    const open = await openReplays(client, PARTS);
    expect(open).toHaveLength(2);
    expect(idsOf(await left(open))).toEqual(idsOf(stored));

    const half = { replayId: 1n, partition: 0, delivered: 2, errors: 1, finished: false };
    await saveReplayProgress(client, [{ ...half, seen: 2, position: stored[2]!.position }]);
    // a place never goes back
    const none = { seen: 0, delivered: 0, errors: 0 };
    await saveReplayProgress(client, [{ ...half, ...none, position: stored[0]!.position }]);
    expect(idsOf(await left(await openReplays(client, [PARTS[0]!])))).toEqual(idsOf([stored[4]!]));
    expect(await replay(client, 1n)).toMatchObject({ state: 'open', seen: 2, errors: 1 });
    const rest = { replayId: 1n, errors: 0, finished: true };
    await saveReplayProgress(client, [
      { ...rest, partition: 0, seen: 1, delivered: 0, position: open[0]!.upTo },
      { ...rest, partition: 1, seen: 2, delivered: 2, position: open[1]!.upTo },
    ]);
    expect(await openReplays(client, PARTS)).toEqual([]);
    const over = await replay(client, 1n);
    expect(over).toMatchObject({ state: 'finished', total: 5, seen: 5, delivered: 4, errors: 1 });
    expect(over.finishedAt).toMatch(/Z$/);
    expect((await listSubscriptions(client, 'mail'))[0]!.position).toBe(FIRST_POSITION);
    expect((await auditOf(client)).entries).toMatchObject([
      {
        action: 'replay.start',
        actor: 'anna',
        reason: 'the mail server lost them',
        details: { replay_id: '1', subscriber: 'mail', from: 'start' },
      },
    ]);
  });

  it('is restricted by position, time, task and names', async () => {
    const day = (at: number): string => `2030-01-0${at}T00:00:00.000000Z`;
    const first = await storeEvents(client, [
      { name: 'task.completed', taskId: 0n, at: day(1) },
      { name: 'step.completed', taskId: 0n, at: day(2) },
      { name: 'step.failed', taskId: 1n, at: day(3) },
    ]);
    const second = await storeEvents(client, [
      { name: 'stepXfailed', taskId: 2n, at: day(4) },
      { name: 'step.failed', taskId: 0n, at: day(5) },
    ]);
    const events = [...first, ...second];
    const chosen = async (request: Partial<ReplayRequest>): Promise<number[]> => {
      const asked = await ask(request);
      const ids = idsOf(await left(await openReplays(client, PARTS)));
      await cancelReplay(client, asked.replayId, { actor: 'anna' });
      const places = events.flatMap(({ eventId }, at) => (ids.has(eventId) ? [at] : []));
      expect(asked.total).toBe(places.length);
      return places;
    };
    expect(await chosen({ from: events[1]!.position })).toEqual([1, 2, 3, 4]);
    expect(await chosen({ from: 'start', until: events[3]!.position })).toEqual([0, 1, 2, 3]);
    expect(await chosen({ from: day(2) })).toEqual([1, 2, 3, 4]);
    expect(await chosen({ from: day(2), until: day(4) })).toEqual([1, 2]);
    expect(await chosen({ taskId: 0n })).toEqual([0, 1, 4]);
    expect(await chosen({ names: ['step.*'] })).toEqual([1, 2, 4]);
    expect(await chosen({ names: ['step.failed', 'task.completed'], taskId: 0n })).toEqual([0, 4]);
    expect(await chosen({ from: events[1]!.position, until: day(5), taskId: 0n })).toEqual([1]);
    // positions of a later time than what can be read restrict nothing
    expect(await chosen({ until: '18446744073709551615-1' })).toEqual([0, 1, 2, 3, 4]);
  });

  it('is over at once where there is nothing to deliver', async () => {
    await storeEvents(client, [{ taskId: 0n }]);
    expect(await ask({ names: ['y.*'] })).toMatchObject({ state: 'finished', total: 0 });
    expect(await ask()).toMatchObject({ state: 'open', total: 1 });
    expect(await openReplays(client, PARTS)).toMatchObject([{ partition: 0, replayId: 2n }]);
  });

  it('follows the one before, and shares its rate among the parts', async () => {
    await storeEvents(client, [{ taskId: 0n }, { taskId: 1n }]);
    expect(await ask({ rate: 10 })).toMatchObject({ rate: 10 });
    await ask();
    expect(await openReplays(client, PARTS)).toMatchObject([
      { replayId: 1n, rate: 5 },
      { replayId: 1n, rate: 5 },
    ]);
    expect(await cancelReplay(client, 1n, { actor: 'ben', reason: 'too slow' })).toMatchObject({
      alreadyDone: false,
      replay: { state: 'cancelled' },
    });
    expect(await openReplays(client, PARTS)).toMatchObject([
      { replayId: 2n, rate: undefined },
      { replayId: 2n, rate: undefined },
    ]);
    // a process that had not heard of it yet changes nothing
    const late = { replayId: 1n, partition: 0, position: '9-9', seen: 1, delivered: 1, errors: 0 };
    await saveReplayProgress(client, [{ ...late, finished: true }]);
    expect(await cancelReplay(client, 1n, { actor: 'ben' })).toMatchObject({
      alreadyDone: true,
      replay: { state: 'cancelled', seen: 0 },
    });
    const actions = (await auditOf(client)).entries.map(({ action }) => action);
    expect(actions).toEqual(['replay.cancel', 'replay.start', 'replay.start']);
  });

  it('is listed, the latest first, by pages', async () => {
    await storeEvents(client, [{ taskId: 0n }]);
    for (let at = 0; at < 3; at++) await ask();
    await cancelReplay(client, 2n, { actor: 'anna' });
    const ids = ({ replays }: Awaited<ReturnType<typeof listReplays>>): bigint[] =>
      replays.map(({ replayId }) => replayId);
    const page = await listReplays(client, { limit: 2 });
    expect(ids(page)).toEqual([3n, 2n]);
    const last = await listReplays(client, { limit: 2, cursor: page.next! });
    expect(ids(last)).toEqual([1n]);
    expect(last.next).toBeUndefined();
    expect(ids(await listReplays(client, { open: true }))).toEqual([3n, 1n]);
    expect(ids(await listReplays(client, { subscriber: 'other' }))).toEqual([]);
  });

  it('refuses what means nothing, and names the field', async () => {
    const bad = (field: string): object => ({ code: 'TASKER_BAD_ARGUMENT', data: { field } });
    const wrong: [string, object][] = [
      ['subscriber', { subscriber: '' }],
      ['from', { from: 'yesterday' }],
      ['from', { from: 'infinity' }],
      ['from', { from: undefined }],
      ['until', { until: 'now' }],
      ['names', { names: ['*.failed'] }],
      ['taskId', { taskId: 1 }],
      ['rate', { rate: 0 }],
      ['rate', { rate: Infinity }],
      ['actor', { actor: '' }],
    ];
    for (const [field, request] of wrong) {
      await expect(ask(request)).rejects.toMatchObject(bad(field));
    }
    const unknown = { code: 'TASKER_UNKNOWN_SUBSCRIBER', data: { subscriber: 'nobody' } };
    await expect(ask({ subscriber: 'nobody' })).rejects.toMatchObject(unknown);
    const missing = { code: 'TASKER_UNKNOWN_REPLAY', data: { replayId: '9' } };
    await expect(replay(client, 9n)).rejects.toMatchObject(missing);
    await expect(cancelReplay(client, 9n, { actor: 'anna' })).rejects.toMatchObject(missing);
    await expect(listReplays(client, { limit: 0 })).rejects.toMatchObject(bad('limit'));
    await expect(listReplays(client, { cursor: '!' })).rejects.toMatchObject(bad('cursor'));
    expect((await auditOf(client)).entries).toEqual([]);
  });
});
