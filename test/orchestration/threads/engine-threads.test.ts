import { threadId } from 'node:worker_threads';

import { expect, inject, it } from 'vitest';

import { createTemplate } from '../../../src/templates/create-template.ts';
import type { StepHandler } from '../../../src/templates/step-handler.ts';
import { createTestTasker } from '../../../src/testing/index.ts';
import { die, echo } from './thread-handlers.ts';

const { url: server } = inject('taskerTestServer');
const module = new URL('thread-handlers.ts', import.meta.url).href;

it('a task has steps in threads, and one that kills its thread is tried again', async () => {
  const here: StepHandler = () => ({ threadId });
  const mixed = createTemplate({
    name: 'mixed',
    steps: [
      { name: 'here', handler: here },
      {
        name: 'there',
        after: ['here'],
        handler: echo as StepHandler,
        thread: { module, export: 'echo' },
        config: { depth: 2 },
      },
      { name: 'dies', handler: die, thread: { module, export: 'die' }, config: 'exit' },
    ],
  });
  await using test = await createTestTasker({
    templates: [mixed],
    server,
    engine: { threads: 1 },
  });
  const handle = await test.createTask(mixed, { context: { order: 1 } });
  expect(await test.runUntilIdle()).toMatchObject({ completedSteps: 3, failedAttempts: 1 });
  const { state, steps } = await test.inspect(handle);
  expect(state).toBe('complete');
  expect(steps['there']?.results).toMatchObject({
    config: { depth: 2 },
    results: { here: { threadId } },
  });
  expect(steps['there']?.results).not.toMatchObject({ threadId });
  expect(steps['dies']).toMatchObject({ attempts: 2, results: 'alive in attempt 2' });
});
