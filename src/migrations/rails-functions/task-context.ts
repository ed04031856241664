import type { FunctionDefinition } from './definition.ts';

const COLUMNS = `task_id bigint, named_task_id integer, status text, total_steps bigint, pending_steps bigint,
  in_progress_steps bigint, completed_steps bigint, failed_steps bigint, ready_steps bigint,
  execution_status text, recommended_action text, completion_percentage numeric, health_status text`;

/** Where one task stands: counts by state, what to do next, health. */
export const taskContext: FunctionDefinition = {
  name: 'get_task_execution_context',
  argumentTypes: 'bigint',
  parameters: 'input_task_id bigint',
  columns: COLUMNS,
  body: () => contexts('(SELECT input_task_id AS id)', 'get_step_readiness_status(input_task_id)'),
};

/** The same for each listed task, in order of ids; an id listed twice is answered twice. */
export const taskContextsBatch: FunctionDefinition = {
  name: 'get_task_execution_contexts_batch',
  argumentTypes: 'bigint[]',
  parameters: 'input_task_ids bigint[]',
  columns: COLUMNS,
  body: () => contexts('unnest(input_task_ids)', 'get_step_readiness_status_batch(input_task_ids)'),
};

function contexts(requested: string, readiness: string): string {
  return `
  RETURN QUERY
  WITH counted AS (
    SELECT step.task_id,
           count(*) AS total,
           count(*) FILTER (WHERE step.current_state = 'pending') AS pending,
           count(*) FILTER (WHERE step.current_state = 'in_progress') AS running,
           count(*) FILTER (WHERE step.current_state IN ('complete', 'resolved_manually')) AS done,
           count(*) FILTER (WHERE step.current_state = 'error') AS failed,
           count(*) FILTER (WHERE step.ready_for_execution) AS ready,
           count(*) FILTER (WHERE step.current_state = 'error' AND step.attempts >= step.retry_limit) AS stuck
    FROM ${readiness} AS step
    GROUP BY step.task_id
  ), standing AS (
    SELECT task.task_id, task.named_task_id, coalesce(latest.to_state, 'pending')::text AS state,
           coalesce(counted.total, 0) AS total, coalesce(counted.pending, 0) AS pending,
           coalesce(counted.running, 0) AS running, coalesce(counted.done, 0) AS done,
           coalesce(counted.failed, 0) AS failed, coalesce(counted.ready, 0) AS ready,
           coalesce(counted.stuck, 0) AS stuck
    FROM ${requested} AS requested(id)
    JOIN tasker_tasks AS task ON task.task_id = requested.id
    LEFT JOIN tasker_task_transitions AS latest ON latest.task_id = task.task_id AND latest.most_recent = true
    LEFT JOIN counted ON counted.task_id = task.task_id
  )
  SELECT standing.task_id, standing.named_task_id, standing.state,
         standing.total, standing.pending, standing.running, standing.done, standing.failed, standing.ready,
         CASE
           WHEN standing.ready > 0 THEN 'has_ready_steps'
           WHEN standing.running > 0 THEN 'processing'
           WHEN standing.stuck > 0 THEN 'blocked_by_failures'
           WHEN standing.total > 0 AND standing.done = standing.total THEN 'all_complete'
           ELSE 'waiting_for_dependencies'
         END,
         CASE
           WHEN standing.ready > 0 THEN 'execute_ready_steps'
           WHEN standing.running > 0 THEN 'wait_for_completion'
           WHEN standing.stuck > 0 THEN 'handle_failures'
           WHEN standing.total > 0 AND standing.done = standing.total THEN 'finalize_task'
           ELSE 'wait_for_dependencies'
         END,
         CASE WHEN standing.total = 0 THEN 0.0 ELSE round(standing.done * 100.0 / standing.total, 2) END,
         CASE
           WHEN standing.failed = 0 THEN 'healthy'
           WHEN standing.ready > 0 THEN 'recovering'
           WHEN standing.stuck > 0 THEN 'blocked'
           ELSE 'recovering'
         END
  FROM standing
  ORDER BY standing.task_id;`;
}
