import { TaskerError } from '../../errors.ts';
import type { StepState, TaskState } from '../../state-machine/states.ts';
import type { Queries } from '../id-block.ts';

/** A step as one line tells it. Instants are ISO text, six digits, UTC. */
export interface StepFacts {
  readonly stepId: bigint;
  readonly name: string;
  readonly state: StepState;
  readonly since: string;
  readonly attempts: number;
  readonly retryLimit: number;
  readonly retryable: boolean;
  /** When it may be tried again; null where nothing says so. */
  readonly nextAttemptAt: string | null;
  /** The stored message of the last failure. */
  readonly error: string | null;
  /** As stored: what the handler returned, or the fields of its failure. */
  readonly results: unknown;
}

/** A task with its steps, as one page tells it. */
export interface TaskFacts {
  readonly taskId: bigint;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly state: TaskState;
  readonly since: string;
  readonly pausedAt: string | null;
  readonly requestedAt: string;
  readonly runAt: string | null;
  readonly initiator: string | null;
  readonly sourceSystem: string | null;
  readonly reason: string | null;
  readonly priority: number;
  readonly correlationId: string | null;
  readonly parentTaskId: bigint | null;
  readonly context: unknown;
  /** By id. */
  readonly steps: readonly StepFacts[];
}

const iso = (instant: string): string => `to_char(${instant}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const TASK_FACTS = `
SELECT p.name AS namespace, n.name, n.version, coalesce(x.to_state, 'pending') AS state,
       ${iso('coalesce(x.created_at, t.created_at)')} AS since, ${iso('c.paused_at')} AS paused_at,
       ${iso('t.requested_at')} AS requested_at, ${iso('c.run_at')} AS run_at, t.initiator,
       t.source_system, t.reason, coalesce(c.priority, 0) AS priority, c.correlation_id,
       c.parent_task_id, t.context
  FROM tasker_tasks t
  JOIN tasker_named_tasks n ON n.named_task_id = t.named_task_id
  JOIN tasker_task_namespaces p ON p.task_namespace_id = n.task_namespace_id
  LEFT JOIN tasker_core_tasks c ON c.task_id = t.task_id
  LEFT JOIN tasker_task_transitions x ON x.task_id = t.task_id AND x.most_recent
 WHERE t.task_id = $1::bigint`;

const STEP_FACTS = `
SELECT s.workflow_step_id AS step_id, m.name, coalesce(y.to_state, 'pending') AS state,
       ${iso('coalesce(y.created_at, s.created_at)')} AS since, coalesce(s.attempts, 0) AS attempts,
       coalesce(s.retry_limit, 3) AS retry_limit, s.retryable,
       ${iso(
         'coalesce(w.next_attempt_at, s.last_attempted_at + make_interval(secs => s.backoff_request_seconds))',
       )} AS next_attempt_at,
       CASE WHEN y.to_state = 'error' AND jsonb_typeof(s.results) = 'object'
            THEN left(s.results->>'error', 2000) END AS error,
       s.results
  FROM tasker_workflow_steps s
  JOIN tasker_named_steps m ON m.named_step_id = s.named_step_id
  LEFT JOIN tasker_core_steps w ON w.step_id = s.workflow_step_id
  LEFT JOIN tasker_workflow_step_transitions y
         ON y.workflow_step_id = s.workflow_step_id AND y.most_recent
 WHERE s.task_id = $1::bigint
 ORDER BY s.workflow_step_id`;

interface TaskRecord {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly state: TaskState;
  readonly since: string;
  readonly paused_at: string | null;
  readonly requested_at: string;
  readonly run_at: string | null;
  readonly initiator: string | null;
  readonly source_system: string | null;
  readonly reason: string | null;
  readonly priority: number;
  readonly correlation_id: string | null;
  readonly parent_task_id: string | null;
  readonly context: unknown;
}

interface StepRecord {
  readonly step_id: string;
  readonly name: string;
  readonly state: StepState;
  readonly since: string;
  readonly attempts: number;
  readonly retry_limit: number;
  readonly retryable: boolean;
  readonly next_attempt_at: string | null;
  readonly error: string | null;
  readonly results: unknown;
}

/**
 * What there is to say about a task and its steps now.
 *
 * Errors: TASKER_UNKNOWN_TASK. Two statements, O(steps).
 */
export async function taskFacts(client: Queries, taskId: bigint): Promise<TaskFacts> {
  const { rows } = await client.query<TaskRecord>({
    name: 'tasker_task_facts',
    text: TASK_FACTS,
    values: [taskId],
  });
  const [task] = rows;
  if (task === undefined) {
    throw new TaskerError('TASKER_UNKNOWN_TASK', `There is no task ${taskId}.`, {
      data: { taskId: String(taskId) },
    });
  }
  const steps = await client.query<StepRecord>({
    name: 'tasker_step_facts',
    text: STEP_FACTS,
    values: [taskId],
  });
  return {
    taskId,
    namespace: task.namespace,
    name: task.name,
    version: task.version,
    state: task.state,
    since: task.since,
    pausedAt: task.paused_at,
    requestedAt: task.requested_at,
    runAt: task.run_at,
    initiator: task.initiator,
    sourceSystem: task.source_system,
    reason: task.reason,
    priority: task.priority,
    correlationId: task.correlation_id,
    parentTaskId: task.parent_task_id === null ? null : BigInt(task.parent_task_id),
    context: task.context,
    steps: steps.rows.map((row) => ({
      stepId: BigInt(row.step_id),
      name: row.name,
      state: row.state,
      since: row.since,
      attempts: row.attempts,
      retryLimit: row.retry_limit,
      retryable: row.retryable,
      nextAttemptAt: row.next_attempt_at,
      error: row.error,
      results: row.results,
    })),
  };
}
