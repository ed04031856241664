import { createOrm } from '../../../src/database/repositories/orm.ts';
import type { TaskerOrm } from '../../../src/database/repositories/orm.ts';
import { createRepositories } from '../../../src/database/repositories/index.ts';
import type { Repositories } from '../../../src/database/repositories/index.ts';
import { createTestDatabase } from '../../support/database.ts';

/** Repositories over a database of their own. */
export interface RepositoryFixture extends AsyncDisposable {
  readonly url: string;
  readonly orm: TaskerOrm;
  readonly repositories: Repositories;
  /** Creates a task of a fresh kind. */
  newTask(): Promise<bigint>;
  /** Creates steps of these names in a task. */
  newSteps(taskId: bigint, ...names: string[]): Promise<bigint[]>;
}

export async function openRepositories(): Promise<RepositoryFixture> {
  const database = await createTestDatabase();
  const orm = await createOrm({ url: database.url, maxConnections: 4 });
  const repositories = createRepositories(orm.em.fork());
  let kinds = 0;
  return {
    url: database.url,
    orm,
    repositories,
    newTask: async () => {
      const { namedTaskId } = await repositories.namedTasks.findOrCreate({
        name: `kind_${kinds++}`,
      });
      const task = await repositories.tasks.create({ namedTaskId, context: { order: 1 } });
      return task.taskId;
    },
    newSteps: async (taskId, ...names) => {
      const ids: bigint[] = [];
      for (const name of names) {
        const { namedStepId } = await repositories.namedSteps.findOrCreate(name, 'system');
        const step = await repositories.workflowSteps.create({ taskId, namedStepId });
        ids.push(step.workflowStepId);
      }
      return ids;
    },
    [Symbol.asyncDispose]: async () => {
      await orm.close();
      await database.drop();
    },
  };
}
