import { formatNaive } from '../../graph/snapshot/instants.ts';
import type { StepState, TaskState } from '../../state-machine/states.ts';
import { int8Array } from '../copy/binary-arrays.ts';
import { EventIds } from '../event-store/event-ids.ts';
import { EVENT_TRANSACTION, eventMetadata } from '../event-store/event-log.ts';
import type { Queries } from '../id-block.ts';

/** A step as an operator finds it. */
export interface OperatedStep {
  readonly stepId: bigint;
  readonly name: string;
  readonly state: StepState;
  /** Id of its current transition row; undefined without one. */
  readonly token: bigint | undefined;
  readonly attempts: number;
  readonly retryLimit: number;
  readonly retryable: boolean;
  /** What its template says. */
  readonly templateRetryLimit: number;
  readonly templateRetryable: boolean;
}

/** A task with its steps as an operator finds it. */
export interface OperatedTask {
  readonly taskId: bigint;
  readonly name: string;
  readonly state: TaskState;
  readonly token: bigint | undefined;
  readonly paused: boolean;
  /** An engine of this package runs it; false for a task of a Rails engine. */
  readonly ours: boolean;
  /** The database's clock, µs since the epoch. */
  readonly now: number;
  /** By id. */
  readonly steps: readonly OperatedStep[];
}

const OPERATED_TASK = `
SELECT n.name AS task_name, coalesce(x.to_state, 'pending') AS task_state, x.id AS task_token,
       c.paused_at IS NOT NULL AS paused, c.task_id IS NOT NULL AS ours,
       (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now,
       s.workflow_step_id AS step_id, m.name AS step_name,
       coalesce(y.to_state, 'pending') AS state, y.id AS token,
       coalesce(s.attempts, 0) AS attempts, coalesce(s.retry_limit, 3) AS retry_limit,
       s.retryable, coalesce(l.default_retry_limit, 3) AS template_limit,
       coalesce(l.default_retryable, true) AS template_retryable
  FROM tasker_tasks t
  JOIN tasker_named_tasks n ON n.named_task_id = t.named_task_id
  LEFT JOIN tasker_core_tasks c ON c.task_id = t.task_id
  LEFT JOIN tasker_task_transitions x ON x.task_id = t.task_id AND x.most_recent
  LEFT JOIN tasker_workflow_steps s ON s.task_id = t.task_id
  LEFT JOIN tasker_named_steps m ON m.named_step_id = s.named_step_id
  LEFT JOIN tasker_workflow_step_transitions y
         ON y.workflow_step_id = s.workflow_step_id AND y.most_recent
  LEFT JOIN tasker_named_tasks_named_steps l
         ON l.named_task_id = t.named_task_id AND l.named_step_id = s.named_step_id
 WHERE t.task_id = $1::bigint
 ORDER BY s.workflow_step_id`;

interface OperatedRecord {
  readonly task_name: string;
  readonly task_state: TaskState;
  readonly task_token: string | null;
  readonly paused: boolean;
  readonly ours: boolean;
  readonly now: string;
  readonly step_id: string | null;
  readonly step_name: string;
  readonly state: StepState;
  readonly token: string | null;
  readonly attempts: number;
  readonly retry_limit: number;
  readonly retryable: boolean;
  readonly template_limit: number;
  readonly template_retryable: boolean;
}

/** The task with its steps, as they are now; undefined where there is none. One statement. */
export async function readOperatedTask(
  client: Queries,
  taskId: bigint,
): Promise<OperatedTask | undefined> {
  const { rows } = await client.query<OperatedRecord>({
    name: 'tasker_operated_task',
    text: OPERATED_TASK,
    values: [taskId],
  });
  const [first] = rows;
  if (first === undefined) return undefined;
  const id = (text: string | null): bigint | undefined =>
    text === null ? undefined : BigInt(text);
  return {
    taskId,
    name: first.task_name,
    state: first.task_state,
    token: id(first.task_token),
    paused: first.paused,
    ours: first.ours,
    now: Number(first.now),
    steps: rows.flatMap((row) =>
      row.step_id === null
        ? []
        : [
            {
              stepId: BigInt(row.step_id),
              name: row.step_name,
              state: row.state,
              token: id(row.token),
              attempts: row.attempts,
              retryLimit: row.retry_limit,
              retryable: row.retryable,
              templateRetryLimit: row.template_limit,
              templateRetryable: row.template_retryable,
            },
          ],
    ),
  };
}

/** What matters when a step is to be resolved by hand. */
export interface ResolvedStepFacts {
  /** A pending step of the same task waits for this one alone. */
  readonly freesChild: boolean;
  /** The step's results as JSON text; null for none. */
  readonly results: string | null;
}

/** What hangs on a step that is to be resolved. One statement, O(parents of its children). */
export async function readResolvedStepFacts(
  client: Queries,
  stepId: bigint,
): Promise<ResolvedStepFacts> {
  const { rows } = await client.query<{ frees_child: boolean; results: string | null }>({
    name: 'tasker_resolved_step_facts',
    text: `
SELECT s.results::text AS results, EXISTS (
         SELECT FROM tasker_workflow_step_edges e
           JOIN tasker_workflow_steps c ON c.workflow_step_id = e.to_step_id AND c.task_id = s.task_id
           LEFT JOIN tasker_workflow_step_transitions x
                  ON x.workflow_step_id = c.workflow_step_id AND x.most_recent
          WHERE e.from_step_id = s.workflow_step_id AND coalesce(x.to_state, 'pending') = 'pending'
            AND NOT EXISTS (
              SELECT FROM tasker_workflow_step_edges o
                LEFT JOIN tasker_workflow_step_transitions p
                       ON p.workflow_step_id = o.from_step_id AND p.most_recent
               WHERE o.to_step_id = c.workflow_step_id AND o.from_step_id <> s.workflow_step_id
                 AND (p.to_state IN ('complete', 'resolved_manually')) IS NOT TRUE)) AS frees_child
  FROM tasker_workflow_steps s
 WHERE s.workflow_step_id = $1::bigint`,
    values: [stepId],
  });
  return { freesChild: rows[0]?.frees_child === true, results: rows[0]?.results ?? null };
}

/** Other tasks that have children of these steps. One statement. */
export async function tasksOfForeignChildren(
  client: Queries,
  taskId: bigint,
  stepIds: readonly bigint[],
): Promise<bigint[]> {
  const { rows } = await client.query<{ task_id: string }>({
    name: 'tasker_foreign_children',
    text: `SELECT DISTINCT c.task_id FROM tasker_workflow_step_edges e
             JOIN tasker_workflow_steps c ON c.workflow_step_id = e.to_step_id
            WHERE e.from_step_id = ANY ($2::bigint[]) AND c.task_id <> $1::bigint
            ORDER BY c.task_id`,
    values: [taskId, int8Array(stepIds)],
  });
  return rows.map((row) => BigInt(row.task_id));
}

const eventIds = new EventIds();

/** Marks a task as paused or not, and stores the event. */
export interface PauseWrite {
  readonly taskId: bigint;
  readonly paused: boolean;
  /** µs since the epoch. */
  readonly at: number;
  /** JSON text of an object. */
  readonly metadata: string;
}

/**
 * Marks a task of ours as paused, or takes the mark away; false where it was so already, or the task
 * is none of ours, and then nothing is written. One statement.
 */
export async function writePause(client: Queries, write: PauseWrite): Promise<boolean> {
  const { taskId, paused, at, metadata } = write;
  const [mark, unless] = paused ? ['$2::timestamp', 'NULL'] : ['NULL', 'NOT NULL'];
  const change = `UPDATE tasker_core_tasks SET paused_at = ${mark}
                   WHERE task_id = $1::bigint AND paused_at IS ${unless}`;
  const { rows } = await client.query({
    name: paused ? 'tasker_pause_task' : 'tasker_resume_task',
    text: `WITH changed AS (${change} RETURNING task_id)
INSERT INTO tasker_core_events
    (xid, event_id, name, task_id, occurred_at, correlation_id, payload)
SELECT ${EVENT_TRANSACTION}, $3::uuid, '${paused ? 'task.paused' : 'task.resumed'}', task_id, $2::timestamp,
       ${eventMetadata('$4::jsonb')} FROM changed
RETURNING task_id`,
    values: [taskId, formatNaive(at), Buffer.from(eventIds.next(at)).toString('hex'), metadata],
  });
  return rows.length > 0;
}
