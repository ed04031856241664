import type pg from 'pg';

import { buildSnapshot } from '../graph/build-snapshot.ts';
import { parseInstant } from '../graph/instants.ts';
import { STEP_FLAGS } from '../graph/layout.ts';
import type { GraphSnapshot } from '../graph/snapshot.ts';
import { StagedRows } from '../graph/staged-rows.ts';
import { stateCode } from './snapshot-rows.ts';

/** Up to so many tasks one statement beats opening a transaction and four COPYs. */
export const FEW_TASKS = 64;

interface FewRow {
  task_id: string;
  named_task_id: number;
  task_state: string | null;
  step_id: string | null;
  named_step_id: number;
  step_name: string;
  attempts: number | null;
  retry_limit: number | null;
  retryable: boolean;
  in_process: boolean;
  processed: boolean;
  skippable: boolean;
  backoff: number | null;
  last_attempted_at: string | null;
  state: string | null;
  state_at: string | null;
  next_attempt_at: string | null;
  parents: string | null;
  now: string;
}

const statement = (waits: boolean, single: boolean): string => `SELECT t.task_id::text, t.named_task_id,
  tt.to_state AS task_state, s.workflow_step_id::text AS step_id, s.named_step_id,
  n.name AS step_name, s.attempts, s.retry_limit, s.retryable, s.in_process, s.processed,
  s.skippable, s.backoff_request_seconds AS backoff, s.last_attempted_at::text,
  st.to_state AS state, CASE WHEN st.to_state = 'error' THEN st.created_at::text END AS state_at,
  ${waits ? 'w.next_attempt_at::text' : 'NULL::text'} AS next_attempt_at,
  (SELECT string_agg(e.from_step_id::text, ',') FROM tasker_workflow_step_edges e
    WHERE e.to_step_id = s.workflow_step_id) AS parents,
  (extract(epoch FROM now()) * 1000000)::bigint::text AS now
FROM tasker_tasks t
LEFT JOIN tasker_task_transitions tt ON tt.task_id = t.task_id AND tt.most_recent = true
LEFT JOIN tasker_workflow_steps s ON s.task_id = t.task_id
LEFT JOIN tasker_named_steps n ON n.named_step_id = s.named_step_id
LEFT JOIN tasker_workflow_step_transitions st
  ON st.workflow_step_id = s.workflow_step_id AND st.most_recent = true
${waits ? 'LEFT JOIN tasker_core_steps w ON w.step_id = s.workflow_step_id' : ''}
WHERE t.task_id = ${single ? '$1::bigint' : 'ANY($1::bigint[])'}
ORDER BY t.task_id, s.workflow_step_id`;

/**
 * Loads a handful of tasks in one statement, which is one consistent snapshot by itself.
 *
 * @param waits whether the database has stored next attempts
 * @returns the snapshot; undefined where a parent belongs to another task, which takes a
 *   transaction to read consistently
 */
export async function loadFewTasks(
  client: pg.ClientBase,
  taskIds: readonly bigint[],
  waits: boolean,
): Promise<GraphSnapshot | undefined> {
  // one id has a statement of its own: the server keeps its plan, while it plans an array anew each time, which
  // takes longer than the query
  const single = taskIds.length === 1;
  const { rows: fetched } = await client.query<FewRow>({
    name: `tasker-few-tasks-${waits}-${single}`,
    text: statement(waits, single),
    values: [single ? String(taskIds[0]) : `{${taskIds.join(',')}}`],
  });
  const rows = new StagedRows();
  const stepNames = new Map<number, string>();
  let task: string | undefined;
  for (const row of fetched) {
    if (row.task_id !== task) {
      task = row.task_id;
      stageTask(rows, row);
    }
    if (row.step_id === null) continue;
    stageStep(rows, row);
    stepNames.set(row.named_step_id, row.step_name);
  }
  rows.indexSteps();
  for (const row of fetched) stageParents(rows, row);
  if (rows.unknownParents().length > 0) return undefined;
  rows.indexEdges(true);
  return {
    views: buildSnapshot(rows, 0, rows.taskCount),
    texts: { stepNames, foreignStates: rows.states.foreign },
    problems: rows.problems,
    loadedAt: fetched[0] === undefined ? undefined : Number(fetched[0].now),
  };
}

function stageTask(rows: StagedRows, row: FewRow): void {
  const at = rows.nextTask();
  rows.taskIds.ids[at] = BigInt(row.task_id);
  rows.namedTaskId[at] = row.named_task_id;
  if (row.task_state !== null) rows.setTaskState(at, stateCode(rows, row.task_state));
}

const instant = (text: string | null): number =>
  text === null ? NaN : (parseInstant(text) ?? NaN);

function stageStep(rows: StagedRows, row: FewRow): void {
  const at = rows.nextStep();
  rows.stepIds.ids[at] = BigInt(row.step_id as string);
  rows.stepTaskIds.ids[at] = BigInt(row.task_id);
  rows.namedStepId[at] = row.named_step_id;
  rows.attempts[at] = row.attempts ?? 0;
  rows.retryLimit[at] = row.retry_limit ?? 3;
  rows.backoffSeconds[at] = row.backoff ?? 0;
  rows.lastAttemptedAt[at] = instant(row.last_attempted_at);
  rows.nextAttemptAt[at] = instant(row.next_attempt_at);
  rows.flags[at] =
    (row.processed ? STEP_FLAGS.processed : 0) |
    (row.in_process ? STEP_FLAGS.inProcess : 0) |
    (row.retryable ? 0 : STEP_FLAGS.notRetryable) |
    (row.skippable ? STEP_FLAGS.skippable : 0) |
    (row.attempts === null ? STEP_FLAGS.attemptsNull : 0) |
    (row.retry_limit === null ? STEP_FLAGS.retryLimitNull : 0) |
    (row.backoff === null ? STEP_FLAGS.backoffNull : 0);
  if (row.state === null) return;
  rows.setStepState(at, stateCode(rows, row.state), instant(row.state_at));
}

function stageParents(rows: StagedRows, row: FewRow): void {
  if (row.parents === null || row.step_id === null) return;
  const to = BigInt(row.step_id);
  for (const parent of row.parents.split(',')) {
    const at = rows.nextEdge();
    rows.edgeFrom.ids[at] = BigInt(parent);
    rows.edgeTo.ids[at] = to;
  }
}
