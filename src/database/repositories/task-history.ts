import { TaskerError } from '../../errors.ts';
import { instantText, nearestInstant } from '../../graph/snapshot/instants.ts';
import type { Queries } from '../id-block.ts';
import { taskOfStep } from './step-task-query.ts';
import { decodeCursor, encodeCursor, isCursorId, pageLimit } from '../list-cursor.ts';

/** One change of the state of a task or of one of its steps; null is what there is not. */
export interface TaskHistoryRow {
  /** ISO text, six digits, UTC. */
  readonly at: string;
  readonly task_id: bigint;
  readonly task_name: string;
  /** Null for a change of the task itself. */
  readonly step_id: bigint | null;
  readonly step_name: string | null;
  /** Null for the beginning. */
  readonly from_state: string | null;
  readonly to_state: string;
  /** Null for a beginning of which no row is stored. */
  readonly transition_id: bigint | null;
  /** Actor, reason, engine, attempt and so on, as far as they are known. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Which part of a history {@link taskHistory} gives. */
export interface TaskHistoryQuery {
  /** Entries of a page, 1 to 10,000; default 1,000. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly cursor?: string;
  /** Only what this step went through. */
  readonly stepId?: bigint;
}

/** A page of a history. */
export interface TaskHistoryPage {
  /** Oldest first. */
  readonly rows: readonly TaskHistoryRow[];
  /** Cursor of the next page; undefined on the last one. */
  readonly next: string | undefined;
}

// A pending row that names a state before it is a step back, not the beginning.
const HISTORY = `
WITH moved AS (
  SELECT 0 AS subject, x.task_id AS owner, x.id, x.from_state, x.to_state, x.sort_key, x.created_at, x.metadata
    FROM tasker_task_transitions x WHERE x.task_id = $1::bigint
   UNION ALL
  SELECT 1, x.workflow_step_id, x.id, x.from_state, x.to_state, x.sort_key, x.created_at, x.metadata
    FROM tasker_workflow_steps s
    JOIN tasker_workflow_step_transitions x ON x.workflow_step_id = s.workflow_step_id
   WHERE s.task_id = $1::bigint
), owned AS (
  SELECT 0 AS subject, t.task_id AS owner, n.name::text, t.created_at
    FROM tasker_tasks t JOIN tasker_named_tasks n ON n.named_task_id = t.named_task_id
   WHERE t.task_id = $1::bigint
   UNION ALL
  SELECT 1, s.workflow_step_id, n.name, s.created_at
    FROM tasker_workflow_steps s JOIN tasker_named_steps n ON n.named_step_id = s.named_step_id
   WHERE s.task_id = $1::bigint
), entry AS (
  SELECT o.subject, o.owner, o.name, m.id, m.to_state, m.sort_key::bigint, m.created_at, m.metadata,
         coalesce(m.from_state, lag(m.to_state) OVER (PARTITION BY m.subject, m.owner ORDER BY m.sort_key),
                  CASE WHEN m.to_state <> 'pending' THEN 'pending' END) AS from_state
    FROM moved m JOIN owned o ON o.subject = m.subject AND o.owner = m.owner
   UNION ALL
  SELECT o.subject, o.owner, o.name, NULL, 'pending', -3000000000, o.created_at, NULL, NULL
    FROM owned o
   WHERE NOT EXISTS (
     SELECT FROM (SELECT m.to_state, m.from_state FROM moved m
                   WHERE m.subject = o.subject AND m.owner = o.owner
                   ORDER BY m.sort_key LIMIT 1) first
      WHERE first.to_state = 'pending' AND first.from_state IS NULL)
)
SELECT rank, subject, owner, name, (SELECT name FROM owned WHERE subject = 0) AS task_name, id, from_state, to_state, sort_key, created_at::text AS at, metadata
  -- at one instant, a task's start comes before what its steps do, its end after
  FROM (SELECT *, CASE WHEN subject = 1 THEN 1 WHEN to_state IN ('pending', 'in_progress') THEN 0
                       ELSE 2 END AS rank FROM entry) ranked
 WHERE ($7::bigint IS NULL OR (subject = 1 AND owner = $7::bigint))
   AND ($2::timestamp IS NULL
    OR (created_at, rank, owner, sort_key) > ($2::timestamp, $3::integer, $4::bigint, $5::bigint))
 ORDER BY created_at, rank, owner, sort_key
 LIMIT $6::integer`;

interface HistoryRecord {
  readonly rank: number;
  readonly subject: 0 | 1;
  readonly owner: string;
  readonly name: string;
  readonly task_name: string;
  readonly id: string | null;
  readonly from_state: string | null;
  readonly to_state: string;
  readonly sort_key: string;
  readonly at: string;
  readonly metadata: Readonly<Record<string, unknown>> | null;
}

const CURSOR = [
  (part: string) => nearestInstant(part) !== undefined,
  (part: string) => /^[012]$/.test(part),
  isCursorId,
  isCursorId,
];

/**
 * Everything that a task and its steps went through, oldest first, page by page. Each begins as
 * `pending` when it was created, whether or not a row says so.
 *
 * Errors: TASKER_UNKNOWN_TASK; TASKER_BAD_ARGUMENT for a limit or cursor that is none.
 * O(n log n) for n transitions, one statement a page.
 */
export async function taskHistory(
  client: Queries,
  taskId: bigint,
  query: TaskHistoryQuery = {},
): Promise<TaskHistoryPage> {
  const limit = pageLimit(query.limit ?? 1000);
  const after =
    query.cursor === undefined ? [null, null, null, null] : decodeCursor(query.cursor, CURSOR);
  const { rows } = await client.query<HistoryRecord>({
    name: 'tasker_task_history',
    text: HISTORY,
    values: [taskId, ...after, limit + 1, query.stepId ?? null],
  });
  if (rows.length === 0 && query.cursor === undefined) {
    throw new TaskerError('TASKER_UNKNOWN_TASK', `There is no task ${taskId}.`, {
      data: { taskId: String(taskId) },
    });
  }
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return {
    rows: page.map((row) => ({
      at: instantText(row.at),
      task_id: taskId,
      task_name: row.task_name,
      step_id: row.subject === 0 ? null : BigInt(row.owner),
      step_name: row.subject === 0 ? null : row.name,
      from_state: row.from_state,
      to_state: row.to_state,
      transition_id: row.id === null ? null : BigInt(row.id),
      metadata: row.metadata ?? {},
    })),
    next: last && encodeCursor([last.at, String(last.rank), last.owner, last.sort_key]),
  };
}

const PAGE = 10_000;

/**
 * Everything that a step went through, oldest first, from its beginning as `pending`.
 *
 * Errors: TASKER_NOT_FOUND. O(n log n) for n transitions of its task.
 */
export async function stepHistory(client: Queries, stepId: bigint): Promise<TaskHistoryRow[]> {
  const taskId = await taskOfStep(client, stepId);
  if (taskId === undefined) {
    throw new TaskerError('TASKER_NOT_FOUND', `There is no workflow step ${stepId}.`, {
      data: { stepId: String(stepId) },
    });
  }
  return wholeTaskHistory(client, taskId, { stepId });
}

/**
 * The whole history of a task, page by page.
 *
 * Errors: TASKER_UNKNOWN_TASK. O(n log n) for n transitions.
 */
export async function wholeTaskHistory(
  client: Queries,
  taskId: bigint,
  which: Pick<TaskHistoryQuery, 'stepId'> = {},
): Promise<TaskHistoryRow[]> {
  const found: TaskHistoryRow[] = [];
  let cursor: string | undefined;
  do {
    const page: TaskHistoryPage = await taskHistory(client, taskId, {
      ...which,
      limit: PAGE,
      ...(cursor !== undefined && { cursor }),
    });
    for (const row of page.rows) found.push(row);
    cursor = page.next;
  } while (cursor !== undefined);
  return found;
}
