import { TaskerError } from '../../errors.ts';
import type { TaskerEntityManager } from './orm.ts';
import { lockEdges } from './edge-lock.ts';
import { findPath } from './edge-path.ts';
import type { Row } from './rows.ts';
import { TableRepository } from './table-repository.ts';
import { requireText } from './validation.ts';

/** Name that engines give to the edges they write. */
const PROVIDES = 'provides';

/** A row of `tasker_workflow_step_edges`. */
export type WorkflowStepEdgeRow = Row<'tasker_workflow_step_edges'>;

/** Values of a new edge: `toStepId` waits for `fromStepId`. */
export interface NewWorkflowStepEdge {
  readonly fromStepId: bigint;
  readonly toStepId: bigint;
  /** Default `provides`. */
  readonly name?: string;
}

/** Which step waits for which. */
export class WorkflowStepEdgeRepository extends TableRepository<'tasker_workflow_step_edges'> {
  constructor(em: TaskerEntityManager) {
    super(em, 'tasker_workflow_step_edges', 'id');
  }

  /**
   * Creates an edge unless it would close a cycle, also one through other tasks.
   *
   * Creations through here take turns, so that two edges that are harmless alone cannot close a
   * cycle together. Costs one visit to each step behind `toStepId`.
   *
   * @throws TaskerError `TASKER_CYCLE`, with the steps of the cycle in `data.path`;
   *   `TASKER_NOT_FOUND` when a step does not exist.
   */
  async create(values: NewWorkflowStepEdge): Promise<WorkflowStepEdgeRow> {
    const { fromStepId, toStepId, name = PROVIDES } = values;
    requireText('name', name, Infinity);
    return this.transaction(async (em) => {
      const edges = new WorkflowStepEdgeRepository(em);
      await lockEdges(edges.queries);
      const path = await findPath(edges.queries, toStepId, fromStepId);
      if (path !== undefined) throw cycle([fromStepId, ...path]);
      return edges.insertRow({ fromStepId, toStepId, name });
    });
  }

  /** Renames an edge; to connect other steps, delete it and create another. */
  async update(id: bigint, changes: { readonly name: string }): Promise<WorkflowStepEdgeRow> {
    requireText('name', changes.name, Infinity);
    return this.updateRow(id, { name: changes.name });
  }

  /** Edges into steps of a task, in the order of their keys; parents in other tasks included. */
  async byTask(taskId: bigint): Promise<WorkflowStepEdgeRow[]> {
    return this.queries
      .selectFrom('tasker_workflow_step_edges as edge')
      .innerJoin('tasker_workflow_steps as child', 'child.workflowStepId', 'edge.toStepId')
      .selectAll('edge')
      .where('child.taskId', '=', taskId)
      .orderBy('edge.id')
      .execute();
  }

  /** Edges between two steps; nothing forbids more than one. */
  async between(fromStepId: bigint, toStepId: bigint): Promise<WorkflowStepEdgeRow[]> {
    return this.queries
      .selectFrom('tasker_workflow_step_edges')
      .selectAll()
      .where('fromStepId', '=', fromStepId)
      .where('toStepId', '=', toStepId)
      .orderBy('id')
      .execute();
  }
}

function cycle(path: readonly bigint[]): TaskerError {
  const steps = path.map((id) => `${id}`);
  return new TaskerError('TASKER_CYCLE', `The edge would close a cycle: ${steps.join(' → ')}.`, {
    data: { path: steps },
  });
}
