import { expect, it, onTestFinished } from 'vitest';

import type { TaskerOptions } from '../../src/options.ts';
import { RetryableError } from '../../src/policies/step-errors.ts';
import { Tasker } from '../../src/tasker.ts';
import { createTemplate } from '../../src/templates/create-template.ts';
import type { StepHandler } from '../../src/templates/step-handler.ts';
import type { TaskTemplate } from '../../src/templates/task-template.ts';
import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';

async function startTasker(
  template: TaskTemplate,
  options: Partial<TaskerOptions>,
): Promise<{ tasker: Tasker; url: string }> {
  const database = await createTestDatabase();
  const tasker = new Tasker({ database: database.url, ...options });
  onTestFinished(async () => {
    await tasker.stop();
    await database.drop();
  });
  tasker.register(template);
  await tasker.start();
  return { tasker, url: database.url };
}

const single = (handler: StepHandler, more: object = {}): TaskTemplate =>
  createTemplate({ name: 'single', steps: [{ name: 'only', handler, ...more }] });

it('holds steps behind an open circuit back without using up attempts', async () => {
  const calls: number[] = [];
  let ails = true;
  const template = single(
    ({ step }) => {
      calls.push(step.attempt);
      if (ails) throw new RetryableError('down');
      return 'up';
    },
    {
      dependentSystem: 'shop',
      retry: { backoff: { strategy: 'constant', seconds: 0, jitter: 0 } },
    },
  );
  const circuitBreakers = {
    byKey: { shop: { consecutiveFailures: 2, openSeconds: 0.3, probeSuccesses: 1 } },
  };
  const { tasker, url } = await startTasker(template, { concurrency: 1, circuitBreakers });
  const opened = Promise.withResolvers<void>();
  const states = (): ReadonlyMap<string, string> =>
    tasker.engine?.admission.circuits() ?? new Map<string, string>();
  const handles = await tasker.createTasks(template, [
    { context: { at: 1 } },
    { context: { at: 2 } },
    { context: { at: 3 } },
  ]);
  const watch = setInterval(() => {
    if (states().get('shop') === 'open') opened.resolve();
  }, 1);
  onTestFinished(() => clearInterval(watch));
  await opened.promise;
  ails = false;
  const callsWhenOpen = calls.length;
  const results = await Promise.all(handles.map((handle) => handle.result()));
  expect(results.map((result) => result['only'])).toEqual(['up', 'up', 'up']);
  expect(callsWhenOpen).toBe(2);
  expect(states().get('shop')).toBe('closed');
  const attempts = await withClient(url, async (client) => {
    const { rows } = await client.query<{ sum: string }>(
      'SELECT sum(attempts) FROM tasker_workflow_steps',
    );
    return Number(rows[0]?.sum);
  });
  // two failures and three successes: nobody paid for the time in between
  expect(attempts).toBe(5);
  expect(calls).toHaveLength(5);
});

it('opens no circuit for steps that name no system', async () => {
  const template = single(
    ({ step }) => {
      if (step.attempt < 3) throw new RetryableError('once more');
      return 'done';
    },
    { retry: { backoff: { strategy: 'constant', seconds: 0, jitter: 0 } } },
  );
  const { tasker } = await startTasker(template, {
    circuitBreakers: { defaults: { consecutiveFailures: 1, openSeconds: 300 } },
  });
  const handle = await tasker.createTask(template, { context: { at: 1 } });
  expect((await handle.result())['only']).toBe('done');
  expect(tasker.engine?.admission.circuits().size).toBe(0);
});

it('runs no more handlers at once than it may', async () => {
  let running = 0;
  let most = 0;
  const template = single(async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
  });
  const { tasker } = await startTasker(template, { concurrency: { min: 1, max: 4, initial: 4 } });
  const requests = Array.from({ length: 40 }, (_, at) => ({ context: { at: at + 1 } }));
  const handles = await tasker.createTasks(template, requests);
  await Promise.all(handles.map((handle) => handle.result()));
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(4);
});

it.each([
  [{ concurrency: { min: 5, max: 2 } }, 'concurrency.min'],
  [{ groupCommit: { maxSteps: 0 } }, 'groupCommit.maxSteps'],
  [{ groupCommit: { waitMs: -1 } }, 'groupCommit.waitMs'],
  [{ circuitBreakers: { defaults: { failureRate: 2 } } }, 'circuitBreakers.defaults.failureRate'],
])('refuses %j by name', (options, field) => {
  const make = (): Tasker => new Tasker({ database: 'postgresql://nowhere', ...options });
  expect(make).toThrow(field);
});
