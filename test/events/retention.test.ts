import { randomUUID } from 'node:crypto';

import type pg from 'pg';
import { describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { databaseMicros } from '../../src/database/engine/engine-registry.ts';
import {
  asMaintainer,
  createEventPartition,
  detachEventPartition,
  listEventPartitions,
} from '../../src/database/event-store/event-partitions.ts';
import { enterSubscription, saveProgress } from '../../src/database/event-store/subscriptions.ts';
import { EventMaintenance } from '../../src/events/event-maintenance.ts';
import { createPartitionsAhead, retainEvents } from '../../src/events/retention.ts';
import { formatNaive } from '../../src/graph/snapshot/instants.ts';
import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';

const DAY = 86_400_000_000;
const SLOW = { timeout: 60_000 };

/** Stores events of one instant in one transaction. */
async function store(client: pg.Client, name: string, at: number, count = 1): Promise<void> {
  await client.query(
    `INSERT INTO tasker_core_events (event_id, name, occurred_at)
     SELECT gen_random_uuid(), $1, $2 FROM generate_series(1, $3::int)`,
    [name, formatNaive(at), count],
  );
}

interface Row {
  readonly name: string;
  readonly place: string;
  readonly partition: string;
}

async function storedEvents(client: pg.Client): Promise<Row[]> {
  const { rows } = await client.query<Row>(
    `SELECT name, xid || '-' || position AS place, tableoid::regclass::text AS partition
       FROM tasker_core_events ORDER BY xid, position`,
  );
  return rows;
}

const names = (rows: readonly { readonly name: string }[]): string[] =>
  rows.map(({ name }) => name);

/** Midnight of a day so many before today. */
async function daysAgo(client: pg.Client, days: number): Promise<number> {
  return Math.floor((await databaseMicros(client)) / DAY - days) * DAY;
}

/** Partitions of one day each, with one event each; days ago. */
async function storeDays(client: pg.Client, days: readonly number[]): Promise<string[]> {
  for (const day of days) {
    const from = await daysAgo(client, day);
    expect(await createEventPartition(client, { from, until: from + DAY })).toBe('done');
    await store(client, `day.${day}`, from + 1);
  }
  return names(await listEventPartitions(client));
}

async function onDatabase(work: (client: pg.Client, url: string) => Promise<void>): Promise<void> {
  await using database = await createTestDatabase();
  const { url } = database;
  await withClient(url, (client) => work(client, url));
}

describe('partitions of the log of events', () => {
  it('are made ahead without gaps, whatever their length was before, and take in what came before', () =>
    onDatabase(async (client) => {
      const now = await databaseMicros(client);
      await store(client, 'before', now);
      await store(client, 'later', now + 3 * DAY);
      await store(client, 'far', now + 3000 * DAY);
      const before = await storedEvents(client);

      const options = { partitionDays: 2, partitionsAhead: 3 };
      const { created, busy } = await createPartitionsAhead(client, options);
      expect(busy).toEqual([]);
      expect(created).toHaveLength(4);
      expect(await createPartitionsAhead(client, options)).toEqual({ created: [], busy: [] });

      const after = await storedEvents(client);
      expect(after.map(({ name, place }) => ({ name, place }))).toEqual(
        before.map(({ name, place }) => ({ name, place })),
      );
      expect(after[0]!.partition).toBe(created[0]);
      expect(created).toContain(after[1]!.partition);
      expect(after[2]!.partition).toBe('tasker_core_events_default');

      await createPartitionsAhead(client, { partitionDays: 5, partitionsAhead: 3 });
      const all = await listEventPartitions(client);
      expect(all.slice(1).map(({ from }) => from)).toEqual(
        all.slice(0, -1).map(({ until }) => until),
      );
      expect(all[0]!.from).toBeLessThanOrEqual(now);
      expect(all.at(-1)!.until).toBeGreaterThanOrEqual(now + 15 * DAY);
    }));

  it('leave what is too much to be moved where it is', () =>
    onDatabase(async (client) => {
      await store(client, 'many', await databaseMicros(client), 1500);
      const { created } = await createPartitionsAhead(client, {
        partitionDays: 400,
        partitionsAhead: 1,
      });
      expect(created).toHaveLength(1);
      const rows = await storedEvents(client);
      expect(rows).toHaveLength(1500);
      expect(new Set(rows.map(({ partition }) => partition))).toEqual(
        new Set(['tasker_core_events_default']),
      );
    }));

  it('wait for nobody for long', () =>
    onDatabase(async (client, url) => {
      const [name] = await storeDays(client, [9]);
      const from = await daysAgo(client, 8);
      await withClient(url, async (other) => {
        await other.query('BEGIN');
        await store(other, 'open', from);
        const isHeld = async (): Promise<boolean> => false;
        expect(await detachEventPartition(client, name!, { keep: false, isHeld })).toBe('busy');
        expect(await createEventPartition(client, { from, until: from + DAY })).toBe('busy');
        expect(names(await listEventPartitions(client))).toEqual([name]);
        await other.query('COMMIT');
      });
      expect(await createEventPartition(client, { from, until: from + DAY })).toBe('done');
      expect(names(await storedEvents(client))).toEqual(['day.9', 'open']);
    }));
});

describe('retention of events', () => {
  it('drops what is old and says beforehand what it would drop', () =>
    onDatabase(async (client) => {
      const partitions = await storeDays(client, [9, 8, 3]);
      const before = await daysAgo(client, 7);
      await store(client, 'stray.old', before - 5 * DAY, 25_000);
      await store(client, 'stray.young', before);
      const ids = async (age: number): Promise<void> => {
        await client.query(`INSERT INTO tasker_core_processed_events VALUES ('s', $1, $2)`, [
          randomUUID(),
          formatNaive(age),
        ]);
      };
      for (const age of [before - DAY, before + DAY]) await ids(age);

      const planned = await retainEvents(client, { before, dryRun: true });
      expect(planned).toMatchObject({ dryRun: true, held: [], busy: [], defaultEvents: 25_000 });
      expect(await listEventPartitions(client)).toHaveLength(3);

      const done = await retainEvents(client, { before });
      expect(done).toMatchObject({ held: [], busy: [], created: [], defaultEvents: 25_000 });
      expect(names(done!.removed)).toEqual(partitions.slice(0, 2));
      expect(names(planned!.removed)).toEqual(names(done!.removed));
      expect(names(await storedEvents(client))).toEqual(['day.3', 'stray.young']);
      expect(done!.processedIds).toBe(1);
      const { rows } = await client.query(`SELECT relname FROM pg_class WHERE relname = ANY ($1)`, [
        partitions,
      ]);
      expect(rows).toEqual([{ relname: partitions[2] }]);
      expect(await retainEvents(client, { before })).toMatchObject({
        removed: [],
        processedIds: 0,
      });
    }));

  it('keeps the tables of detached partitions for the archive', () =>
    onDatabase(async (client) => {
      const [name] = await storeDays(client, [9]);
      const before = await daysAgo(client, 7);
      await store(client, 'stray', before - 5 * DAY);
      const report = await retainEvents(client, { before, expired: 'detach' });
      expect(report).toMatchObject({ defaultEvents: 0, removed: [{ name }] });
      expect(names(await storedEvents(client))).toEqual(['stray']);
      const { rows } = await client.query(`SELECT name FROM ${name}`);
      expect(rows).toEqual([{ name: 'day.9' }]);
    }));

  it('is held back by a subscriber that is behind, and by an open replay', () =>
    onDatabase(async (client) => {
      const partitions = await storeDays(client, [9, 8]);
      const before = await daysAgo(client, 7);
      await store(client, 'stray', before - 5 * DAY);
      const events = await storedEvents(client);
      const subscription = { name: 'slow', partitions: 2, filter: {}, position: events[0]!.place };
      await enterSubscription(client, subscription);
      const replayed = async (finished: boolean): Promise<void> => {
        const [xid, position] = events[1]!.place.split('-');
        await client.query(
          `INSERT INTO tasker_core_replays
             (subscription, partition, filter, transaction_id, position, until_transaction_id,
              until_position, created_at, finished_at)
           VALUES ('again', 0, '{}', '0', 0, $1, $2, now(), CASE WHEN $3 THEN now() END)`,
          [xid, position, finished],
        );
      };
      await replayed(true);

      const slow = { kind: 'subscriber', name: 'slow', position: events[0]!.place };
      const first = await retainEvents(client, { before });
      expect(names(first!.removed)).toEqual([partitions[0]]);
      expect(first).toMatchObject({
        held: [
          { partition: partitions[1], by: [slow] },
          { partition: 'tasker_core_events_default', by: [slow] },
        ],
        defaultEvents: 0,
      });

      await replayed(false);
      const progress = { name: 'slow', delivered: 1, errors: 0, lastError: undefined };
      const position = events[2]!.place;
      await saveProgress(
        client,
        [0, 1].map((partition) => ({ ...progress, partition, position })),
      );
      const second = await retainEvents(client, { before });
      expect(second!.held).toEqual([
        { partition: partitions[1], by: [{ kind: 'replay', name: 'again', position: '0-0' }] },
      ]);
      expect(second!.removed).toEqual([]);

      await client.query('UPDATE tasker_core_replays SET finished_at = now()');
      const third = await retainEvents(client, { before });
      expect(third).toMatchObject({
        held: [],
        removed: [{ name: partitions[1] }],
        defaultEvents: 1,
      });
      expect(await storedEvents(client)).toEqual([]);
    }));

  it('is the business of one process at a time', () =>
    onDatabase(async (client, url) => {
      const other = await withClient(url, (first) =>
        asMaintainer(first, () => retainEvents(client, { before: 0 })),
      );
      expect(other).toBeUndefined();
      expect(await retainEvents(client, { before: 0 })).toMatchObject({ removed: [] });
    }));

  it('goes on where a process died', () =>
    onDatabase(async (client, url) => {
      const partitions = await storeDays(client, [9, 8]);
      const before = await daysAgo(client, 7);
      // between the two transactions of a partition
      await withClient(url, (dying) =>
        detachEventPartition(dying, partitions[0]!, { keep: false, isHeld: async () => false }),
      );
      // in the midst of a transaction
      const cut = await connect(url);
      const isHeld = async (): Promise<boolean> => {
        const { rows } = await cut.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        await client.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
        await cut.query('SELECT 1');
        return false;
      };
      await expect(
        detachEventPartition(cut, partitions[1]!, { keep: false, isHeld }),
      ).rejects.toThrow(/terminat|connection/i);
      expect(names(await storedEvents(client))).toEqual(['day.8']);

      const report = await retainEvents(client, { before });
      expect(names(report!.removed)).toEqual([partitions[1]]);
      const { rows } = await client.query(
        `SELECT relname FROM pg_class WHERE relname LIKE 'tasker\\_core\\_events\\_2%' AND relkind = 'r'`,
      );
      expect(rows).toEqual([]);
    }));

  it(
    'fails no writer and loses no event of theirs',
    () =>
      onDatabase(async (client, url) => {
        const old = Array.from({ length: 12 }, (_, at) => 40 - at);
        await storeDays(client, old);
        const before = await daysAgo(client, 7);
        const writing = new AbortController();
        const write = async (writer: number): Promise<number> =>
          withClient(url, async (session) => {
            let count = 0;
            for (; !writing.signal.aborted; count++) {
              // prepared, as the statements of the engine are
              await session.query({
                name: 'write',
                text: `INSERT INTO tasker_core_events (event_id, name, occurred_at)
                     SELECT gen_random_uuid(), $1, clock_timestamp()::timestamp + make_interval(days => d)
                       FROM unnest(ARRAY[0, 0, 1, 500]) d`,
                values: [`writer.${writer}`],
              });
            }
            return count;
          });
        const writers = Promise.all([write(1), write(2), write(3)]);
        const removed: string[] = [];
        try {
          await expect
            .poll(async () => {
              const options = { partitionDays: 1, partitionsAhead: 4, before };
              const report = await retainEvents(client, options);
              removed.push(...names(report!.removed));
              return removed.length;
            }, SLOW)
            .toBe(old.length);
        } finally {
          writing.abort();
        }
        const counts = await writers;
        const { rows } = await client.query<{ name: string; count: number }>(
          `SELECT name, count(*)::int AS count FROM tasker_core_events GROUP BY name ORDER BY name`,
        );
        expect(rows).toEqual(
          counts.map((count, at) => ({ name: `writer.${at + 1}`, count: count * 4 })),
        );
      }),
    120_000,
  );
});

describe('the maintenance of an engine', () => {
  it('makes partitions, removes old ones and tells who holds the others', () =>
    onDatabase(async (client, url) => {
      const partitions = await storeDays(client, [9, 8]);
      const [first] = await storedEvents(client);
      await enterSubscription(client, {
        name: 'slow',
        partitions: 1,
        filter: {},
        position: first!.place,
      });
      const problems: (readonly [string, unknown])[] = [];
      const maintenance = new EventMaintenance({
        url,
        partitionDays: 7,
        partitionsAhead: 2,
        retentionDays: 5,
        expired: 'drop',
        maintenanceSeconds: 3600,
        onProblem: (event, facts) => problems.push([event, facts]),
      });
      maintenance.start();
      maintenance.start();
      await expect.poll(() => problems.length, SLOW).toBe(1);
      expect(problems).toEqual([
        [
          'events_held_back',
          {
            partition: partitions[1],
            by: [{ kind: 'subscriber', name: 'slow', position: first!.place }],
          },
        ],
      ]);
      await maintenance.stop();
      await maintenance.stop();
      const left = names(await listEventPartitions(client));
      expect(left[0]).toBe(partitions[1]);
      expect(left).toHaveLength(4);
    }));

  const MAINTENANCE = {
    partitionDays: 7,
    partitionsAhead: 2,
    retentionDays: undefined,
    expired: 'drop',
    maintenanceSeconds: 3600,
  } as const;

  /** Ends the session of a round that waits for a lock. */
  async function endWaiting(url: string): Promise<void> {
    await withClient(url, async (client) => {
      const end = async (): Promise<unknown> =>
        (
          await client.query(`SELECT pg_terminate_backend(pid, 60000) AS ended FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
              AND application_name = 'tasker-core event maintenance'`)
        ).rows;
      await expect.poll(end, SLOW).toEqual([{ ended: true }]);
    });
  }

  // what a round asks of the log waits for this
  const HOLD = 'BEGIN; LOCK TABLE tasker_core_events_default IN ACCESS EXCLUSIVE MODE';

  it('goes on in a new session where its own is lost', () =>
    onDatabase(async (client, url) => {
      const problems: string[] = [];
      const onProblem = (event: string): void => void problems.push(event);
      const maintenance = new EventMaintenance({ ...MAINTENANCE, url, onProblem });
      await client.query(HOLD);
      maintenance.start();
      await endWaiting(url);
      await client.query('COMMIT');
      const made = async (): Promise<number> => (await listEventPartitions(client)).length;
      await expect.poll(made, SLOW).toBe(3);
      await maintenance.stop();
      expect(problems).toEqual([]);
    }));

  it('says so where the new session is lost too', () =>
    onDatabase(async (client, url) => {
      const problems: string[] = [];
      const onProblem = (event: string): void => void problems.push(event);
      const maintenance = new EventMaintenance({ ...MAINTENANCE, url, onProblem });
      await client.query(HOLD);
      maintenance.start();
      await endWaiting(url);
      await endWaiting(url);
      await expect.poll(() => problems, SLOW).toEqual(['event_maintenance_failed']);
      await client.query('COMMIT');
      await maintenance.stop();
    }));
});
