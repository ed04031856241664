import { randomUUID } from 'node:crypto';

import type { TaskState } from '../../state-machine/states.ts';
import type { TaskerEntityManager } from './orm.ts';
import { purgeTask } from './purge-task.ts';
import type { PurgeReport } from './purge-task.ts';
import type { Page, PageRequest, Row, TypedQueries } from './rows.ts';
import { databaseNow, TableRepository } from './table-repository.ts';
import { tasksByAnnotation, tasksByName, tasksByState } from './task-lookups.ts';
import type { TaskNameFilter } from './task-lookups.ts';
import {
  badValue,
  optionalInstant,
  optionalText,
  requireObject,
  requireText,
} from './validation.ts';

/** A row of `tasker_tasks`. */
export type TaskRow = Row<'tasker_tasks'>;

/** Values of a new task. */
export interface NewTask {
  readonly namedTaskId: bigint;
  /** A JSON object that is not empty. */
  readonly context: object;
  /** Text that no other task has; default a random UUID. */
  readonly identityHash?: string;
  /** Default the database's now. */
  readonly requestedAt?: string;
  /** These three: at most 128 characters, default `unknown`. */
  readonly initiator?: string | null;
  readonly sourceSystem?: string | null;
  readonly reason?: string | null;
  /** Default none. */
  readonly tags?: readonly string[];
  /** Names of steps to leave out; default none. */
  readonly bypassSteps?: readonly string[];
  readonly complete?: boolean;
}

/** Tasks. Their state is a matter of transitions: no row there means `pending`. */
export class TaskRepository extends TableRepository<'tasker_tasks'> {
  constructor(em: TaskerEntityManager) {
    super(em, 'tasker_tasks', 'taskId');
  }

  /** Creates a task without steps; `TASKER_DUPLICATE` when the identity hash is taken. */
  async create(values: NewTask): Promise<TaskRow> {
    requireContext(values.context);
    validate(values);
    return this.insertRow({
      initiator: 'unknown',
      sourceSystem: 'unknown',
      reason: 'unknown',
      tags: [],
      bypassSteps: [],
      identityHash: randomUUID(),
      ...values,
      requestedAt: values.requestedAt ?? (databaseNow() as unknown as string),
    });
  }

  /** Changes the columns that are named. */
  async update(id: bigint, changes: Partial<NewTask>): Promise<TaskRow> {
    if (changes.context !== undefined) requireContext(changes.context);
    validate(changes);
    return this.updateRow(id, changes);
  }

  /** The task with this identity hash, or undefined. */
  async findByIdentityHash(identityHash: string): Promise<TaskRow | undefined> {
    return this.queries
      .selectFrom('tasker_tasks')
      .selectAll()
      .where('identityHash', '=', identityHash)
      .executeTakeFirst();
  }

  /** Tasks of a namespace, or of one name or version in it, in the order of their keys. */
  async byName(filter: TaskNameFilter, page?: PageRequest): Promise<Page<TaskRow>> {
    return this.#page(tasksByName, filter, page);
  }

  /** Tasks in this state now; `pending` includes those that never had a transition. */
  async byState(state: TaskState, page?: PageRequest): Promise<Page<TaskRow>> {
    return this.#page(tasksByState, state, page);
  }

  /** Tasks with an annotation of this type whose top-level `key` has this value as text. */
  async byAnnotation(
    annotation: { readonly type: string; readonly key: string; readonly value: string },
    page?: PageRequest,
  ): Promise<Page<TaskRow>> {
    return this.#page(tasksByAnnotation, annotation, page);
  }

  /** State of the task by its current transition: `pending` without one, else whatever text is stored. */
  async currentState(id: bigint): Promise<string> {
    const row = await this.queries
      .selectFrom('tasker_tasks as task')
      .leftJoin('tasker_task_transitions as transition', (join) =>
        join.onRef('transition.taskId', '=', 'task.taskId').on('transition.mostRecent', '=', true),
      )
      .select('transition.toState')
      .where('task.taskId', '=', id)
      .executeTakeFirst();
    if (row === undefined) throw this.notFound(id);
    return row.toState ?? 'pending';
  }

  /**
   * Deletes the task and everything that belongs to it, in one transaction, and tells how many rows.
   *
   * Edges from and to steps of other tasks go too: such a step then waits for one parent less.
   */
  async purge(id: bigint): Promise<PurgeReport> {
    const report = await this.transaction((em) => purgeTask(em, id));
    if (report.tasks === 0) throw this.notFound(id);
    return report;
  }

  async #page<F>(
    lookup: (queries: TypedQueries, filter: F, page: PageRequest) => Promise<[TaskRow[], number]>,
    filter: F,
    page: PageRequest = {},
  ): Promise<Page<TaskRow>> {
    return this.toPage(...(await lookup(this.queries, filter, page)));
  }
}

function requireContext(context: unknown): void {
  requireObject('context', context);
  if (Object.keys(context).length === 0) {
    throw badValue('context', context, 'a JSON object with at least one key');
  }
}

function validate(values: Partial<NewTask>): void {
  for (const field of ['initiator', 'sourceSystem', 'reason'] as const) {
    optionalText(field, values[field], 128);
  }
  if (values.identityHash !== undefined) requireText('identityHash', values.identityHash, 128);
  optionalInstant('requestedAt', values.requestedAt);
}
