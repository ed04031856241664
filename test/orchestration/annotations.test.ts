import { expect, it, onTestFinished, vi } from 'vitest';

import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';
import { Tasker } from '../../src/tasker.ts';
import { createTemplate } from '../../src/templates/create-template.ts';
import type { TaskTemplate } from '../../src/templates/task-template.ts';
import type { TaskRun } from '../../src/templates/template-hooks.ts';

// waits for conditions on a machine that may be slow
vi.setConfig({ testTimeout: 120_000 });

async function startTasker(template: TaskTemplate): Promise<{ tasker: Tasker; url: string }> {
  const database = await createTestDatabase();
  const tasker = new Tasker({ database: database.url });
  onTestFinished(async () => {
    await tasker.stop();
    await database.drop();
  });
  await tasker.register(template).start();
  return { tasker, url: database.url };
}

async function annotationsOf(url: string): Promise<unknown[]> {
  const { rows } = await withClient(url, (client) =>
    client.query<{ annotation: unknown }>(
      'SELECT annotation FROM tasker_task_annotations ORDER BY task_annotation_id',
    ),
  );
  return rows.map(({ annotation }) => annotation);
}

/** The engine reads the task anew, as after a notice; resolves when that is done. */
async function readAnew(tasker: Tasker, taskId: bigint): Promise<void> {
  const { engine } = tasker;
  const tasks = engine?.coordinator.memory.discovery.tasks;
  const before = tasks?.get(taskId);
  expect(before).toBeDefined();
  engine?.changed([taskId]);
  await expect
    .poll(() => [tasks?.has(taskId), tasks?.get(taskId) !== before], { timeout: 60_000 })
    .toEqual([true, true]);
}

const noteOf = ({ completed }: TaskRun): { type: string; annotation: unknown }[] =>
  completed.map(({ name, results }) => ({ type: 'note', annotation: { name, results } }));

it('tell of every step of the run, also of those before the task was read anew', async () => {
  const started = Promise.withResolvers<bigint>();
  const open = Promise.withResolvers<void>();
  const template = createTemplate({
    name: 'noted',
    steps: [
      { name: 's0', handler: () => 7 },
      {
        name: 's1',
        after: ['s0'],
        handler: async ({ task }) => {
          started.resolve(task.taskId);
          await open.promise;
          return 8;
        },
      },
    ],
    hooks: { updateAnnotations: noteOf },
  });
  const { tasker, url } = await startTasker(template);
  const handle = await tasker.createTask(template, { context: { order: 1 } });
  await readAnew(tasker, await started.promise);
  open.resolve();
  await handle.result();
  expect(await annotationsOf(url)).toEqual([
    { name: 's0', results: 7 },
    { name: 's1', results: 8 },
  ]);
});

it('are stored once where the hook runs again, two that are equal both', async () => {
  const runs: bigint[] = [];
  const first = Promise.withResolvers<bigint>();
  const open = Promise.withResolvers<void>();
  const template = createTemplate({
    name: 'noted',
    steps: [{ name: 's0', handler: () => 7 }],
    hooks: {
      updateAnnotations: async (run: TaskRun) => {
        runs.push(run.task.taskId);
        first.resolve(run.task.taskId);
        await open.promise;
        return [...noteOf(run), ...noteOf(run)];
      },
    },
  });
  const { tasker, url } = await startTasker(template);
  const handle = await tasker.createTask(template, { context: { order: 1 } });
  await readAnew(tasker, await first.promise);
  await expect.poll(() => runs.length, { timeout: 60_000 }).toBe(2);
  open.resolve();
  await handle.result();
  expect(runs).toEqual([handle.taskId, handle.taskId]);
  expect(await annotationsOf(url)).toEqual([
    { name: 's0', results: 7 },
    { name: 's0', results: 7 },
  ]);
});
