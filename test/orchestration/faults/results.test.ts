import { expect, it, onTestFinished, vi } from 'vitest';

import { Tasker } from '../../../src/tasker.ts';
import { createTemplate } from '../../../src/templates/create-template.ts';
import { createTestDatabase } from '../../support/database.ts';
import { rowsOf } from './engine-processes.ts';
import { expectSoundRows } from './stored-rows.ts';

// a shared machine may be slow; only what hangs is to fail
vi.setConfig({ testTimeout: 240_000 });

/** JSON by its grammar, which the server's numbers do not hold. */
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown };

it('results that the server refuses fail their own step, and none of those stored with them', async () => {
  const database = await createTestDatabase();
  const problems: string[] = [];
  const tasker = new Tasker({
    database: database.url,
    lanes: 1,
    onProblem: (event) => problems.push(event),
  });
  onTestFinished(async () => {
    await tasker.stop();
    await database.drop();
  });
  let runs = 0;
  const gate = Promise.withResolvers<void>();
  const template = createTemplate({
    name: 'mixed',
    steps: [
      {
        name: 'result',
        // all return in the same turn, so that they are stored together
        handler: async ({ context }) => {
          if (++runs === 60) gate.resolve();
          await gate.promise;
          return (context as { bad: boolean }).bad ? rawJSON('1e999999') : 'good';
        },
      },
      { name: 'after', after: ['result'], handler: () => 'after' },
    ],
  });
  tasker.register(template);
  await tasker.start();
  const requests = Array.from({ length: 60 }, (_, at) => ({
    context: { at: at + 1, bad: at % 20 === 7 },
  }));
  const handles = await tasker.createTasks(template, requests);
  const ends = await Promise.allSettled(handles.map((handle) => handle.result()));
  for (const [at, end] of ends.entries()) {
    expect(end.status, `task ${at}`).toBe(at % 20 === 7 ? 'rejected' : 'fulfilled');
  }
  expect(problems).toContain('statement_refused');
  expect(runs).toBe(60);
  const failed = await rowsOf(
    database.url,
    `SELECT s.attempts, s.retryable, s.results->>'error' AS error FROM tasker_workflow_steps s
       JOIN tasker_workflow_step_transitions x USING (workflow_step_id)
      WHERE x.most_recent AND x.to_state = 'error'`,
  );
  expect(failed).toHaveLength(3);
  for (const row of failed) {
    expect(row).toMatchObject({ attempts: 1, retryable: false });
    expect(row).toHaveProperty('error', expect.stringContaining('cannot be stored'));
  }
  await expectSoundRows(database.url);
});

it('who is told of problems may throw', async () => {
  await using database = await createTestDatabase();
  await using tasker = new Tasker({
    database: database.url,
    onProblem: () => {
      throw new Error('a listener that is broken');
    },
  });
  const template = createTemplate({
    name: 'one',
    steps: [{ name: 's0', handler: () => rawJSON('1e999999') }],
  });
  tasker.register(template);
  await tasker.start();
  const handle = await tasker.createTask(template, { context: { a: 1 } });
  await expect(handle.result()).rejects.toMatchObject({ code: 'TASKER_TASK_FAILED' });
});
