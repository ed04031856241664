import type { FunctionDefinition } from './definition.ts';

/**
 * Counts over the whole database, one row. Tasks and steps that nobody has touched yet count as pending, which they
 * are; an unset number of attempts counts as 0 and an unset limit as 3, as readiness has them.
 */
export const systemHealthCounts: FunctionDefinition = {
  name: 'get_system_health_counts_v01',
  argumentTypes: '',
  parameters: '',
  columns: `total_tasks bigint, pending_tasks bigint, in_progress_tasks bigint, complete_tasks bigint,
  error_tasks bigint, cancelled_tasks bigint, total_steps bigint, pending_steps bigint, in_progress_steps bigint,
  complete_steps bigint, error_steps bigint, retryable_error_steps bigint, exhausted_retry_steps bigint,
  in_backoff_steps bigint, active_connections bigint, max_connections bigint`,
  body: () => `
  RETURN QUERY
  SELECT tasks.*, steps.*,
         (SELECT count(*) FROM pg_stat_activity AS session
          WHERE session.datname = current_database() AND session.state = 'active'),
         coalesce(current_setting('max_connections', true)::bigint, 0)
  FROM (
    SELECT count(*),
           count(*) FILTER (WHERE coalesce(latest.to_state, 'pending') = 'pending'),
           count(*) FILTER (WHERE latest.to_state = 'in_progress'),
           count(*) FILTER (WHERE latest.to_state = 'complete'),
           count(*) FILTER (WHERE latest.to_state = 'error'),
           count(*) FILTER (WHERE latest.to_state = 'cancelled')
    FROM tasker_tasks AS task
    LEFT JOIN tasker_task_transitions AS latest ON latest.task_id = task.task_id AND latest.most_recent = true
  ) AS tasks
  CROSS JOIN (
    SELECT count(*),
           count(*) FILTER (WHERE coalesce(latest.to_state, 'pending') = 'pending'),
           count(*) FILTER (WHERE latest.to_state = 'in_progress'),
           count(*) FILTER (WHERE latest.to_state = 'complete'),
           count(*) FILTER (WHERE latest.to_state = 'error'),
           count(*) FILTER (WHERE latest.to_state = 'error' AND has_tries AND coalesce(step.retryable, true)),
           count(*) FILTER (WHERE latest.to_state = 'error' AND NOT has_tries),
           count(*) FILTER (WHERE latest.to_state = 'error' AND has_tries AND coalesce(step.retryable, true)
                              AND step.last_attempted_at IS NOT NULL)
    FROM tasker_workflow_steps AS step
    CROSS JOIN LATERAL (SELECT coalesce(step.attempts, 0) < coalesce(step.retry_limit, 3)) AS retries(has_tries)
    LEFT JOIN tasker_workflow_step_transitions AS latest
      ON latest.workflow_step_id = step.workflow_step_id AND latest.most_recent = true
  ) AS steps;`,
};
