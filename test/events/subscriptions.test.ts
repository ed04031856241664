import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { auditOf } from '../../src/database/audit-log.ts';
import { connect } from '../../src/database/connection.ts';
import { saveDeadLetter } from '../../src/database/event-store/dead-letters.ts';
import { FIRST_POSITION } from '../../src/database/event-store/event-log.ts';
import {
  enterSubscription,
  saveProgress,
  takeParts,
  EVENT_CHANNEL,
} from '../../src/database/event-store/subscriptions.ts';
import { eventStats } from '../../src/events/event-stats.ts';
import {
  oneSubscriber,
  pauseSubscriber,
  resumeSubscriber,
  subscriberHealth,
} from '../../src/events/subscriptions.ts';
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

const enter = (name: string, partitions = 1): Promise<unknown> =>
  enterSubscription(client, { name, partitions, filter: {}, position: FIRST_POSITION });
const OLD = '2030-01-02T03:04:05.000006Z';

describe('durable subscribers', () => {
  it('say how far they are, what failed, and who serves them', async () => {
    await enter('b', 2);
    await enter('a');
    const events = await storeEvents(client, [
      { taskId: 1n, at: '2030-01-01T00:00:00Z' },
      { taskId: 3n, at: OLD },
      { taskId: 2n, at: '2030-01-03T00:00:00Z' },
      // belongs to the first part
      { at: '2030-01-04T00:00:00Z' },
    ]);
    await saveProgress(client, [
      {
        name: 'b',
        partition: 1,
        position: events[0]!.position,
        delivered: 3,
        errors: 2,
        lastError: 'no route',
      },
    ]);
    await saveDeadLetter(client, {
      name: 'b',
      partition: 1,
      reason: 'failed',
      error: { name: 'Error', message: 'no route' },
      attempts: 5,
      event: {
        ...events[0]!,
        name: 'x.done',
        taskId: 1n,
        stepId: undefined,
        createdAt: OLD,
        payload: {},
      },
    });
    await takeParts(client, [{ name: 'b', partition: 1 }]);

    const all = await subscriberHealth(client);
    expect(all.map(({ name, lagEvents }) => [name, lagEvents])).toEqual([
      ['a', 4],
      ['b', 3],
    ]);
    const b = await oneSubscriber(client, 'b');
    expect(b).toEqual(all[1]);
    expect(b).toMatchObject({
      state: 'running',
      lagIsMore: false,
      lagSince: OLD,
      delivered: 3n,
      errors: 2n,
      deadLetters: 1,
      lastError: 'no route',
    });
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    expect(b.parts).toMatchObject([
      { partition: 0, lagEvents: 2, lagSince: '2030-01-03T00:00:00.000000Z', servedBy: undefined },
      { partition: 1, lagEvents: 1, lagSince: OLD, deadLetters: 1, servedBy: rows[0]!.pid },
    ]);
    await client.query('SELECT pg_advisory_unlock_all()');
  });

  it('are paused and resumed once, wherever they run, with an entry in the journal', async () => {
    await enter('held', 3);
    const notices: string[] = [];
    client.on('notification', ({ channel }) => notices.push(channel));
    await client.query(`LISTEN ${EVENT_CHANNEL}`);
    const anna = { actor: 'anna', reason: 'mail is down' };
    expect(await pauseSubscriber(client, 'held', anna)).toMatchObject({
      action: 'subscriber.pause',
      subscriber: 'held',
      alreadyDone: false,
    });
    expect(await pauseSubscriber(client, 'held', anna)).toMatchObject({
      alreadyDone: true,
      auditId: undefined,
    });
    const { state, parts } = await oneSubscriber(client, 'held');
    expect([state, ...parts.map((part) => part.state)]).toEqual(Array(4).fill('paused'));
    expect((await oneSubscriber(client, 'a')).state).toBe('running');
    expect(await resumeSubscriber(client, 'held', { actor: 'ben' })).toMatchObject({
      alreadyDone: false,
    });
    expect((await oneSubscriber(client, 'held')).state).toBe('running');
    expect((await auditOf(client)).entries).toMatchObject([
      { action: 'subscriber.resume', actor: 'ben', reason: null },
      { action: 'subscriber.pause', ...anna, details: { subscriber: 'held' } },
    ]);
    await expect.poll(() => notices, { timeout: 20_000 }).toEqual([EVENT_CHANNEL, EVENT_CHANNEL]);
  });

  it('refuse a name that nobody has, and who does not say who he is', async () => {
    const unknown = { code: 'TASKER_UNKNOWN_SUBSCRIBER', data: { subscriber: 'nobody' } };
    const anna = { actor: 'anna' };
    await expect(oneSubscriber(client, 'nobody')).rejects.toMatchObject(unknown);
    await expect(pauseSubscriber(client, 'nobody', anna)).rejects.toMatchObject(unknown);
    await expect(resumeSubscriber(client, 'nobody', anna)).rejects.toMatchObject(unknown);
    const bad = (field: string): object => ({ code: 'TASKER_BAD_ARGUMENT', data: { field } });
    await expect(oneSubscriber(client, '')).rejects.toMatchObject(bad('subscriber'));
    await expect(pauseSubscriber(client, 'a', { actor: '' })).rejects.toMatchObject(bad('actor'));
  });
});

describe('the log of events', () => {
  it('is counted by names, with rates, partitions and subscribers', async () => {
    await client.query('TRUNCATE tasker_core_events');
    await storeEvents(client, [
      ...Array.from({ length: 3 }, () => ({ name: 'now.done' })),
      { name: 'then.done', at: '2020-01-01T00:00:00Z' },
    ]);
    const stats = await eventStats(client);
    expect(stats).toMatchObject({
      total: 4,
      lastHourRate: 3 / 3600,
      events: [
        { name: 'now.done', count: 3, lastHour: 3 },
        {
          name: 'then.done',
          count: 1,
          lastMinute: 0,
          lastHour: 0,
          lastAt: '2020-01-01T00:00:00.000000Z',
        },
      ],
    });
    expect(stats.subscribers.map(({ name }) => name)).toEqual(['a', 'b', 'held']);
    expect(stats.partitions.at(-1)).toMatchObject({
      name: 'tasker_core_events_default',
      from: undefined,
      until: undefined,
    });
    expect(stats.partitions.at(-1)!.bytes).toBeGreaterThan(0);
    const since = Date.UTC(2021) * 1000;
    expect((await eventStats(client, since)).events.map(({ name }) => name)).toEqual(['now.done']);
    await expect(eventStats(client, Number.NaN)).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
      data: { field: 'since' },
    });
  });
});
