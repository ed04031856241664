import type { TaskState } from '../../state-machine/states.ts';
import type { Queries } from '../id-block.ts';
import { decodeCursor, encodeCursor, isCursorId, pageLimit } from '../list-cursor.ts';

/** A task as a line of a list. */
export interface TaskListRow {
  readonly taskId: bigint;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly state: TaskState;
  /** ISO text, six digits, UTC; so are the others. */
  readonly since: string;
  readonly createdAt: string;
  readonly pausedAt: string | null;
  readonly steps: number;
  /** Complete or resolved by hand. */
  readonly doneSteps: number;
  readonly failedSteps: number;
}

/** Which tasks {@link listTasks} gives, newest first. */
export interface TaskListQuery {
  readonly state?: TaskState;
  readonly namespace?: string;
  readonly name?: string;
  /** Tasks of a page, 1 to 10,000; default 50. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

/** A page of tasks. */
export interface TaskListPage {
  readonly tasks: readonly TaskListRow[];
  /** Cursor of the next page; undefined on the last one. */
  readonly next: string | undefined;
}

const iso = (instant: string): string => `to_char(${instant}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const LIST = `
WITH page AS (
  SELECT t.task_id, t.named_task_id, t.created_at, x.to_state, x.created_at AS since
    FROM tasker_tasks t
    LEFT JOIN tasker_task_transitions x ON x.task_id = t.task_id AND x.most_recent
   WHERE ($1::bigint IS NULL OR t.task_id < $1::bigint)
     AND ($2::text IS NULL OR coalesce(x.to_state, 'pending') = $2::text)
     AND ($3::integer[] IS NULL OR t.named_task_id = ANY ($3::integer[]))
   ORDER BY t.task_id DESC LIMIT $4::integer
)
SELECT g.task_id, p.name AS namespace, n.name, n.version, coalesce(g.to_state, 'pending') AS state,
       ${iso('coalesce(g.since, g.created_at)')} AS since, ${iso('g.created_at')} AS created_at,
       ${iso('c.paused_at')} AS paused_at, s.steps::int, s.done::int, s.failed::int
  FROM page g
  JOIN tasker_named_tasks n ON n.named_task_id = g.named_task_id
  JOIN tasker_task_namespaces p ON p.task_namespace_id = n.task_namespace_id
  LEFT JOIN tasker_core_tasks c ON c.task_id = g.task_id
  CROSS JOIN LATERAL (
    SELECT count(*) AS steps,
           count(*) FILTER (WHERE y.to_state IN ('complete', 'resolved_manually')) AS done,
           count(*) FILTER (WHERE y.to_state = 'error') AS failed
      FROM tasker_workflow_steps w
      LEFT JOIN tasker_workflow_step_transitions y
             ON y.workflow_step_id = w.workflow_step_id AND y.most_recent
     WHERE w.task_id = g.task_id) s
 ORDER BY g.task_id DESC`;

const NAMED = `
SELECT n.named_task_id FROM tasker_named_tasks n
  JOIN tasker_task_namespaces p ON p.task_namespace_id = n.task_namespace_id
 WHERE ($1::text IS NULL OR p.name = $1::text) AND ($2::text IS NULL OR n.name = $2::text)`;

interface ListRecord {
  readonly task_id: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly state: TaskState;
  readonly since: string;
  readonly created_at: string;
  readonly paused_at: string | null;
  readonly steps: number;
  readonly done: number;
  readonly failed: number;
}

/**
 * Tasks by descending id, page by page. At most two statements, each O(tasks looked at): a state or
 * name that few tasks have may mean many.
 *
 * Errors: TASKER_BAD_ARGUMENT for a limit or cursor that is none.
 */
export async function listTasks(client: Queries, query: TaskListQuery = {}): Promise<TaskListPage> {
  const { state = null, namespace, name, cursor } = query;
  const limit = pageLimit(query.limit ?? 50);
  const [before] = cursor === undefined ? [null] : decodeCursor(cursor, [isCursorId]);
  const isNamed = namespace !== undefined || name !== undefined;
  const named = isNamed ? await namedTaskIds(client, namespace, name) : null;
  const { rows } = await client.query<ListRecord>({
    name: 'tasker_task_list',
    text: LIST,
    values: [before, state, named, limit + 1],
  });
  const tasks = rows.slice(0, limit).map((row) => ({
    taskId: BigInt(row.task_id),
    namespace: row.namespace,
    name: row.name,
    version: row.version,
    state: row.state,
    since: row.since,
    createdAt: row.created_at,
    pausedAt: row.paused_at,
    steps: row.steps,
    doneSteps: row.done,
    failedSteps: row.failed,
  }));
  const last = rows.length > limit ? tasks.at(-1) : undefined;
  return { tasks, next: last && encodeCursor([String(last.taskId)]) };
}

async function namedTaskIds(
  client: Queries,
  namespace: string | undefined,
  name: string | undefined,
): Promise<number[]> {
  const { rows } = await client.query<{ named_task_id: number }>({
    name: 'tasker_task_list_names',
    text: NAMED,
    values: [namespace ?? null, name ?? null],
  });
  return rows.map((row) => row.named_task_id);
}
