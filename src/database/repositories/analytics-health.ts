import type { Queries } from '../id-block.ts';

/** Tasks or steps by current state; what has no transition yet is pending. */
export interface StateCounts {
  readonly total: number;
  readonly pending: number;
  readonly inProgress: number;
  readonly complete: number;
  readonly error: number;
  readonly cancelled: number;
  readonly resolvedManually: number;
}

/** What the whole database holds, in counts. */
export interface SystemHealthCounts {
  readonly tasks: StateCounts;
  readonly steps: StateCounts;
  /** Failed steps that have attempts left. */
  readonly retryableErrorSteps: number;
  /** Failed steps that have none left. */
  readonly exhaustedRetrySteps: number;
  /** Of the retryable ones, those whose wait is not over. */
  readonly inBackoffSteps: number;
  /** Sessions of this database that run a statement, this one included. */
  readonly activeConnections: number;
  /** What the server allows in all. */
  readonly maxConnections: number;
}

const states = (table: string): string =>
  `(SELECT coalesce(jsonb_object_agg(to_state, n), '{}') FROM (
      SELECT to_state, count(*) AS n FROM ${table} WHERE most_recent GROUP BY to_state) s)`;

/** Limits and waits as the engine sees them: decisions of `tasker explain`, in SQL. */
const FAILED = `
  SELECT s.retryable AND s.attempts < s.most AS is_retryable, s.attempts >= s.most AS is_exhausted,
         coalesce(w.next_attempt_at,
                  s.last_attempted_at + s.backoff_request_seconds * interval '1 second',
                  x.created_at + least(power(2, least(s.attempts, 5)), 30) * interval '1 second')
           > timezone('UTC', now()) AS is_waiting
    FROM tasker_workflow_step_transitions x
    JOIN (SELECT workflow_step_id, retryable, coalesce(attempts, 0) AS attempts, last_attempted_at,
                 backoff_request_seconds, greatest(coalesce(retry_limit, 3), 1) AS most
            FROM tasker_workflow_steps) s USING (workflow_step_id)
    LEFT JOIN tasker_core_steps w ON w.step_id = x.workflow_step_id
   WHERE x.most_recent AND x.to_state = 'error'`;

type States = Readonly<Record<string, number>>;

interface HealthRow {
  readonly tasks: string;
  readonly steps: string;
  readonly task_states: States;
  readonly step_states: States;
  readonly retryable: string;
  readonly exhausted: string;
  readonly waiting: string;
  readonly active: string;
  readonly most: number;
}

/**
 * Counts tasks and steps of the whole database by state. One statement that reads only; O(tasks +
 * steps), from indexes alone so far as the server has vacuumed them.
 */
export async function systemHealthCounts(client: Queries): Promise<SystemHealthCounts> {
  const { rows } = await client.query<HealthRow>({
    name: 'tasker_health_counts',
    text: `
SELECT (SELECT count(*) FROM tasker_tasks) AS tasks,
       (SELECT count(*) FROM tasker_workflow_steps) AS steps,
       ${states('tasker_task_transitions')} AS task_states,
       ${states('tasker_workflow_step_transitions')} AS step_states,
       f.*,
       (SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND state = 'active') AS active,
       current_setting('max_connections')::integer AS most
  FROM (SELECT count(*) FILTER (WHERE is_retryable) AS retryable,
               count(*) FILTER (WHERE is_exhausted) AS exhausted,
               count(*) FILTER (WHERE is_retryable AND is_waiting) AS waiting
          FROM (${FAILED}) failed) f`,
  });
  const row = rows[0]!;
  return {
    tasks: countsOf(Number(row.tasks), row.task_states),
    steps: countsOf(Number(row.steps), row.step_states),
    retryableErrorSteps: Number(row.retryable),
    exhaustedRetrySteps: Number(row.exhausted),
    inBackoffSteps: Number(row.waiting),
    activeConnections: Number(row.active),
    maxConnections: row.most,
  };
}

function countsOf(total: number, by: States): StateCounts {
  const begun = Object.values(by).reduce((sum, count) => sum + count, 0);
  return {
    total,
    pending: (by['pending'] ?? 0) + total - begun,
    inProgress: by['in_progress'] ?? 0,
    complete: by['complete'] ?? 0,
    error: by['error'] ?? 0,
    cancelled: by['cancelled'] ?? 0,
    resolvedManually: by['resolved_manually'] ?? 0,
  };
}
