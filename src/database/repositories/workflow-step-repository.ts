import { TaskerError } from '../../errors.ts';
import { INITIAL_STATE } from '../../state-machine/states.ts';
import type { StepState } from '../../state-machine/states.ts';
import type { TaskerEntityManager } from './orm.ts';
import type { Page, PageRequest, Row } from './rows.ts';
import { TableRepository } from './table-repository.ts';
import { optionalInstant, optionalInteger, pageLimit, requireState } from './validation.ts';

/** A row of `tasker_workflow_steps`. */
export type WorkflowStepRow = Row<'tasker_workflow_steps'>;

/** Values that may be changed in a step. */
export interface WorkflowStepChanges {
  readonly retryable?: boolean;
  readonly retryLimit?: number | null;
  readonly skippable?: boolean;
  readonly inProcess?: boolean;
  readonly processed?: boolean;
  readonly processedAt?: string | null;
  readonly attempts?: number | null;
  readonly lastAttemptedAt?: string | null;
  readonly backoffRequestSeconds?: number | null;
  readonly inputs?: NonNullable<unknown> | null;
  readonly results?: NonNullable<unknown> | null;
}

/** Values of a new step. */
export interface NewWorkflowStep extends WorkflowStepChanges {
  readonly taskId: bigint;
  readonly namedStepId: bigint;
}

/** Steps of tasks. Their state is a matter of transitions: no row there means `pending`. */
export class WorkflowStepRepository extends TableRepository<'tasker_workflow_steps'> {
  constructor(em: TaskerEntityManager) {
    super(em, 'tasker_workflow_steps', 'workflowStepId');
  }

  /**
   * Creates a step.
   *
   * @throws TaskerError `TASKER_DUPLICATE` when the task has a step of this name already: no index
   *   forbids it, so the task's row is locked while it is checked; `TASKER_NOT_FOUND` when the task
   *   or the named step does not exist.
   */
  async create(values: NewWorkflowStep): Promise<WorkflowStepRow> {
    validate(values);
    return this.transaction(async (em) => {
      const steps = new WorkflowStepRepository(em);
      await steps.#requireFreeName(values.taskId, values.namedStepId);
      return steps.insertRow({ attempts: 0, results: {}, ...values });
    });
  }

  /** Changes the columns that are named. */
  async update(id: bigint, changes: WorkflowStepChanges): Promise<WorkflowStepRow> {
    validate(changes);
    return this.updateRow(id, changes);
  }

  /** All steps of a task, in the order of their keys. */
  async byTask(taskId: bigint): Promise<WorkflowStepRow[]> {
    return this.queries
      .selectFrom('tasker_workflow_steps')
      .selectAll()
      .where('taskId', '=', taskId)
      .orderBy('workflowStepId')
      .execute();
  }

  /** The step of a task by its name, or undefined. */
  async findByName(taskId: bigint, name: string): Promise<WorkflowStepRow | undefined> {
    return this.queries
      .selectFrom('tasker_workflow_steps as step')
      .innerJoin('tasker_named_steps as kind', 'kind.namedStepId', 'step.namedStepId')
      .selectAll('step')
      .where('step.taskId', '=', taskId)
      .where('kind.name', '=', name)
      .orderBy('step.workflowStepId')
      .executeTakeFirst();
  }

  /** Steps in this state now; `pending` includes those that never had a transition. */
  async byState(state: StepState, page: PageRequest = {}): Promise<Page<WorkflowStepRow>> {
    requireState('state', state);
    const limit = pageLimit(page);
    const rows = await this.queries
      .selectFrom('tasker_workflow_steps as step')
      .leftJoin('tasker_workflow_step_transitions as transition', (join) =>
        join
          .onRef('transition.workflowStepId', '=', 'step.workflowStepId')
          .on('transition.mostRecent', '=', true),
      )
      .selectAll('step')
      .where(({ eb, or }) =>
        state === INITIAL_STATE
          ? or([eb('transition.toState', '=', state), eb('transition.toState', 'is', null)])
          : eb('transition.toState', '=', state),
      )
      .where('step.workflowStepId', '>', page.after ?? 0n)
      .orderBy('step.workflowStepId')
      .limit(limit + 1)
      .execute();
    return this.toPage(rows, limit);
  }

  /** Steps that this one waits for, each once. */
  async parents(id: bigint): Promise<WorkflowStepRow[]> {
    return this.queries
      .selectFrom('tasker_workflow_steps as step')
      .selectAll('step')
      .where('step.workflowStepId', 'in', (eb) =>
        eb.selectFrom('tasker_workflow_step_edges').select('fromStepId').where('toStepId', '=', id),
      )
      .orderBy('step.workflowStepId')
      .execute();
  }

  /** Steps that wait for this one, each once. */
  async children(id: bigint): Promise<WorkflowStepRow[]> {
    return this.queries
      .selectFrom('tasker_workflow_steps as step')
      .selectAll('step')
      .where('step.workflowStepId', 'in', (eb) =>
        eb.selectFrom('tasker_workflow_step_edges').select('toStepId').where('fromStepId', '=', id),
      )
      .orderBy('step.workflowStepId')
      .execute();
  }

  /** Other steps that wait for exactly the same parents; a step without parents has none. */
  async siblings(id: bigint): Promise<WorkflowStepRow[]> {
    const edges = await this.queries
      .selectFrom('tasker_workflow_step_edges as mine')
      .innerJoin('tasker_workflow_step_edges as theirs', 'theirs.fromStepId', 'mine.fromStepId')
      .innerJoin('tasker_workflow_step_edges as every', 'every.toStepId', 'theirs.toStepId')
      .select(['every.id', 'every.toStepId', 'every.fromStepId'])
      .distinct()
      .where('mine.toStepId', '=', id)
      .execute();
    const parents = new Map<bigint, bigint[]>();
    for (const edge of edges) {
      const known = parents.get(edge.toStepId);
      if (known === undefined) parents.set(edge.toStepId, [edge.fromStepId]);
      else known.push(edge.fromStepId);
    }
    const own = multiset(parents.get(id) ?? []);
    const ids = [...parents.keys()].filter(
      (other) => other !== id && multiset(parents.get(other) ?? []) === own,
    );
    if (ids.length === 0) return [];
    return this.queries
      .selectFrom('tasker_workflow_steps')
      .selectAll()
      .where('workflowStepId', 'in', ids)
      .orderBy('workflowStepId')
      .execute();
  }

  /** State of the step by its current transition: `pending` without one, else whatever text is stored. */
  async currentState(id: bigint): Promise<string> {
    const row = await this.queries
      .selectFrom('tasker_workflow_steps as step')
      .leftJoin('tasker_workflow_step_transitions as transition', (join) =>
        join
          .onRef('transition.workflowStepId', '=', 'step.workflowStepId')
          .on('transition.mostRecent', '=', true),
      )
      .select('transition.toState')
      .where('step.workflowStepId', '=', id)
      .executeTakeFirst();
    if (row === undefined) throw this.notFound(id);
    return row.toState ?? INITIAL_STATE;
  }

  async #requireFreeName(taskId: bigint, namedStepId: bigint): Promise<void> {
    await this.queries
      .selectFrom('tasker_tasks')
      .select('taskId')
      .where('taskId', '=', taskId)
      .forUpdate()
      .execute();
    const taken = await this.queries
      .selectFrom('tasker_workflow_steps as step')
      .innerJoin('tasker_named_steps as kind', 'kind.namedStepId', 'step.namedStepId')
      .innerJoin('tasker_named_steps as wanted', 'wanted.name', 'kind.name')
      .select(['step.workflowStepId', 'kind.name'])
      .where('step.taskId', '=', taskId)
      .where('wanted.namedStepId', '=', namedStepId)
      .executeTakeFirst();
    if (taken === undefined) return;
    throw new TaskerError(
      'TASKER_DUPLICATE',
      `Task ${taskId} has a step named "${taken.name}" already.`,
      {
        data: {
          field: 'namedStepId',
          value: `${namedStepId}`,
          workflowStepId: `${taken.workflowStepId}`,
        },
      },
    );
  }
}

function multiset(ids: readonly bigint[]): string {
  return [...ids].sort((left, right) => (left < right ? -1 : Number(left > right))).join(',');
}

function validate(values: WorkflowStepChanges): void {
  for (const field of ['retryLimit', 'attempts', 'backoffRequestSeconds'] as const) {
    optionalInteger(field, values[field]);
  }
  optionalInstant('processedAt', values.processedAt);
  optionalInstant('lastAttemptedAt', values.lastAttemptedAt);
}
