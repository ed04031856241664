import { describe, expect, inject, it } from 'vitest';

import {
  contextType,
  defineTask,
  pauseTask,
  redriveTask,
  RetryableError,
  resumeTask,
} from '../../src/index.ts';
import { createTestTasker } from '../../src/testing/index.ts';
import { withClient } from '../database/with-client.ts';

const { url: server } = inject('taskerTestServer');

const BY = { actor: 'test' };

/** Fails twice, an hour apart. */
const flaky = defineTask({ name: 'flaky', context: contextType<{ items: number }>() })
  .step('count', ({ context }) => context.items)
  .step(
    'send',
    {
      after: ['count'],
      retry: { backoff: { strategy: 'constant', seconds: 3600, jitter: 0, maxSeconds: 3600 } },
    },
    ({ results, step }) => {
      if (step.attempt < 3) throw new Error(`attempt ${step.attempt}`);
      return { sent: results.count };
    },
  )
  .build();

describe('a test tasker', () => {
  it('runs until idle, jumping over waits', async () => {
    await using test = await createTestTasker({
      templates: [flaky],
      server,
      startAt: '2026-03-01T00:00:00Z',
    });
    const handle = await test.createTask(flaky, { context: { items: 2 } });
    expect(await test.runUntilIdle()).toEqual({
      completedSteps: 2,
      failedAttempts: 2,
      endedTasks: 1,
      waits: 2,
      seconds: 7200,
      unfinished: [],
    });
    expect(test.clock.now).toBe('2026-03-01T02:00:00.000000Z');
    const { state, steps } = await test.inspect(handle, flaky);
    expect(state).toBe('complete');
    expect(steps.send.results?.sent).toBe(2);
    expect(steps.send).toMatchObject({ attempts: 3, retryLimit: 3 });
    expect(steps.send.states).toEqual([
      'in_progress',
      'error',
      'pending',
      'in_progress',
      'error',
      'pending',
      'in_progress',
      'complete',
    ]);
    const events = await test.events(handle);
    expect(events.filter(({ step }) => step === 'send').map(({ at, name }) => [name, at])).toEqual([
      ['step.execution_requested', '2026-03-01T00:00:00.000000Z'],
      ['step.failed', '2026-03-01T00:00:00.000000Z'],
      ['step.retry_requested', '2026-03-01T01:00:00.000000Z'],
      ['step.execution_requested', '2026-03-01T01:00:00.000000Z'],
      ['step.failed', '2026-03-01T01:00:00.000000Z'],
      ['step.retry_requested', '2026-03-01T02:00:00.000000Z'],
      ['step.execution_requested', '2026-03-01T02:00:00.000000Z'],
      ['step.completed', '2026-03-01T02:00:00.000000Z'],
    ]);
    expect(test.problems).toEqual([]);
    await handle.result();
    expect(await handle.state()).toBe('complete');
  });

  it('advances the clock, and waits stay waits', async () => {
    await using test = await createTestTasker({ templates: [flaky], server });
    const handle = await test.createTask(flaky, { context: { items: 2 } });
    await test.clock.advance(3599);
    expect((await test.inspect(handle, flaky)).steps.send.attempts).toBe(1);
    await test.clock.advance(1);
    expect((await test.inspect(handle, flaky)).steps.send.attempts).toBe(2);
    await test.clock.advance(100_000);
    expect(await handle.state()).toBe('complete');
  });

  it('begins a task when it is due by the clock', async () => {
    await using test = await createTestTasker({
      templates: [flaky],
      server,
      startAt: '2026-03-01T00:00:00Z',
    });
    const runAt = '2026-03-08T00:00:00Z';
    const handle = await test.createTask(flaky, { context: { items: 1 }, runAt });
    await test.clock.advance(86_400);
    expect(await handle.state()).toBe('pending');
    expect(await test.runUntilIdle()).toMatchObject({ endedTasks: 1, waits: 3 });
    expect(test.clock.now).toBe('2026-03-08T02:00:00.000000Z');
  });

  it('takes in what others created and changed', async () => {
    let broken = true;
    const fragile = defineTask({ name: 'fragile', context: contextType<{ n: number }>() })
      .step('only', { retry: { limit: 1 } }, () => {
        if (broken) throw new RetryableError('broken');
        return 'done';
      })
      .build();
    await using test = await createTestTasker({ templates: [fragile], server });
    await withClient(test.url, async (client) => {
      await client.query('BEGIN');
      const options = { client, notify: false };
      const { taskId } = await test.createTask(fragile, { context: { n: 1 } }, options);
      await client.query('COMMIT');
      expect(await test.runUntilIdle()).toMatchObject({ failedAttempts: 1, endedTasks: 1 });
      broken = false;
      await client.query('BEGIN');
      await redriveTask(client, taskId, BY);
      await pauseTask(client, taskId, BY);
      await client.query('COMMIT');
      expect(await test.runUntilIdle()).toMatchObject({ endedTasks: 0, unfinished: [taskId] });
      await resumeTask(client, taskId, BY);
      expect(await test.runUntilIdle()).toMatchObject({ endedTasks: 1, unfinished: [] });
      const { state, steps } = await test.inspect({ taskId });
      expect([state, steps['only']?.results]).toEqual(['complete', 'done']);
    });
  });

  it('sees the hook at the end of a task through', async () => {
    const noted = defineTask({ name: 'noted', context: contextType<{ n: number }>() })
      .step('only', () => 1)
      .hooks({
        updateAnnotations: async () => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          return [{ type: 'note', annotation: 1 }];
        },
      })
      .build();
    await using test = await createTestTasker({ templates: [noted], server });
    await test.createTask(noted, { context: { n: 1 } });
    expect(await test.runUntilIdle()).toMatchObject({ endedTasks: 1, unfinished: [] });
  });

  it('gives up when asked', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const stuck = defineTask({ name: 'stuck', context: contextType<{ n: number }>() })
      .step('only', () => promise)
      .build();
    await using test = await createTestTasker({ templates: [stuck], server });
    const handle = await test.createTask(stuck, { context: { n: 1 } });
    const controller = new AbortController();
    const running = test.runUntilIdle({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    resolve('late');
    await test.runUntilIdle();
    expect(await handle.state()).toBe('complete');
  });

  it('refuses a start that is no instant', async () => {
    const made = createTestTasker({ templates: [], server, startAt: 'tomorrow' });
    await expect(made).rejects.toMatchObject({ code: 'TASKER_BAD_ARGUMENT' });
  });

  it('drops its database', async () => {
    const test = await createTestTasker({ templates: [], server, indexes: 'rails' });
    const name = new URL(test.url).pathname.slice(1);
    const count = (): Promise<number | null> =>
      withClient(server, async (client) => {
        const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
        return found.rowCount;
      });
    expect(await count()).toBe(1);
    await test[Symbol.asyncDispose]();
    expect(await count()).toBe(0);
  });
});
