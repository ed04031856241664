import type pg from 'pg';

/**
 * Ids of the tasks of some steps and of every step that depends on them, directly or through others;
 * ascending. Steps that do not exist are left out. Read-only; cycles are followed once.
 */
export async function dependentTasks(
  client: pg.Client,
  stepIds: readonly bigint[],
): Promise<bigint[]> {
  const { rows } = await client.query<{ task_id: string }>(
    `WITH RECURSIVE reached (step_id) AS (
       SELECT unnest($1::bigint[])
       UNION
       SELECT edge.to_step_id
       FROM tasker_workflow_step_edges edge
       JOIN reached ON edge.from_step_id = reached.step_id
     )
     SELECT DISTINCT step.task_id
     FROM tasker_workflow_steps step
     JOIN reached ON step.workflow_step_id = reached.step_id
     ORDER BY step.task_id`,
    [stepIds.map(String)],
  );
  return rows.map(({ task_id }) => BigInt(task_id));
}
