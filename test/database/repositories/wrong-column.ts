import type { TaskerOrm } from '../../../src/database/repositories/orm.ts';
import type { Row, TypedQueries } from '../../../src/database/repositories/rows.ts';
import type { TaskRepository } from '../../../src/database/repositories/task-repository.ts';
import { Task } from '../../../src/entities/index.ts';

// Never run: every directive below must meet an error, or the compiler reports the directive.
export function wrongColumns(
  queries: TypedQueries,
  tasks: TaskRepository,
  orm: TaskerOrm,
): unknown[] {
  return [
    // @ts-expect-error no such table
    queries.selectFrom('tasker_task'),
    // @ts-expect-error no such column to read
    queries.selectFrom('tasker_tasks').select('taskid'),
    // @ts-expect-error no such column to compare
    queries.selectFrom('tasker_tasks').selectAll().where('namespace', '=', 'x'),
    // @ts-expect-error a column of a table that is not joined
    queries.selectFrom('tasker_tasks as task').select('step.workflowStepId'),
    // @ts-expect-error an id is bigint
    queries.selectFrom('tasker_tasks').selectAll().where('taskId', '=', 'one'),
    // @ts-expect-error no such column to write
    queries.updateTable('tasker_workflow_steps').set({ retries: 3 }),
    // @ts-expect-error a column of another type
    queries.updateTable('tasker_workflow_steps').set({ retryable: 'yes' }),
    // @ts-expect-error a new row lacks columns that have no default
    queries.insertInto('tasker_tasks').values({ namedTaskId: 1n }),
    // @ts-expect-error no such column by its name in the database
    orm.em.fork().getKysely().selectFrom('tasker_tasks').select('taskId'),
    // @ts-expect-error no such property of an entity
    orm.em.fork().find(Task, { task_id: 1n }),
    // @ts-expect-error no such value of a task
    tasks.update(1n, { complet: true }),
  ];
}

// @ts-expect-error an instant is text, never a Date
export const instant: Row<'tasker_tasks'>['requestedAt'] = new Date();
