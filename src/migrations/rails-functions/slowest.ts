import type { FunctionDefinition } from './definition.ts';

const PARAMETERS = `since_timestamp timestamptz DEFAULT NULL, limit_count integer DEFAULT 10,
  namespace_filter text DEFAULT NULL, task_name_filter text DEFAULT NULL, version_filter text DEFAULT NULL`;

const ARGUMENT_TYPES = 'timestamptz, integer, text, text, text';

const FILTERS = `
    AND (namespace_filter IS NULL OR namespace.name = namespace_filter)
    AND (task_name_filter IS NULL OR named_task.name = task_name_filter)
    AND (version_filter IS NULL OR named_task.version = version_filter)`;

const since = (clock: string): string =>
  `coalesce(since_timestamp AT TIME ZONE 'UTC', ${clock} - interval '24 hours')`;

/** Completed steps by the time from their creation to their completion, longest first. */
export const slowestSteps: FunctionDefinition = {
  name: 'get_slowest_steps_v01',
  argumentTypes: ARGUMENT_TYPES,
  parameters: PARAMETERS,
  columns: `workflow_step_id bigint, task_id bigint, step_name varchar, task_name varchar, namespace_name varchar,
  version varchar, duration_seconds numeric, attempts integer, created_at timestamptz, completed_at timestamptz,
  retryable boolean, step_status varchar`,
  body: (clock) => `
  RETURN QUERY
  SELECT step.workflow_step_id, step.task_id, named_step.name, named_task.name, namespace.name, named_task.version,
         round(extract(epoch FROM latest.created_at - step.created_at), 3) AS took,
         step.attempts, step.created_at AT TIME ZONE 'UTC', latest.created_at AT TIME ZONE 'UTC',
         step.retryable, latest.to_state
  FROM tasker_workflow_steps AS step
  JOIN tasker_workflow_step_transitions AS latest
    ON latest.workflow_step_id = step.workflow_step_id AND latest.most_recent = true AND latest.to_state = 'complete'
  JOIN tasker_named_steps AS named_step ON named_step.named_step_id = step.named_step_id
  JOIN tasker_tasks AS task ON task.task_id = step.task_id
  JOIN tasker_named_tasks AS named_task ON named_task.named_task_id = task.named_task_id
  JOIN tasker_task_namespaces AS namespace ON namespace.task_namespace_id = named_task.task_namespace_id
  WHERE step.created_at > ${since(clock)}
    AND latest.created_at > step.created_at${FILTERS}
  ORDER BY took DESC, step.workflow_step_id
  LIMIT limit_count;`,
};

/** Tasks by the time from their creation to the latest completion or failure of a step, longest first. */
export const slowestTasks: FunctionDefinition = {
  name: 'get_slowest_tasks_v01',
  argumentTypes: ARGUMENT_TYPES,
  parameters: PARAMETERS,
  columns: `task_id bigint, task_name varchar, namespace_name varchar, version varchar, duration_seconds numeric,
  step_count bigint, completed_steps bigint, error_steps bigint, created_at timestamptz, completed_at timestamptz,
  initiator varchar, source_system varchar`,
  body: (clock) => `
  RETURN QUERY
  SELECT task.task_id, named_task.name, namespace.name, named_task.version,
         round(extract(epoch FROM worked.last_end - task.created_at), 3) AS took,
         worked.steps, worked.completed, worked.failed,
         task.created_at AT TIME ZONE 'UTC', worked.last_end AT TIME ZONE 'UTC',
         task.initiator, task.source_system
  FROM tasker_tasks AS task
  JOIN tasker_named_tasks AS named_task ON named_task.named_task_id = task.named_task_id
  JOIN tasker_task_namespaces AS namespace ON namespace.task_namespace_id = named_task.task_namespace_id
  JOIN LATERAL (
    SELECT count(*) AS steps,
           count(*) FILTER (WHERE latest.to_state = 'complete') AS completed,
           count(*) FILTER (WHERE latest.to_state = 'error') AS failed,
           max(latest.created_at) FILTER (WHERE latest.to_state IN ('complete', 'error')) AS last_end
    FROM tasker_workflow_steps AS step
    LEFT JOIN tasker_workflow_step_transitions AS latest
      ON latest.workflow_step_id = step.workflow_step_id AND latest.most_recent = true
    WHERE step.task_id = task.task_id
  ) AS worked ON worked.last_end IS NOT NULL
  WHERE task.created_at > ${since(clock)}${FILTERS}
  ORDER BY took DESC, task.task_id
  LIMIT limit_count;`,
};
