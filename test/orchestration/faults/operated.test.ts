import { expect, it, vi } from 'vitest';

import {
  cancelStep,
  cancelTask,
  pauseTask,
  redriveTask,
  resumeTask,
} from '../../../src/orchestration/operator-actions.ts';
import { createTestDatabase } from '../../support/database.ts';
import { withClient } from '../../database/with-client.ts';
import { allComplete, rowsOf, runsFile, runsOf, startEngine } from './engine-processes.ts';
import { expectOnce, expectSoundRows } from './stored-rows.ts';

// a shared machine may be slow; only what hangs is to fail
vi.setConfig({ testTimeout: 240_000 });

const REQUEST = { actor: 'ada', reason: 'test' };

const STATES = `
SELECT coalesce(x.to_state, 'pending') AS state FROM tasker_workflow_steps s
  LEFT JOIN tasker_workflow_step_transitions x
    ON x.workflow_step_id = s.workflow_step_id AND x.most_recent
 WHERE s.task_id = $1 ORDER BY s.workflow_step_id`;

/** Nothing but notices can tell the engine. */
const SETTINGS = { leaseSeconds: 60, options: { pollSeconds: 3600, verify: false } };

it('a cancelled task has its handler aborted, whose late result is dropped', async () => {
  await using database = await createTestDatabase();
  const engine = await startEngine({ url: database.url, runs: runsFile(), ...SETTINGS });
  const created = await engine.ask({ do: 'create', template: 'gate', count: 2 }, 'created');
  const [first, second] = (created['taskIds'] as string[]).map(BigInt) as [bigint, bigint];
  await engine.next('started');
  await engine.next('started');
  const [gates] = await rowsOf<{ first: string; second: string }>(
    database.url,
    `SELECT min(workflow_step_id) FILTER (WHERE task_id = $1)::text AS first,
            min(workflow_step_id) FILTER (WHERE task_id = $2)::text AS second
       FROM tasker_workflow_steps`,
    first,
    second,
  );
  await withClient(database.url, async (client) => {
    await cancelTask(client, first, REQUEST);
    expect(await engine.next('aborted')).toMatchObject({ stepId: gates?.first });
    // the step alone: its task can do nothing more and ends
    await cancelStep(client, BigInt(gates?.second ?? 0), REQUEST);
    expect(await engine.next('aborted')).toMatchObject({ stepId: gates?.second });
  });
  await expect.poll(async () => (await engine.facts()).tasks, { timeout: 60_000 }).toBe(0);
  expect(await rowsOf(database.url, STATES, first)).toEqual([
    { state: 'cancelled' },
    { state: 'cancelled' },
  ]);
  expect(await rowsOf(database.url, STATES, second)).toEqual([
    { state: 'cancelled' },
    { state: 'pending' },
  ]);
  expect((await engine.facts())['attempts']).toBe(0);
  await expectSoundRows(database.url);
});

it('a paused task claims nothing until it is resumed; what runs goes on to its end', async () => {
  await using database = await createTestDatabase();
  const runs = runsFile();
  const engine = await startEngine({ url: database.url, runs, ...SETTINGS });
  const created = await engine.ask({ do: 'create', template: 'gate', count: 1 }, 'created');
  const [taskId] = (created['taskIds'] as string[]).map(BigInt) as [bigint];
  await engine.next('started');
  await withClient(database.url, async (client) => {
    await pauseTask(client, taskId, REQUEST);
    await expect.poll(async () => (await engine.facts())['paused'], { timeout: 60_000 }).toBe(1);
    engine.send({ do: 'open' });
    await expect
      .poll(() => rowsOf(database.url, STATES, taskId), { timeout: 60_000 })
      .toEqual([{ state: 'complete' }, { state: 'pending' }]);
    // another task runs from creation to end meanwhile
    await engine.ask({ do: 'create', template: 'fan', count: 1, first: 7 }, 'created');
    await allComplete(database.url, 1);
    expect(await rowsOf(database.url, STATES, taskId)).toEqual([
      { state: 'complete' },
      { state: 'pending' },
    ]);
    await resumeTask(client, taskId, REQUEST);
  });
  await allComplete(database.url, 2);
  expect(await expectOnce(database.url, runs)).toBe(0);
  await expectSoundRows(database.url);
});

it('a task that was cancelled step by step or failed is taken up again when it is redriven', async () => {
  await using database = await createTestDatabase();
  const runs = runsFile();
  const engine = await startEngine({ url: database.url, runs, ...SETTINGS });
  await engine.ask({ do: 'create', template: 'doomed', count: 20 }, 'created');
  const failed = `SELECT task_id::text AS id FROM tasker_task_transitions
                   WHERE most_recent AND to_state = 'error'`;
  await expect
    .poll(async () => (await rowsOf(database.url, failed)).length, { timeout: 60_000 })
    .toBe(20);
  const tasks = await rowsOf<{ id: string }>(database.url, failed);
  await withClient(database.url, async (client) => {
    for (const { id } of tasks) await redriveTask(client, BigInt(id), REQUEST);
  });
  await allComplete(database.url, 20);
  expect(await expectOnce(database.url, runs)).toBe(0);
  expect([...runsOf(runs).values()].every((count) => count === 2)).toBe(true);
  await expectSoundRows(database.url);
});

it('operators who pause, resume and cancel all the time leave no task half done', async () => {
  await using database = await createTestDatabase();
  const runs = runsFile();
  const settings = { url: database.url, runs, leaseSeconds: 15, options: SETTINGS.options };
  const engine = await startEngine(settings);
  const created = await engine.ask({ do: 'create', template: 'flaky', count: 400 }, 'created');
  const ids = (created['taskIds'] as string[]).map(BigInt);
  await withClient(database.url, async (client) => {
    for (const [at, taskId] of ids.entries()) {
      const ended = (error: unknown): void =>
        expect(error).toMatchObject({ code: 'TASKER_INVALID_TRANSITION' });
      if (at % 4 === 0) await cancelTask(client, taskId, REQUEST).catch(ended);
      if (at % 4 !== 1) continue;
      await pauseTask(client, taskId, REQUEST).catch(ended);
      await resumeTask(client, taskId, REQUEST).catch(ended);
    }
  });
  await expect.poll(async () => (await engine.facts()).tasks, { timeout: 60_000 }).toBe(0);
  const states = await rowsOf<{ state: string; tasks: number }>(
    database.url,
    `SELECT to_state AS state, count(*)::int AS tasks FROM tasker_task_transitions
      WHERE most_recent GROUP BY 1 ORDER BY 1`,
  );
  expect(states.map(({ state }) => state)).toEqual(['cancelled', 'complete']);
  expect(states.find(({ state }) => state === 'cancelled')).toEqual({
    state: 'cancelled',
    tasks: 100,
  });
  const open = `SELECT id FROM tasker_workflow_step_transitions x
    WHERE most_recent AND to_state = 'in_progress'`;
  expect(await rowsOf(database.url, open)).toEqual([]);
  expect((await engine.facts())['attempts']).toBe(0);
});
