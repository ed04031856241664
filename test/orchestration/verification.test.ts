import { expect, it, onTestFinished } from 'vitest';

import { Tasker } from '../../src/tasker.ts';
import { createTemplate } from '../../src/templates/create-template.ts';
import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';

it('finds what was changed without a word, reports it, and the task goes on by it', async () => {
  const database = await createTestDatabase();
  const problems: (readonly [string, Readonly<Record<string, unknown>>])[] = [];
  const tasker = new Tasker({
    database: database.url,
    verify: false,
    pollSeconds: 3600,
    onProblem: (event, facts) => problems.push([event, facts]),
  });
  const gate = Promise.withResolvers<string>();
  onTestFinished(async () => {
    gate.resolve('open');
    await tasker.stop();
    await database.drop();
  });
  const template = createTemplate({
    name: 'waits',
    steps: [
      { name: 'held', handler: () => gate.promise },
      { name: 'failing', retry: { limit: 1 }, handler: () => Promise.reject(new Error('no')) },
      { name: 'behind', after: ['failing'], handler: () => 'ran' },
    ],
  });
  tasker.register(template);
  await tasker.start();
  const failed = Promise.withResolvers<void>();
  const handle = await tasker.createTask(template, { context: { order: 1 } });
  const { memory, verification } = tasker.engine!.coordinator;
  const watch = setInterval(() => {
    if (memory.counts.failedAttempts === 1) failed.resolve();
  }, 1);
  await failed.promise;
  clearInterval(watch);

  expect(await verification.round()).toEqual({ compared: 1, different: 0 });
  // a Rails console resolves the failed step and tells nobody
  await withClient(database.url, async (client) => {
    await client.query(`
      WITH old AS (UPDATE tasker_workflow_step_transitions SET most_recent = false
                    WHERE most_recent AND to_state = 'error' RETURNING workflow_step_id)
      INSERT INTO tasker_workflow_step_transitions
        (workflow_step_id, to_state, sort_key, most_recent, created_at, updated_at)
      SELECT workflow_step_id, 'resolved_manually', 30, true, now(), now() FROM old`);
  });
  expect(await verification.round()).toEqual({ compared: 1, different: 1 });
  expect(problems).toMatchObject([
    ['verification_difference', { taskId: handle.taskId, differences: expect.any(Array) }],
  ]);
  expect(await verification.round()).toMatchObject({ different: 0 });
  gate.resolve('open');
  expect((await handle.result())['behind']).toBe('ran');
});

it('refuses an interval that is none', () => {
  const make = (): Tasker =>
    new Tasker({ database: 'postgresql://nowhere', verify: { everySeconds: 0 } });
  expect(make).toThrow('verify.everySeconds');
});
