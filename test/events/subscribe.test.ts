import { describe, expect, expectTypeOf, it } from 'vitest';

import type { StoredEvent } from '../../src/events/stored-event.ts';
import { Tasker } from '../../src/tasker.ts';
import { createTemplate } from '../../src/templates/create-template.ts';
import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';
import { SLOW } from './subscriber-support.ts';

const template = (namespace: string, name: string) =>
  createTemplate({
    namespace,
    name,
    steps: [
      { name: 'first', handler: () => ({ answer: 42 }) },
      { name: 'second', after: ['first'], handler: () => undefined },
    ],
  });

const WHO = { actor: 'test' };

describe('subscribing to the events of a Tasker', () => {
  it('delivers the life of a task in its order, with typed payloads, to whom a filter lets it', async () => {
    await using database = await createTestDatabase();
    const templates = [
      template('sales', 'order'),
      template('sales', 'refund'),
      template('stock', 'order'),
    ];
    await using tasker = new Tasker({ database: database.url });
    tasker.register(...templates);
    const seen = { all: [] as StoredEvent[], sales: 0, orders: 0, both: 0, second: 0 };
    const answers: unknown[] = [];
    await tasker.events.subscribe('all', {}, { '*': (event) => seen.all.push(event) });
    await tasker.events.subscribe(
      'typed',
      {},
      {
        'step.completed': ({ payload }) => {
          expectTypeOf(payload.step_id).toEqualTypeOf<string>();
          answers.push(payload.step_results);
        },
        'custom.made_up': ({ payload }) => {
          expectTypeOf(payload['what']).toEqualTypeOf<unknown>();
        },
      },
    );
    await tasker.events.subscribe(
      'sales',
      { namespace: 'sales' },
      { 'task.*': () => seen.sales++ },
    );
    await tasker.events.subscribe(
      'orders',
      { template: 'order' },
      { 'task.completed': () => seen.orders++ },
    );
    await tasker.events.subscribe(
      'both',
      { namespace: 'stock', template: 'order', detail: 'stored' },
      { 'task.completed': () => seen.both++ },
    );
    await tasker.events.subscribe(
      'second',
      { filter: ({ payload }) => payload['step_name'] === 'second' },
      { 'step.completed': () => seen.second++ },
    );
    await tasker.start();
    for (const each of templates)
      await (await tasker.createTask(each, { context: { item: 1 } })).result();
    // the end of the third task comes last
    const ends = (): number => seen.all.filter(({ name }) => name === 'task.completed').length;
    await expect.poll(ends, SLOW).toBe(3);
    await expect.poll(() => [seen.sales, seen.orders, seen.both], SLOW).toEqual([4, 2, 1]);
    await expect.poll(() => [seen.second, answers.length], SLOW).toEqual([3, 6]);
    expect(answers.filter(Boolean)).toEqual([{ answer: 42 }, { answer: 42 }, { answer: 42 }]);
    for (const own of Map.groupBy(seen.all, ({ taskId }) => taskId).values()) {
      expect(own.map(({ name }) => name)).toEqual([
        'task.start_requested',
        'step.execution_requested',
        'step.completed',
        'step.execution_requested',
        'step.completed',
        'task.completed',
      ]);
    }
  });

  it('works without an engine, again after a stop, and tells how each subscriber is', async () => {
    await using database = await createTestDatabase();
    await using tasker = new Tasker({ database: database.url });
    const event = tasker.events.registerEvent<{ number: number }>('shop.sold', { type: 'object' });
    const seen: unknown[] = [];
    const sold = await tasker.events.subscribe(
      'shop',
      { attempts: 1 },
      {
        'shop.sold': ({ payload }) => {
          seen.push(payload['number']);
          if (payload['number'] === 2) throw new Error('not this one');
        },
      },
    );
    const publish = async (...numbers: number[]): Promise<void> => {
      for (const number of numbers) await tasker.events.publish(event, { number });
    };
    // before anybody delivers
    await publish(1);
    expect((await sold.health()).parts[0]?.servedBy).toBeUndefined();
    await tasker.events.startSubscribers();
    await publish(2, 3);
    await expect.poll(() => new Set(seen), SLOW).toEqual(new Set([1, 2, 3]));
    await expect.poll(async () => (await sold.health()).delivered, SLOW).toBe(2n);
    await expect
      .poll(() => tasker.events.subscriberHealth(), SLOW)
      .toMatchObject([
        {
          name: 'shop',
          state: 'running',
          lagEvents: 0,
          lagSeconds: 0,
          delivered: 2n,
          errors: 1n,
          deadLetters: 1,
          lastError: 'not this one',
          lastSuccessAt: expect.any(String) as string,
          rate: expect.any(Number) as number,
          parts: [{ position: expect.stringMatching(/^\d+-\d+$/) as string }],
        },
      ]);
    await sold.pause(WHO);
    expect((await sold.health()).state).toBe('paused');
    await publish(4);
    await expect.poll(async () => (await sold.health()).lagEvents, SLOW).toBe(1);
    expect(seen).toHaveLength(3);
    expect((await sold.health()).lagSeconds).toBeGreaterThan(0);
    await sold.resume(WHO);
    await expect.poll(() => seen.length, SLOW).toBe(4);
    await tasker.stop();
    await publish(5);
    await tasker.events.startSubscribers();
    await expect.poll(() => seen.length, SLOW).toBe(5);
    await sold.stop();
    await publish(6);
    await using other = new Tasker({ database: database.url });
    const taken: unknown[] = [];
    await other.events.startSubscribers();
    await other.events.subscribe(
      'shop',
      {},
      { '*': ({ payload }) => taken.push(payload['number']) },
    );
    await expect.poll(() => taken, SLOW).toEqual([6]);
    expect(seen).toHaveLength(5);
    await expect(other.events.subscribe('shop', {}, {})).rejects.toMatchObject({
      code: 'TASKER_DUPLICATE',
    });
    const refused = { code: 'TASKER_BAD_ARGUMENT' };
    await expect(other.events.subscribe('x', { namespace: '*' }, {})).rejects.toMatchObject(
      refused,
    );
    await expect(other.events.subscribe('x', { batchSize: 0 }, {})).rejects.toMatchObject(refused);
    const unknown = await withClient(
      database.url,
      async (client) => (await client.query('SELECT FROM tasker_core_subscriptions')).rowCount,
    );
    expect(unknown).toBe(1);
  });
});
