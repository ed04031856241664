import type { FunctionDefinition } from './definition.ts';

/** Figures of the tasks created since an instant (default: within the last hour), always one row. */
export const analyticsMetrics: FunctionDefinition = {
  name: 'get_analytics_metrics_v01',
  argumentTypes: 'timestamptz',
  parameters: 'since_timestamp timestamptz DEFAULT NULL',
  columns: `active_tasks_count bigint, total_namespaces_count bigint, unique_task_types_count bigint,
  system_health_score numeric, task_throughput bigint, completion_count bigint, error_count bigint,
  completion_rate numeric, error_rate numeric, avg_task_duration numeric, avg_step_duration numeric,
  step_throughput bigint, analysis_period_start timestamptz, calculated_at timestamptz`,
  variables: `
  start_at timestamp;`,
  body: (clock) => `
  start_at := coalesce(since_timestamp AT TIME ZONE 'UTC', ${clock} - interval '1 hour');
  RETURN QUERY
  WITH recent AS (
    SELECT task.task_id, task.created_at,
           task.created_at > start_at AS in_period,
           task.created_at > ${clock} - interval '1 hour' AS in_last_hour
    FROM tasker_tasks AS task
    WHERE task.created_at > least(start_at, ${clock} - interval '1 hour')
  ), worked AS (
    SELECT recent.task_id, recent.in_period, recent.in_last_hour,
           count(step.workflow_step_id) AS steps,
           count(*) FILTER (WHERE latest.to_state = 'complete') AS complete_steps,
           count(*) FILTER (WHERE latest.to_state = 'error') AS error_steps,
           sum(extract(epoch FROM latest.created_at - recent.created_at))
             FILTER (WHERE latest.to_state = 'complete') AS since_task,
           sum(extract(epoch FROM latest.created_at - step.created_at))
             FILTER (WHERE latest.to_state = 'complete') AS since_step
    FROM recent
    LEFT JOIN tasker_workflow_steps AS step ON step.task_id = recent.task_id
    LEFT JOIN tasker_workflow_step_transitions AS latest
      ON latest.workflow_step_id = step.workflow_step_id AND latest.most_recent = true
    GROUP BY recent.task_id, recent.in_period, recent.in_last_hour
  ), summed AS (
    SELECT count(*) FILTER (WHERE in_period) AS tasks,
           count(*) FILTER (WHERE in_period AND complete_steps > 0) AS completed,
           count(*) FILTER (WHERE in_period AND error_steps > 0) AS failed,
           coalesce(sum(steps) FILTER (WHERE in_period), 0)::bigint AS steps,
           sum(complete_steps) FILTER (WHERE in_period) AS complete_steps,
           sum(since_task) FILTER (WHERE in_period) AS since_task,
           sum(since_step) FILTER (WHERE in_period) AS since_step,
           count(*) FILTER (WHERE in_last_hour AND complete_steps > 0) AS hour_completed,
           count(*) FILTER (WHERE in_last_hour AND error_steps > 0) AS hour_failed
    FROM worked
  )
  SELECT (SELECT count(DISTINCT step.task_id)
          FROM tasker_workflow_step_transitions AS latest
          JOIN tasker_workflow_steps AS step ON step.workflow_step_id = latest.workflow_step_id
          WHERE latest.most_recent = true
            AND latest.to_state NOT IN ('complete', 'error', 'skipped', 'resolved_manually')),
         (SELECT count(DISTINCT namespace.name)
          FROM tasker_task_namespaces AS namespace
          JOIN tasker_named_tasks AS named ON named.task_namespace_id = namespace.task_namespace_id
          WHERE EXISTS (SELECT FROM tasker_tasks AS task WHERE task.named_task_id = named.named_task_id)),
         (SELECT count(DISTINCT named.name)
          FROM tasker_named_tasks AS named
          WHERE EXISTS (SELECT FROM tasker_tasks AS task WHERE task.named_task_id = named.named_task_id)),
         coalesce(round(hour_completed::numeric / nullif(hour_completed + hour_failed, 0), 3), 1.0),
         tasks, completed, failed,
         coalesce(round(completed * 100.0 / nullif(tasks, 0), 2), 0.0),
         coalesce(round(failed * 100.0 / nullif(tasks, 0), 2), 0.0),
         coalesce(round(since_task / nullif(complete_steps, 0), 3), 0),
         coalesce(round(since_step / nullif(complete_steps, 0), 3), 0),
         steps,
         start_at AT TIME ZONE 'UTC', ${clock} AT TIME ZONE 'UTC'
  FROM summed;`,
};
