import type { FunctionDefinition } from './definition.ts';

const COLUMNS = `workflow_step_id bigint, task_id bigint, named_step_id integer, name text, current_state text,
  dependencies_satisfied boolean, retry_eligible boolean, ready_for_execution boolean,
  last_failure_at timestamp, next_retry_at timestamp, total_parents integer, completed_parents integer,
  attempts integer, retry_limit integer, backoff_request_seconds integer, last_attempted_at timestamp`;

/** Readiness of the steps of one task, or of some of them; a step's dependencies are all its parents either way. */
export const stepReadiness: FunctionDefinition = {
  name: 'get_step_readiness_status',
  argumentTypes: 'bigint, bigint[]',
  parameters: 'input_task_id bigint, step_ids bigint[] DEFAULT NULL',
  columns: COLUMNS,
  body: (clock) =>
    readiness(
      clock,
      'step.task_id = input_task_id AND (step_ids IS NULL OR step.workflow_step_id = ANY (step_ids))',
    ),
};

/** Readiness of every step of the listed tasks. */
export const stepReadinessBatch: FunctionDefinition = {
  name: 'get_step_readiness_status_batch',
  argumentTypes: 'bigint[]',
  parameters: 'input_task_ids bigint[]',
  columns: COLUMNS,
  body: (clock) => readiness(clock, 'step.task_id = ANY (input_task_ids)'),
};

/**
 * Three layers: joined and counted by step, then the two waits, then the verdict.
 *
 * The exponent of the failure wait is held between -60 and 5. Above, the wait has reached its 30 seconds anyway, and
 * an unbounded power raises for a step with many attempts and takes the whole batch with it.
 */
function readiness(clock: string, selection: string): string {
  return `
  RETURN QUERY
  SELECT timed.workflow_step_id, timed.task_id, timed.named_step_id, timed.step_name, timed.state,
         timed.parents = timed.parents_done,
         timed.tried < timed.allowed,
         timed.state IN ('pending', 'error')
           AND NOT coalesce(timed.processed, false)
           AND NOT coalesce(timed.in_process, false)
           AND coalesce(timed.retryable, true)
           AND timed.parents = timed.parents_done
           AND timed.tried < timed.allowed
           AND coalesce(timed.requested_until <= ${clock}, true)
           AND coalesce(timed.failure_until <= ${clock}, true),
         timed.failed_at,
         coalesce(timed.requested_until, timed.failure_until),
         timed.parents, timed.parents_done, timed.tried, timed.allowed,
         timed.backoff_request_seconds, timed.last_attempted_at
  FROM (
    SELECT counted.*,
           counted.last_attempted_at + make_interval(secs => counted.backoff_request_seconds) AS requested_until,
           counted.failed_at + make_interval(
             secs => least(power(2::float8, least(greatest(coalesce(counted.stored_attempts, 1), -60), 5)), 30)
           ) AS failure_until
    FROM (
      SELECT step.workflow_step_id, step.task_id, step.named_step_id, named.name::text AS step_name,
             coalesce(latest.to_state, 'pending')::text AS state,
             CASE WHEN latest.to_state = 'error' THEN latest.created_at END AS failed_at,
             step.processed, step.in_process, step.retryable,
             step.attempts AS stored_attempts,
             coalesce(step.attempts, 0) AS tried,
             coalesce(step.retry_limit, 3) AS allowed,
             step.backoff_request_seconds, step.last_attempted_at,
             count(edge.id)::integer AS parents,
             (count(edge.id) FILTER (WHERE parent.to_state IN ('complete', 'resolved_manually')))::integer AS parents_done
      FROM tasker_workflow_steps AS step
      JOIN tasker_named_steps AS named ON named.named_step_id = step.named_step_id
      LEFT JOIN tasker_workflow_step_transitions AS latest
        ON latest.workflow_step_id = step.workflow_step_id AND latest.most_recent = true
      LEFT JOIN tasker_workflow_step_edges AS edge ON edge.to_step_id = step.workflow_step_id
      LEFT JOIN tasker_workflow_step_transitions AS parent
        ON parent.workflow_step_id = edge.from_step_id AND parent.most_recent = true
      WHERE ${selection}
      GROUP BY step.workflow_step_id, named.named_step_id, latest.id
    ) AS counted
  ) AS timed;`;
}
