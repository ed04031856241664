import { randomUUID } from 'node:crypto';

import type pg from 'pg';
import { describe, expect, it } from 'vitest';

import { notifyBridge } from '../../src/events/notify-bridge.ts';
import type { StoredEvent } from '../../src/events/stored-event.ts';
import type { Delivery } from '../../src/events/subscriber-definition.ts';
import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';

const SLOW = { timeout: 30_000 };
const CHANNEL = 'shop "events"';
const DELIVERY = { attempt: 1, signal: new AbortController().signal } as Delivery;

const eventOf = (name: string, payload: Record<string, unknown> = {}): StoredEvent => ({
  position: '1-1',
  eventId: randomUUID(),
  name,
  taskId: 9_007_199_254_740_993n,
  stepId: 4n,
  createdAt: '2030-01-02T03:04:05.000006Z',
  payload,
});

interface Notice {
  readonly event_id: string;
  readonly name: string;
  readonly task_id: string;
}

async function listening(
  work: (notices: Notice[], url: string, client: pg.Client) => Promise<void>,
): Promise<void> {
  await using database = await createTestDatabase({ migrated: false });
  const { url } = database;
  await withClient(url, async (client) => {
    const notices: Notice[] = [];
    client.on('notification', ({ payload }) => notices.push(JSON.parse(payload ?? '') as Notice));
    await client.query('LISTEN "shop ""events"""');
    await work(notices, url, client);
  });
}

describe('the bridge to NOTIFY', () => {
  it('tells of events by name, in their order, by few commits', () =>
    listening(async (notices, url, client) => {
      await using bridge = notifyBridge({ url, channel: CHANNEL, names: ['order.*', 'exactly'] });
      const events = Array.from({ length: 1200 }, (_, at) => eventOf('order.paid', { at }));
      const others = [eventOf('orders'), eventOf('exactly.not')];
      const last = eventOf('exactly');
      await Promise.all([...events, ...others, last].map((e) => bridge.handler(e, DELIVERY)));
      await expect.poll(() => notices.length, SLOW).toBe(1201);
      expect(notices.map(({ event_id: id }) => id)).toEqual(
        [...events, last].map(({ eventId }) => eventId),
      );
      expect(notices[7]).toEqual({
        event_id: events[7]!.eventId,
        name: 'order.paid',
        task_id: '9007199254740993',
        step_id: '4',
        created_at: events[7]!.createdAt,
        payload: { at: 7 },
      });
      await bridge.stop();
      // a session leaves its counts behind before it is gone
      const sessions = async (): Promise<unknown> =>
        (
          await client.query(
            `SELECT FROM pg_stat_activity
              WHERE datname = current_database() AND application_name = 'tasker-core notify bridge'`,
          )
        ).rowCount;
      await expect.poll(sessions, SLOW).toBe(0);
      const { rows } = await client.query<{ count: number }>(
        `SELECT xact_commit::int AS count FROM pg_stat_database WHERE datname = current_database()`,
      );
      expect(rows[0]!.count).toBeLessThan(600);
    }));

  it('leaves out what has no room in a notice', () =>
    listening(async (notices, url) => {
      await using bridge = notifyBridge({ url, channel: CHANNEL });
      const base = JSON.stringify({
        event_id: randomUUID(),
        name: 'x',
        task_id: '9007199254740993',
        step_id: '4',
        created_at: '2030-01-02T03:04:05.000006Z',
        payload: { text: '' },
      }).length;
      const just = eventOf('x', { text: 'é'.repeat(Math.floor((7999 - base) / 2)) });
      const over = eventOf('x', { text: 'é'.repeat(Math.floor((7999 - base) / 2) + 1) });
      await Promise.all([just, over].map((event) => bridge.handler(event, DELIVERY)));
      await expect.poll(() => notices.length, SLOW).toBe(2);
      expect(notices[0]).toMatchObject({ payload: just.payload });
      const task = { task_id: '9007199254740993', name: 'x' };
      expect(notices[1]).toEqual({ event_id: over.eventId, ...task, truncated: true });
    }));

  it('goes on after its session was ended, and fails what is not sent when it stops', () =>
    listening(async (notices, url, client) => {
      const bridge = notifyBridge({ url, channel: CHANNEL });
      await bridge.handler(eventOf('a'), DELIVERY);
      await client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'tasker-core notify bridge'`,
      );
      const again = async (): Promise<boolean> => {
        try {
          await bridge.handler(eventOf('b'), DELIVERY);
          return true;
        } catch {
          return false;
        }
      };
      await expect.poll(again, SLOW).toBe(true);
      await expect.poll(() => notices.map(({ name }) => name), SLOW).toEqual(['a', 'b']);
      await bridge.stop();
      await expect(bridge.handler(eventOf('c'), DELIVERY)).rejects.toThrow(/abort/i);
      await bridge.stop();
    }));

  it('refuses options that are wrong', () => {
    const good = { url: 'postgresql://host/db', channel: 'c' };
    for (const wrong of [
      { url: '' },
      { channel: '' },
      { channel: 'x'.repeat(64) },
      { channel: 'tasker_core_events' },
      { names: ['a*b'] },
      { names: 'a' },
      { name: 'a' },
    ]) {
      expect(() => notifyBridge({ ...good, ...(wrong as object) })).toThrow(
        expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT' }),
      );
    }
  });
});
