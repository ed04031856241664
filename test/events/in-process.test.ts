import { describe, expect, it } from 'vitest';

import type { EventName } from '../../src/events/catalog.ts';
import { LONGEST_QUEUE, type InProcessEvent } from '../../src/events/in-process.ts';
import { methodOf } from '../../src/events/in-process-names.ts';
import { checkPayload } from '../../src/events/payload-check.ts';
import { readEvents } from '../../src/events/stored-event.ts';
import { createTemplate } from '../../src/templates/create-template.ts';
import { createTestTasker, type TestTasker } from '../../src/testing/index.ts';
import { withClient } from '../database/with-client.ts';

const SLOW = { timeout: 60_000 };

/** Fails once, then goes on. */
function flaky(): ReturnType<typeof createTemplate> {
  const failed = new Set<bigint>();
  return createTemplate({
    namespace: 'default',
    name: 'flaky',
    steps: [
      {
        name: 'first',
        handler: ({ task }) => {
          if (failed.has(task.taskId)) return { done: true };
          failed.add(task.taskId);
          throw new Error('the first time');
        },
      },
      { name: 'second', after: ['first'], handler: () => undefined },
      { name: 'third', after: ['first'], handler: () => undefined },
    ],
  });
}

async function started(): Promise<{ test: TestTasker; run: (tasks?: number) => Promise<void> }> {
  const template = flaky();
  const test = await createTestTasker({ templates: [template] });
  const run = async (tasks = 1): Promise<void> => {
    for (let at = 0; at < tasks; at++) await test.createTask(template, { context: { at } });
    await test.runUntilIdle();
    await test.tasker.events.handled();
  };
  return { test, run };
}

const namesOf = (events: readonly InProcessEvent[]): string[] => events.map(({ name }) => name);

describe('subscribers of the process', () => {
  it('get every event that the engine stores, as it is stored and in that order', async () => {
    const { test, run } = await started();
    await using _ = test;
    const seen: InProcessEvent[] = [];
    for (const name of ['task.*', 'step.*'] as const) {
      test.tasker.events.on(name, (event) => seen.push(event));
    }
    await run(3);
    const stored = await withClient(test.url, (client) => readEvents(client, { limit: 1000 }));
    const told = seen.filter(({ name }) => stored.some((event) => event.name === name));
    expect(told).toHaveLength(stored.length);
    const byTask = Map.groupBy(stored, ({ taskId }) => taskId);
    expect(byTask.size).toBe(3);
    for (const [taskId, events] of byTask) {
      const own = told.filter((event) => event['task_id'] === String(taskId));
      const kept = (steps: boolean): unknown[] =>
        events
          .filter(({ stepId }) => (stepId !== undefined) === steps)
          .map(({ name, createdAt, payload }) => ({ name, occurred_at: createdAt, ...payload }));
      expect(own.filter((event) => event['step_id'] !== undefined)).toEqual(kept(true));
      expect(own.filter((event) => event['step_id'] === undefined)).toEqual(kept(false));
    }
    expect(test.problems).toEqual([]);
  });

  it('are called by name, by the name that another stands for, by pattern and by filter', async () => {
    const { test, run } = await started();
    await using _ = test;
    const { events } = test.tasker;
    const seen: Record<string, string[]> = { name: [], alias: [], all: [], filter: [], gone: [] };
    const note = (list: string) => (event: InProcessEvent) => seen[list]?.push(event.name);
    events.on('step.failed', note('name'));
    events.on('workflow.task_completed', note('alias'));
    events.on('*', note('all'));
    events.on('step.completed', note('filter'), {
      filter: (event) => event.step_name === 'second',
    });
    const off = events.on('task.*', note('gone'));
    off();
    const handler = note('gone');
    events.on('step.*', handler);
    expect(events.off('step.*', handler)).toBe(true);
    expect(events.off('step.*', handler)).toBe(false);
    await run();
    expect(seen['name']).toEqual(['step.failed']);
    expect(seen['alias']).toEqual(['task.completed']);
    expect(seen['filter']).toEqual(['step.completed']);
    expect(seen['gone']).toEqual([]);
    expect(seen['all']).toContain('step.before_handle');
    expect(seen['all']?.at(-1)).toBe('task.completed');
    expect(events.off('*')).toBe(true);
  });

  it('are told of what is never stored, with the fields of the catalogue', async () => {
    const { test, run } = await started();
    await using _ = test;
    const seen: InProcessEvent[] = [];
    test.tasker.events.on('*', (event) => seen.push(event));
    await run();
    const problems = seen.flatMap((event) =>
      checkPayload(event.name as EventName, event).map((problem) => ({ ...problem, event })),
    );
    expect(problems).toEqual([]);
    const counts = Object.fromEntries(
      [...Map.groupBy(namesOf(seen), (name) => name)].map(([name, all]) => [name, all.length]),
    );
    expect(counts).toMatchObject({
      'step.before_handle': 4,
      'step.handle': 4,
      'step.before_transition': 8,
      'task.before_transition': 2,
      'workflow.viable_steps_discovered': 3,
      'observability.step.backoff': 1,
      'step.execution_requested': 4,
      'step.failed': 1,
      'step.retry_requested': 1,
      'step.completed': 3,
    });
    const backoff = seen.find(({ name }) => name === 'observability.step.backoff');
    expect(backoff).toMatchObject({ step_name: 'first', attempt: 1 });
    // the claim is committed before its handler is called
    const names = namesOf(seen);
    expect(names.indexOf('step.execution_requested')).toBeLessThan(
      names.indexOf('step.before_handle'),
    );
    expect(names.indexOf('step.before_handle')).toBeLessThan(names.indexOf('step.completed'));
  });

  it('do no harm to others when they throw, reject or hang', async () => {
    const { test, run } = await started();
    await using _ = test;
    const { events } = test.tasker;
    const seen: string[] = [];
    events.on('step.completed', () => {
      throw new Error('thrown');
    });
    events.on('step.completed', () => Promise.reject(new Error('rejected')));
    let hanging = 0;
    const end = Promise.withResolvers<void>();
    events.on('step.completed', () => {
      hanging++;
      return end.promise;
    });
    events.on('step.completed', () => true, {
      filter: () => {
        throw new Error('filtered');
      },
    });
    events.on('step.completed', (event) => seen.push(event.step_name as string));
    const running = run();
    await expect.poll(() => seen.length, SLOW).toBe(3);
    expect(hanging).toBe(1);
    const failure = test.problems.find(({ event }) => event === 'event_handler_failed');
    await expect
      .poll(
        () => test.problems.filter(({ event }) => event === 'event_handler_failed').length,
        SLOW,
      )
      .toBe(9);
    expect(failure?.facts).toMatchObject({
      pattern: 'step.completed',
      name: 'step.completed',
    });
    end.resolve();
    await running;
    expect(hanging).toBe(3);
  });

  it('lose what comes when as much waits for them already, and that is counted and reported', async () => {
    const { test } = await started();
    await using _ = test;
    const { events } = test.tasker;
    events.registerEvent('x.done', { type: 'object' });
    let seen = 0;
    let slow = 0;
    const end = Promise.withResolvers<void>();
    events.on('x.done', () => {
      slow++;
      return end.promise;
    });
    events.on('x.*', () => void seen++);
    const count = LONGEST_QUEUE + 1100;
    for (let first = 0; first < count; first += 1110) {
      await events.publishBatch(
        Array.from({ length: 1110 }, (__, at) => ({ event: 'x.done', payload: { at } })),
      );
    }
    await expect.poll(() => seen, SLOW).toBe(count);
    end.resolve();
    await events.handled();
    expect(slow + events.counts.untold).toBe(count);
    expect(events.counts.untold).toBeGreaterThan(0);
    const problems = test.problems.map(({ event }) => event);
    expect(problems.filter((event) => event === 'events_dropped')).toHaveLength(1);
  });

  it('are told of names of telemetry and registries that the application publishes', async () => {
    const { test } = await started();
    await using _ = test;
    const { events } = test.tasker;
    const seen: InProcessEvent[] = [];
    events.on('tasker.telemetry.*', (event) => seen.push(event));
    const payload = { format: 'prometheus' };
    const { outcome, eventId } = await events.publish('tasker.telemetry.export_requested', payload);
    expect(outcome).toBe('told');
    await events.handled();
    expect(seen).toMatchObject([{ format: 'prometheus', event_id: eventId }]);
    await expect(events.publish('tasker.telemetry.export_requested', {})).rejects.toMatchObject({
      code: 'TASKER_INVALID_EVENT',
      data: { field: 'payload/format' },
    });
    const stored = await withClient(test.url, (client) => readEvents(client, { limit: 10 }));
    expect(stored).toEqual([]);
  });
});

class Base {
  static readonly subscribesTo: readonly string[] = ['task.completed'];
  readonly seen: string[] = [];
  filter(event: InProcessEvent): boolean {
    return event['step_name'] !== 'third';
  }
  handle_task_completed({ name }: InProcessEvent): void {
    this.seen.push(name);
  }
}

class Derived extends Base {
  static override readonly subscribesTo = ['step.completed', 'order.Payment-received'];
  readonly subscribesTo = ['step.failed', 'task.*'];
  handle_step_completed(event: InProcessEvent): void {
    this.seen.push(String(event['step_name']));
  }
  handle_order_payment_received(): void {
    this.seen.push('paid');
  }
  handle_task_start_requested(): void {
    this.seen.push('start');
  }
}

describe('a subscriber that is a class', () => {
  it('handles the events that its classes and itself name, by methods', async () => {
    const { test, run } = await started();
    await using _ = test;
    const { events } = test.tasker;
    events.registerEvent('custom.order.Payment-received', { type: 'object' });
    const subscriber = new Derived();
    const disconnect = events.connect(subscriber);
    expect(test.problems).toMatchObject([
      {
        event: 'event_method_missing',
        facts: { event: 'step.failed', method: 'handle_step_failed' },
      },
    ]);
    await run();
    await events.publish('custom.order.Payment-received', {});
    await events.handled();
    // the method of task.completed is called for the name and for the pattern
    expect(subscriber.seen).toEqual(
      expect.arrayContaining(['start', 'first', 'second', 'task.completed', 'paid']),
    );
    expect(subscriber.seen.filter((name) => name === 'third')).toEqual([]);
    disconnect();
    const { length } = subscriber.seen;
    await run();
    expect(subscriber.seen).toHaveLength(length);
  });

  it('has methods named as the Rails engine names them', () => {
    expect(methodOf('task.completed')).toBe('handle_task_completed');
    expect(methodOf('order.payment-Received')).toBe('handle_order_payment_received');
    expect(methodOf('custom.OrderPaid')).toBe('handle_custom_order_paid');
    expect(methodOf('api.HTTPFailed')).toBe('handle_api_http_failed');
  });

  it('is refused where it names an event that nobody knows', async () => {
    const { test } = await started();
    await using _ = test;
    const subscriber = { subscribesTo: ['no.such'], handle_no_such: () => undefined };
    expect(() => test.tasker.events.connect(subscriber)).toThrow(
      expect.objectContaining({ code: 'TASKER_UNKNOWN_EVENT' }),
    );
  });
});
