import type pg from 'pg';

const TASKS = 4_000;

/**
 * Stores 4,000 tasks (ids from 1) of five steps in a chain, three of them complete, and analyses
 * nothing: enough rows for a plan that reads whole tables to show. Step `n * 5` is the first of task n.
 */
export async function storeManyChains(client: pg.Client): Promise<void> {
  await client.query(`INSERT INTO tasker_task_namespaces VALUES (1, 'default', NULL, now(), now());
    INSERT INTO tasker_dependent_systems VALUES (1, 'unknown', NULL, now(), now());
    INSERT INTO tasker_named_tasks (named_task_id, name, created_at, updated_at)
      VALUES (1, 'chain', now(), now());
    INSERT INTO tasker_named_steps (named_step_id, dependent_system_id, name, created_at, updated_at)
      SELECT n, 1, 'step_' || n, now(), now() FROM generate_series(0, 4) AS n;
    INSERT INTO tasker_tasks
        (task_id, named_task_id, requested_at, identity_hash, created_at, updated_at)
      SELECT n, 1, now(), n, now(), now() FROM generate_series(1, ${TASKS}) AS n;
    INSERT INTO tasker_workflow_steps
        (workflow_step_id, task_id, named_step_id, created_at, updated_at)
      SELECT n * 5 + at, n, at, now(), now()
      FROM generate_series(1, ${TASKS}) AS n, generate_series(0, 4) AS at;
    INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
      SELECT workflow_step_id - 1, workflow_step_id, 'provides', now(), now()
      FROM tasker_workflow_steps WHERE named_step_id > 0;
    INSERT INTO tasker_workflow_step_transitions
        (workflow_step_id, to_state, sort_key, most_recent, created_at, updated_at)
      SELECT workflow_step_id, 'complete', key, key = 40, now(), now()
      FROM tasker_workflow_steps, generate_series(10, 40, 10) AS key WHERE named_step_id < 3;
    INSERT INTO tasker_task_transitions
        (task_id, to_state, sort_key, most_recent, created_at, updated_at)
      SELECT task_id, 'in_progress', key, key = 20, now(), now()
      FROM tasker_tasks, generate_series(10, 20, 10) AS key;`);
}
