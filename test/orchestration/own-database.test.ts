import { chmod, readdir } from 'node:fs/promises';

import { describe, expect, it, onTestFinished } from 'vitest';

import { Tasker } from '../../src/tasker.ts';
import { defineTask } from '../../src/templates/define-task.ts';
import { createTestDatabase } from '../support/database.ts';
import { temporaryDirectory } from '../cli/tasker.ts';

const one = defineTask({ name: 'one' }).step('only', () => 'done');
const CONTEXT = { context: { a: 1 } };

describe('without a database', () => {
  it('an engine has a server of its own, whose folder keeps the tasks from run to run', async () => {
    const folder = await temporaryDirectory();
    onTestFinished(() => folder[Symbol.asyncDispose]());
    await chmod(folder.path, 0o755);
    const tasker = new Tasker({ directory: `${folder.path}/data` }).register(one);
    await expect(tasker.createTask(one, CONTEXT)).rejects.toMatchObject({
      code: 'TASKER_NOT_STARTED',
    });
    expect(() => tasker.databaseUrl).toThrow(
      expect.objectContaining({ code: 'TASKER_NOT_STARTED' }),
    );
    await tasker.start();
    const task = await tasker.createTask(one, CONTEXT);
    expect(await task.result()).toEqual({ only: 'done' });
    await tasker.stop();
    expect(() => tasker.databaseUrl).toThrow(
      expect.objectContaining({ code: 'TASKER_NOT_STARTED' }),
    );
    expect(await readdir(`${folder.path}/data`)).toContain('data');

    await using again = new Tasker({ directory: `${folder.path}/data` }).register(one);
    await again.start();
    expect(await again.task(task.taskId).state()).toBe('complete');
    expect((await again.createTask(one, CONTEXT)).taskId).toBeGreaterThan(task.taskId);
  });
});

describe('a database that is given', () => {
  it('is migrated when that is asked for, and refused otherwise', async () => {
    await using database = await createTestDatabase({ migrated: false });
    const refused = new Tasker({ database: database.url }).register(one);
    await expect(refused.start()).rejects.toMatchObject({ code: 'TASKER_NOT_TASKER_DATABASE' });
    await expect(refused.createTask(one, CONTEXT)).rejects.toMatchObject({
      code: 'TASKER_NOT_TASKER_DATABASE',
    });
    await refused.stop();
    await using tasker = new Tasker({ database: database.url, migrate: true }).register(one);
    await tasker.start();
    expect(await (await tasker.createTask(one, CONTEXT)).result()).toEqual({ only: 'done' });
  });
});
