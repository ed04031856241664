import { TaskerError } from '../../errors.ts';
import { parseInstant } from '../../graph/snapshot/instants.ts';
import type { Queries } from '../id-block.ts';
import type { SeedWorkflow, StoredWorkflow } from './seed-workflow.ts';
import { storeCatalog } from '../engine/template-catalog.ts';

/** Finds or creates the rows that the tasks of a workflow hang on; see {@link storeCatalog}. */
export async function storeWorkflow(
  client: Queries,
  workflow: SeedWorkflow,
): Promise<StoredWorkflow> {
  const { dependentSystem } = workflow;
  const parents = parentPositions(workflow);
  const { rows } = await client.query<{ now: string }>(
    `SELECT timezone('UTC', now())::text AS now`,
  );
  const ids = await storeCatalog(
    client,
    { ...workflow, steps: workflow.steps.map((step) => ({ ...step, dependentSystem })) },
    parseInstant(rows[0]?.now ?? '') as number,
  );
  return {
    workflow,
    namedTaskId: ids.namedTaskId,
    namedStepIds: [...ids.namedStepIds],
    parents,
    edges: parents.flat().length,
  };
}

/** Positions of each step's parents; they must stand before the step, which also rules out a cycle. */
function parentPositions(workflow: SeedWorkflow): number[][] {
  const positions = new Map<string, number>();
  return workflow.steps.map((step, position) => {
    const parents = step.dependsOn.map((name) => {
      const parent = positions.get(name);
      if (parent !== undefined) return parent;
      throw new TaskerError(
        'TASKER_BAD_ARGUMENT',
        `The step ${step.name} of ${workflow.name} depends on ${name}, which is not a step before it.`,
        { data: { field: 'mix', workflow: workflow.name, step: step.name, parent: name } },
      );
    });
    positions.set(step.name, position);
    return parents;
  });
}
