import type { TaskerEntityManager } from './orm.ts';
import type { Row } from './rows.ts';
import { WorkflowStepRepository } from './workflow-step-repository.ts';
import { historyOf, TransitionRepository, validateTransition } from './transition-repository.ts';
import type { HistoryEntry, NewTransition } from './transition-repository.ts';
import { requireObject } from './validation.ts';

/** A row of `tasker_workflow_step_transitions`. */
export type WorkflowStepTransitionRow = Row<'tasker_workflow_step_transitions'>;

/** Values of a new step transition. */
export interface NewWorkflowStepTransition extends NewTransition {
  readonly workflowStepId: bigint;
}

/** How the states of steps changed. Rules of the state machine are not checked here. */
export class WorkflowStepTransitionRepository extends TransitionRepository<'tasker_workflow_step_transitions'> {
  protected readonly owner = 'workflowStepId';

  constructor(em: TaskerEntityManager) {
    super(em, 'tasker_workflow_step_transitions', 'id');
  }

  /** Writes a transition; `TASKER_DUPLICATE` when another session wrote one at the same time. */
  async create(values: NewWorkflowStepTransition): Promise<WorkflowStepTransitionRow> {
    validateTransition(values);
    return this.transaction((em) =>
      new WorkflowStepTransitionRepository(em).append(values.workflowStepId, values),
    );
  }

  /** Replaces the metadata; everything else about a transition is history. */
  async update(
    id: bigint,
    changes: { readonly metadata: object },
  ): Promise<WorkflowStepTransitionRow> {
    requireObject('metadata', changes.metadata);
    return this.updateRow(id, { metadata: changes.metadata });
  }

  /** The row that tells the step's state, or undefined while nothing has happened. */
  async current(workflowStepId: bigint): Promise<WorkflowStepTransitionRow | undefined> {
    return this.currentOf(workflowStepId);
  }

  /** All rows of a step by sort key. */
  async byStep(workflowStepId: bigint): Promise<WorkflowStepTransitionRow[]> {
    return this.rowsOf(workflowStepId);
  }

  /** What happened to a step, from its creation on; `TASKER_NOT_FOUND` when there is no such step. */
  async history(workflowStepId: bigint): Promise<HistoryEntry[]> {
    const step = await new WorkflowStepRepository(this.em).get(workflowStepId);
    return historyOf(step.createdAt, await this.byStep(workflowStepId));
  }
}
