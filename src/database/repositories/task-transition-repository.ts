import type { TaskerEntityManager } from './orm.ts';
import type { Row } from './rows.ts';
import { TaskRepository } from './task-repository.ts';
import { historyOf, TransitionRepository, validateTransition } from './transition-repository.ts';
import type { HistoryEntry, NewTransition } from './transition-repository.ts';
import { requireObject } from './validation.ts';

/** A row of `tasker_task_transitions`. */
export type TaskTransitionRow = Row<'tasker_task_transitions'>;

/** Values of a new task transition. */
export interface NewTaskTransition extends NewTransition {
  readonly taskId: bigint;
}

/** How the states of tasks changed. Rules of the state machine are not checked here. */
export class TaskTransitionRepository extends TransitionRepository<'tasker_task_transitions'> {
  protected readonly owner = 'taskId';

  constructor(em: TaskerEntityManager) {
    super(em, 'tasker_task_transitions', 'id');
  }

  /** Writes a transition; `TASKER_DUPLICATE` when another session wrote one at the same time. */
  async create(values: NewTaskTransition): Promise<TaskTransitionRow> {
    validateTransition(values);
    return this.transaction((em) => new TaskTransitionRepository(em).append(values.taskId, values));
  }

  /** Replaces the metadata; everything else about a transition is history. */
  async update(id: bigint, changes: { readonly metadata: object }): Promise<TaskTransitionRow> {
    requireObject('metadata', changes.metadata);
    return this.updateRow(id, { metadata: changes.metadata });
  }

  /** The row that tells the task's state, or undefined while nothing has happened. */
  async current(taskId: bigint): Promise<TaskTransitionRow | undefined> {
    return this.currentOf(taskId);
  }

  /** All rows of a task by sort key. */
  async byTask(taskId: bigint): Promise<TaskTransitionRow[]> {
    return this.rowsOf(taskId);
  }

  /** What happened to a task, from its creation on; `TASKER_NOT_FOUND` when there is no such task. */
  async history(taskId: bigint): Promise<HistoryEntry[]> {
    const task = await new TaskRepository(this.em).get(taskId);
    return historyOf(task.createdAt, await this.byTask(taskId));
  }
}
