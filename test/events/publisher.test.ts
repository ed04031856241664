import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, expectTypeOf, it } from 'vitest';

import { createOrm } from '../../src/database/repositories/orm.ts';
import type { TaskerOptions } from '../../src/options.ts';
import { Tasker } from '../../src/tasker.ts';
import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';

const SLOW = { timeout: 60_000 };

const SCHEMA = {
  type: 'object',
  required: ['orderId'],
  properties: { orderId: { type: 'string' }, total: { type: 'number' } },
} as const;

interface Row {
  readonly event_id: string;
  readonly name: string;
  readonly task_id: string | null;
  readonly payload: Record<string, unknown>;
}

/** Rows of the log in order; nobody else writes to the database. */
async function rowsOf(url: string): Promise<Row[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<Row>(
      `SELECT event_id, name, task_id, payload, correlation_id, causation_id, schema_version FROM tasker_core_events
        ORDER BY xid, position`,
    );
    return rows;
  });
}

async function withTasker(
  work: (tasker: Tasker, url: string, problems: string[]) => Promise<void>,
  options: Omit<TaskerOptions, 'database' | 'directory' | 'migrate'> = {},
): Promise<void> {
  await using database = await createTestDatabase();
  const problems: string[] = [];
  const { url } = database;
  await using tasker = new Tasker({
    ...options,
    database: url,
    onProblem: (event) => problems.push(event),
  });
  await work(tasker, url, problems);
}

describe('publish', () => {
  it('stores an event with an id, what it is about and where it comes from', () =>
    withTasker(async ({ events }, url) => {
      const paid = events.registerEvent<{ orderId: string; total?: number }>('order.paid', SCHEMA);
      const { eventId, outcome } = await events.publish(
        paid,
        { orderId: '7' },
        { taskId: 5n, correlationId: 'web-1', causationId: '01890000-0000-7000-8000-000000000000' },
      );
      expect(outcome).toBe('stored');
      expect(eventId).toMatch(/^[\da-f]{8}-[\da-f]{4}-7/);
      expect(await rowsOf(url)).toEqual([
        {
          event_id: eventId,
          name: 'order.paid',
          task_id: '5',
          payload: { orderId: '7' },
          correlation_id: 'web-1',
          causation_id: '01890000-0000-7000-8000-000000000000',
          schema_version: 1,
        },
      ]);
      await events.publish('order.paid', { orderId: '8' });
      expect((await rowsOf(url))[1]?.payload).toEqual({ orderId: '8' });
      expect(events.registeredEvents()).toMatchObject([{ name: 'order.paid' }]);
    }));

  it('keeps the order in which events were published, over many statements', () =>
    withTasker(
      async ({ events }, url) => {
        events.registerEvent('x.done', { type: 'object' });
        const batch = Array.from({ length: 25 }, (_, at) => ({
          event: 'x.done',
          payload: { at: 100 + at },
        }));
        const answers = await Promise.all([
          ...Array.from({ length: 100 }, (_, at) => events.publish('x.done', { at })),
          events.publishBatch(batch),
          events.publish('x.done', { at: 125 }),
        ]);
        const ids = answers.flat().map(({ eventId }) => eventId);
        const rows = await rowsOf(url);
        expect(rows.map(({ payload }) => payload['at'])).toEqual([...Array(126).keys()]);
        expect(rows.map((row) => row.event_id)).toEqual(ids);
        expect(new Set(ids).size).toBe(126);
        expect(events.counts.statements).toBeGreaterThanOrEqual(Math.ceil(126 / 10));
        expect(events.counts.stored).toBe(126);
      },
      { publishing: { batchSize: 10 } },
    ));

  it('gathers events for as long as it is told to, and no longer than until a statement is full', () =>
    withTasker(
      async ({ events }, url) => {
        events.registerEvent('x.done', { type: 'object' });
        const first = events.publish('x.done', { at: 0 });
        const rest = Promise.all([1, 2, 3].map((at) => events.publish('x.done', { at })));
        await Promise.all([first, rest]);
        expect(events.counts.statements).toBe(1);
        const alone = events.publish('x.done', { at: 4 });
        await events.flush();
        expect(await rowsOf(url)).toHaveLength(5);
        await alone;
      },
      { publishing: { batchSize: 4, waitMs: 1000 } },
    ));

  it('makes publishers wait when the buffer is full, and drops telemetry with a count', () =>
    withTasker(
      async ({ events }, url, problems) => {
        events.registerEvent('x.done', { type: 'object' });
        events.registerEvent('x.measured', { type: 'object' }, { telemetry: true });
        await withClient(url, async (client) => {
          await client.query('BEGIN; LOCK TABLE tasker_core_events IN EXCLUSIVE MODE');
          const buffered = { until: 'buffered' } as const;
          const first = await events.publishBatch(
            [1, 2].map((at) => ({ event: 'x.done', payload: { at } })),
            buffered,
          );
          expect(first.map(({ outcome }) => outcome)).toEqual(['buffered', 'buffered']);
          // the two are under way to the server now, or about to be: four more fill the buffer
          await expect.poll(() => events.counts.buffered, SLOW).toBe(0);
          await Promise.all([3, 4, 5, 6].map((at) => events.publish('x.done', { at }, buffered)));
          let isIn = false;
          const waiting = events.publish('x.done', { at: 7 }, buffered).then(() => (isIn = true));
          const measured = await events.publish('x.measured', { at: 8 });
          expect(measured.outcome).toBe('dropped');
          expect(events.counts.dropped).toBe(1);
          expect(problems).toContain('telemetry_dropped');
          expect(isIn).toBe(false);
          await client.query('COMMIT');
          await waiting;
        });
        await events.flush();
        expect((await rowsOf(url)).map(({ payload }) => payload['at'])).toEqual([
          1, 2, 3, 4, 5, 6, 7,
        ]);
        expect((await events.publish('x.measured', { at: 9 })).outcome).toBe('stored');
      },
      { publishing: { bufferSize: 4, batchSize: 4 } },
    ));

  it('is part of the transaction of a client or an entity manager', () =>
    withTasker(async ({ events }, url) => {
      events.registerEvent('x.done', { type: 'object' });
      const seen: unknown[] = [];
      events.on('x.done', ({ at }) => seen.push(at));
      await withClient(url, async (client) => {
        await client.query('BEGIN');
        await events.publish('x.done', { at: 'undone' }, { client });
        await client.query('ROLLBACK');
        await client.query('BEGIN');
        const { outcome } = await events.publish('x.done', { at: 1 }, { client });
        expect(outcome).toBe('written');
        await client.query('SAVEPOINT part');
        await events.publish('x.done', { at: 'taken back' }, { client });
        await client.query('ROLLBACK TO SAVEPOINT part');
        expect(await rowsOf(url)).toEqual([]);
        expect(seen).toEqual([]);
        await client.query('COMMIT');
      });
      const orm = await createOrm({ url });
      try {
        const em = orm.em.fork();
        await em.transactional((inner) =>
          events.publishBatch(
            [2, 3].map((at) => ({ event: 'x.done', payload: { at } })),
            { em: inner },
          ),
        );
        const refused = em.transactional(async (inner) => {
          await events.publish('x.done', { at: 'undone' }, { em: inner });
          throw new Error('taken back');
        });
        await expect(refused).rejects.toThrow('taken back');
      } finally {
        await orm.close();
      }
      expect((await rowsOf(url)).map(({ payload }) => payload['at'])).toEqual([1, 2, 3]);
      await expect.poll(() => seen, SLOW).toEqual([1, 2, 3]);
    }));

  it('stores every event once though the server ends its session', () =>
    withTasker(
      async ({ events }, url, problems) => {
        events.registerEvent('x.done', { type: 'object' });
        const published: Promise<unknown>[] = [];
        await withClient(url, async (client) => {
          for (let at = 0; at < 300; at++) {
            published.push(events.publish('x.done', { at }));
            if (at % 50 === 25) {
              await client.query(
                `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE application_name = 'tasker-core publisher' AND datname = current_database()`,
              );
            }
            if (at % 10 === 0) await sleep(1);
          }
        });
        await Promise.all(published);
        expect((await rowsOf(url)).map(({ payload }) => payload['at'])).toEqual([
          ...Array(300).keys(),
        ]);
        expect(problems).not.toContain('event_refused');
      },
      { publishing: { batchSize: 7 } },
    ));

  it('is flushed when the Tasker stops, and goes on after that', () =>
    withTasker(async (tasker, url) => {
      const { events } = tasker;
      events.registerEvent('x.done', { type: 'object' });
      for (let at = 0; at < 50; at++) {
        await events.publish('x.done', { at }, { until: 'buffered' });
      }
      await tasker.stop();
      expect(await rowsOf(url)).toHaveLength(50);
      await events.publish('x.done', { at: 50 });
      expect(await rowsOf(url)).toHaveLength(51);
    }));

  it('says by code that it was stopped before an event was stored', () =>
    withTasker(
      async (tasker, url, problems) => {
        tasker.events.registerEvent('x.done', { type: 'object' });
        await withClient(url, async (client) => {
          await client.query('BEGIN; LOCK TABLE tasker_core_events IN EXCLUSIVE MODE');
          const lost = tasker.events.publish('x.done', {});
          const error = lost.catch((thrown: unknown) => thrown);
          await expect
            .poll(async () => {
              const { rowCount } = await client.query(
                `SELECT FROM pg_locks WHERE NOT granted AND relation = 'tasker_core_events'::regclass`,
              );
              return rowCount;
            }, SLOW)
            .toBe(1);
          const stopped = tasker.stop();
          expect(await error).toMatchObject({ code: 'TASKER_DATABASE_UNREACHABLE' });
          await client.query('ROLLBACK');
          await stopped;
          expect(problems).toContain('events_unstored');
        });
      },
      { drainSeconds: 0 },
    ));
});

describe('what is published', () => {
  it('must have a name that is registered, and not the engine’s', () =>
    withTasker(async ({ events }) => {
      const codeOf = (code: string, field: string): object => ({
        code,
        data: expect.objectContaining({ field }),
      });
      await expect(events.publish('no.such', {})).rejects.toMatchObject({
        code: 'TASKER_UNKNOWN_EVENT',
      });
      await expect(events.publish('task.completed', {})).rejects.toMatchObject(
        codeOf('TASKER_INVALID_EVENT', 'name'),
      );
      expect(() => events.on('step.compleet', () => undefined)).toThrow(
        expect.objectContaining({ code: 'TASKER_UNKNOWN_EVENT' }),
      );
      for (const name of [
        'undotted',
        'task.mine',
        'Step.mine',
        'workflow.mine',
        'observability.mine',
        'test.mine',
        'handler.registered',
        'engine.lease_expired',
        'a..b',
        'a.*',
        'a. b',
        'a.\0',
        `a.${'b'.repeat(127)}`,
      ]) {
        expect(() => events.registerEvent(name, {}), name).toThrow(
          expect.objectContaining(codeOf('TASKER_BAD_ARGUMENT', 'name')),
        );
      }
      expect(() => events.registerEvent('x.done', { type: 'nothing' })).toThrow(
        expect.objectContaining(codeOf('TASKER_BAD_ARGUMENT', 'schema')),
      );
      expect(() => events.registerEvent('x.done', { $ref: 'elsewhere' })).toThrow(
        expect.objectContaining(codeOf('TASKER_BAD_ARGUMENT', 'schema')),
      );
    }));

  it('is refused by code, with the field, where it does not fit', () =>
    withTasker(
      async ({ events }, url) => {
        events.registerEvent('order.paid', SCHEMA);
        const refused = async (payload: unknown, code: string, field: string): Promise<void> => {
          const publishing = events.publish('order.paid', payload as object);
          await expect(publishing).rejects.toMatchObject({ code, data: { field } });
        };
        const circle: Record<string, unknown> = { orderId: '7' };
        circle['self'] = { circle };
        await refused({}, 'TASKER_INVALID_EVENT', 'payload/orderId');
        await refused({ orderId: 7 }, 'TASKER_INVALID_EVENT', 'payload/orderId');
        await refused({ orderId: '7', total: 'x' }, 'TASKER_INVALID_EVENT', 'payload/total');
        await refused({ orderId: '7', event_id: 'x' }, 'TASKER_INVALID_EVENT', 'payload/event_id');
        await refused('text', 'TASKER_INVALID_EVENT', 'payload');
        await refused([], 'TASKER_INVALID_EVENT', 'payload');
        await refused({ toJSON: () => [] }, 'TASKER_INVALID_EVENT', 'payload');
        await refused(circle, 'TASKER_EVENT_NOT_SERIALISABLE', 'payload/self');
        await refused({ orderId: '7', big: 1n }, 'TASKER_EVENT_NOT_SERIALISABLE', 'payload/big');
        await refused({ orderId: '\0' }, 'TASKER_EVENT_NOT_SERIALISABLE', 'payload/orderId');
        await refused({ orderId: '\ud800' }, 'TASKER_EVENT_NOT_SERIALISABLE', 'payload/orderId');
        await refused({ orderId: 'x'.repeat(1000) }, 'TASKER_EVENT_TOO_LARGE', 'payload');
        const given = async (options: object, field: string): Promise<void> => {
          const publishing = events.publish('order.paid', { orderId: '7' }, options);
          await expect(publishing).rejects.toMatchObject({ data: { field } });
        };
        await given({ taskId: 7 }, 'taskId');
        await given({ stepId: 1n << 63n }, 'stepId');
        await given({ correlationId: '' }, 'correlationId');
        await given({ causationId: 'x' }, 'causationId');
        await given({ until: 'never' }, 'until');
        await given({ client: {}, em: {} }, 'em');
        const batch = [{ orderId: '7' }, {}].map((payload) => ({ event: 'order.paid', payload }));
        await expect(events.publishBatch(batch)).rejects.toMatchObject({
          data: { field: 'events[1].payload/orderId' },
        });
        expect(await rowsOf(url)).toEqual([]);
      },
      { maxEventBytes: 1000 },
    ));

  it('is typed by what the event was registered with', () =>
    withTasker(async ({ events }) => {
      const paid = events.registerEvent<{ orderId: string }>('order.paid', SCHEMA);
      events.on(paid, (event) => expectTypeOf(event.orderId).toBeString());
      events.on('step.completed', (event) => {
        expectTypeOf(event.execution_duration).toBeNumber();
        expectTypeOf(event.name).toEqualTypeOf<'step.completed'>();
      });
      events.on('workflow.task_completed', (event) =>
        expectTypeOf(event.name).toEqualTypeOf<'task.completed'>(),
      );
      // @ts-expect-error the id of an order is a text
      await expect(events.publish(paid, { orderId: 7 })).rejects.toMatchObject({
        code: 'TASKER_INVALID_EVENT',
      });
    }));
});
