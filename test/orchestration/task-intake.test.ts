import { expect, it, onTestFinished, vi } from 'vitest';

import { SHARDS } from '../../src/database/engine/active-tasks.ts';
import type { Engine } from '../../src/orchestration/engine.ts';
import type { TaskIntake } from '../../src/orchestration/task-intake.ts';
import { Tasker } from '../../src/tasker.ts';
import { createTemplate } from '../../src/templates/create-template.ts';
import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';

// waits for conditions on a machine that may be slow
vi.setConfig({ testTimeout: 120_000 });

it('keeps an attempt whose task is read anew while its inputs are read', async () => {
  const database = await createTestDatabase();
  const tasker = new Tasker({ database: database.url });
  onTestFinished(async () => {
    await tasker.stop();
    await database.drop();
  });
  const template = createTemplate({
    name: 'read_twice',
    steps: [{ name: 's0', handler: ({ step, context }) => ({ attempt: step.attempt, context }) }],
  });
  await tasker.register(template).start();
  const { engine } = tasker;
  const { executor, memory } = (engine as Engine).coordinator;
  const load = executor.loadInputs.bind(executor);
  let replaced = 0;
  executor.loadInputs = async (tasks) => {
    const [task] = tasks;
    if (task !== undefined && replaced === 0) {
      engine?.changed([task.taskId]);
      const others = (): boolean =>
        [...memory.attempts.values()].some((attempt) => attempt.task !== task);
      await vi.waitUntil(others, { timeout: 60_000 });
      replaced++;
    }
    await load(tasks);
  };
  // the engine hears of it by a notice, and has no inputs in memory
  const request = { context: { order: 1 } };
  const handle = await tasker.createTask(template, request, { notify: true });
  expect(await handle.result()).toEqual({ s0: { attempt: 1, context: { order: 1 } } });
  expect(replaced).toBe(1);
});

it('keeps an attempt whose shard goes while its task is read anew', async () => {
  const database = await createTestDatabase();
  const tasker = new Tasker({ database: database.url });
  onTestFinished(async () => {
    await tasker.stop();
    await database.drop();
  });
  const started = Promise.withResolvers<void>();
  const open = Promise.withResolvers<void>();
  const aborted: unknown[] = [];
  const template = createTemplate({
    name: 'moved',
    steps: [
      {
        name: 's0',
        handler: async ({ signal, step }) => {
          signal.addEventListener('abort', () => aborted.push(signal.reason));
          started.resolve();
          await open.promise;
          return step.attempt;
        },
      },
      { name: 's1', after: ['s0'], handler: ({ results }) => results },
    ],
  });
  await tasker.register(template).start();
  const { engine } = tasker;
  const intake = engine?.coordinator.intake as TaskIntake;
  const tasks = engine?.coordinator.memory.discovery.tasks;
  const handle = await tasker.createTask(template, { context: { order: 1 } });
  await started.promise;

  engine?.changed([handle.taskId]);
  // taken out, and asked for anew
  while (tasks?.has(handle.taskId) === true) await Promise.resolve();
  intake.setShards([]);
  const shard = Number(handle.taskId % BigInt(SHARDS));
  await expect.poll(() => intake.reading, { timeout: 60_000 }).toBe(false);
  const released = intake.released(shard);
  open.resolve();
  await released;
  const { rows } = await withClient(database.url, (client) =>
    client.query(
      `SELECT x.to_state, s.attempts FROM tasker_workflow_steps s
         LEFT JOIN tasker_workflow_step_transitions x USING (workflow_step_id)
        WHERE s.task_id = $1 AND x.most_recent IS NOT FALSE ORDER BY workflow_step_id`,
      [handle.taskId],
    ),
  );
  expect(rows).toEqual([
    { to_state: 'complete', attempts: 1 },
    { to_state: null, attempts: 0 },
  ]);
  expect(aborted).toEqual([]);
  expect(tasks?.has(handle.taskId)).toBe(false);

  intake.setShards(Array.from({ length: SHARDS }, (_, at) => at));
  await intake.readAll();
  expect(await handle.result()).toEqual({ s0: 1, s1: { s0: 1 } });
});

it('begins with the most urgent of many unfinished tasks, and runs each once', async () => {
  const database = await createTestDatabase();
  const problems: string[] = [];
  const runs: number[] = [];
  const template = createTemplate({
    name: 'many',
    steps: [
      {
        name: 's0',
        handler: ({ context }) => void runs.push((context as { order: number }).order),
      },
    ],
  });
  const tasker = new Tasker({
    database: database.url,
    concurrency: 1,
    onProblem: (event) => void problems.push(event),
  });
  onTestFinished(async () => {
    await tasker.stop();
    await database.drop();
  });
  tasker.register(template);
  const requests = Array.from({ length: 300 }, (_, order) => ({
    context: { order },
    priority: order === 299 ? 5 : 0,
  }));
  const handles = await tasker.createTasks(template, requests);
  await tasker.start();
  await Promise.all(handles.map((handle) => handle.result()));
  expect(runs[0]).toBe(299);
  expect(runs.toSorted((a, b) => a - b)).toEqual(requests.map(({ context }) => context.order));
  // what memory was ahead of is not read from an older answer
  expect(problems.filter((event) => event.startsWith('lost_'))).toEqual([]);
});
