import type pg from 'pg';

import { TaskerError } from '../errors.ts';
import type { SeedWorkflow, StoredWorkflow } from './seed-workflow.ts';

/**
 * Finds or creates the rows that the tasks of a workflow hang on: namespace, named task, dependent system, named steps
 * and their link. Existing rows are left as they are.
 */
export async function storeWorkflow(
  client: pg.Client,
  workflow: SeedWorkflow,
): Promise<StoredWorkflow> {
  const namespaceId = await findOrCreate(client, 'tasker_task_namespaces', 'task_namespace_id', {
    name: workflow.namespace,
  });
  const namedTaskId = await findOrCreate(
    client,
    'tasker_named_tasks',
    'named_task_id',
    {
      task_namespace_id: namespaceId,
      name: workflow.name,
      version: workflow.version,
    },
    { configuration: '{}' },
  );
  const systemId = await findOrCreate(client, 'tasker_dependent_systems', 'dependent_system_id', {
    name: workflow.dependentSystem,
  });
  const namedStepIds: number[] = [];
  for (const step of workflow.steps) {
    const namedStepId = await findOrCreate(client, 'tasker_named_steps', 'named_step_id', {
      dependent_system_id: systemId,
      name: step.name,
    });
    await findOrCreate(
      client,
      'tasker_named_tasks_named_steps',
      'id',
      {
        named_task_id: namedTaskId,
        named_step_id: namedStepId,
      },
      {
        skippable: step.skippable,
        default_retryable: step.retryable,
        default_retry_limit: step.retryLimit,
      },
    );
    namedStepIds.push(namedStepId);
  }
  const parents = parentPositions(workflow);
  return { workflow, namedTaskId, namedStepIds, parents, edges: parents.flat().length };
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

type Values = Readonly<Record<string, string | number | boolean>>;

/** The id of the row with these key columns, which have a unique index; created with the defaults if it is not there. */
async function findOrCreate(
  client: pg.Client,
  table: string,
  idColumn: string,
  key: Values,
  defaults: Values = {},
): Promise<number> {
  const keyColumns = Object.keys(key);
  const columns = [...keyColumns, ...Object.keys(defaults)];
  const holders = columns.map((_, position) => `$${position + 1}`);
  await client.query(
    `INSERT INTO ${table} (${columns.join(', ')}, created_at, updated_at)
     VALUES (${holders.join(', ')}, NOW(), NOW()) ON CONFLICT (${keyColumns.join(', ')}) DO NOTHING`,
    [...Object.values(key), ...Object.values(defaults)],
  );
  const conditions = keyColumns.map((column, position) => `${column} = $${position + 1}`);
  const { rows } = await client.query<Record<string, number>>(
    `SELECT ${idColumn} FROM ${table} WHERE ${conditions.join(' AND ')}`,
    Object.values(key),
  );
  const id = rows[0]?.[idColumn];
  if (id === undefined) throw new Error(`${table} holds no row for ${JSON.stringify(key)}`);
  return id;
}
