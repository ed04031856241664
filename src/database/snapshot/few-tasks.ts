import type pg from 'pg';

import { buildSnapshot } from '../../graph/snapshot/build-snapshot.ts';
import { isHeldExactly } from '../../graph/snapshot/instants.ts';
import { STEP_FLAGS } from '../../graph/snapshot/layout.ts';
import type { GraphSnapshot } from '../../graph/snapshot/snapshot.ts';
import { StagedRows } from '../../graph/snapshot/staged-rows.ts';
import { hiddenRows } from '../connection.ts';
import { stateCode } from './snapshot-rows.ts';

/** Up to so many tasks one statement beats opening a transaction and four COPYs. */
export const FEW_TASKS = 64;

/** Columns of the statement, by position: rows come as arrays of raw text, which is half the time. */
const COLUMN = {
  taskId: 0,
  namedTaskId: 1,
  taskState: 2,
  stepId: 3,
  namedStepId: 4,
  stepName: 5,
  attempts: 6,
  retryLimit: 7,
  retryable: 8,
  inProcess: 9,
  processed: 10,
  skippable: 11,
  backoff: 12,
  lastAttemptedAt: 13,
  state: 14,
  stateAt: 15,
  nextAttemptAt: 16,
  parents: 17,
  now: 18,
  hidden: 19,
} as const;

type FewRow = readonly (string | null)[];
const RAW: pg.CustomTypesConfig = { getTypeParser: () => (text: string) => text };

/** An instant in µs since the epoch: as text it would come in the session's DateStyle. */
const micros = (expression: string): string => `extract(epoch FROM ${expression}) * 1000000`;

/**
 * A left join that looks rows up one by one. On tables that were never analysed the planner expects
 * so many steps a task that it would rather read all transitions there are; OFFSET 0 keeps it from that.
 */
const left = (alias: string, table: string, condition: string): string =>
  `LEFT JOIN LATERAL (SELECT * FROM ${table} WHERE ${condition} OFFSET 0) ${alias} ON true`;

/** True where a policy may hide rows from the user: an open parent that is not seen would hold nothing back. */
const hiddenCondition = (waits: boolean): string =>
  [
    'tasker_tasks',
    'tasker_task_transitions',
    'tasker_workflow_steps',
    'tasker_workflow_step_transitions',
    'tasker_workflow_step_edges',
    'tasker_named_steps',
    ...(waits ? ['tasker_core_steps'] : []),
  ]
    .map((table) => `row_security_active('${table}')`)
    .join(' OR ');

const statement = (waits: boolean, single: boolean): string => `SELECT t.task_id, t.named_task_id,
  tt.to_state, s.workflow_step_id, s.named_step_id, n.name, s.attempts, s.retry_limit, s.retryable,
  s.in_process, s.processed, s.skippable, s.backoff_request_seconds,
  ${micros('s.last_attempted_at')},
  st.to_state, CASE WHEN st.to_state = 'error' THEN ${micros('st.created_at')} END,
  ${waits ? micros('w.next_attempt_at') : 'NULL'},
  ARRAY(SELECT e.from_step_id FROM tasker_workflow_step_edges e
    WHERE e.to_step_id = s.workflow_step_id),
  (SELECT ${micros('now()')}), (SELECT ${hiddenCondition(waits)})
FROM tasker_tasks t
${left('tt', 'tasker_task_transitions', 'task_id = t.task_id AND most_recent = true')}
${left('s', 'tasker_workflow_steps', 'task_id = t.task_id')}
LEFT JOIN tasker_named_steps n ON n.named_step_id = s.named_step_id
${left(
  'st',
  'tasker_workflow_step_transitions',
  'workflow_step_id = s.workflow_step_id AND most_recent = true',
)}
${waits ? left('w', 'tasker_core_steps', 'step_id = s.workflow_step_id') : ''}
WHERE t.task_id = ${single ? '$1::bigint' : 'ANY($1::bigint[])'}`;

/**
 * Loads a handful of tasks in one statement, which is one consistent snapshot by itself.
 *
 * @param waits whether the database has stored next attempts
 * @returns the snapshot; undefined where a parent belongs to another task, which takes a
 *   transaction to read consistently
 * Errors: TASKER_NOT_PERMITTED where a row-level security policy may hide rows.
 */
export async function loadFewTasks(
  client: pg.ClientBase,
  taskIds: readonly bigint[],
  waits: boolean,
): Promise<GraphSnapshot | undefined> {
  // one id has a statement of its own: the server keeps its plan, while it plans an array anew each time, which
  // takes longer than the query
  const single = taskIds.length === 1;
  const { rows: fetched } = await client.query<(string | null)[]>({
    name: `tasker-few-tasks-${waits}-${single}`,
    text: statement(waits, single),
    values: [single ? String(taskIds[0]) : `{${taskIds.join(',')}}`],
    rowMode: 'array',
    types: RAW,
  });
  if (fetched.length === 0 ? await hidesRows(client, waits) : fetched[0]?.[COLUMN.hidden] === 't') {
    throw hiddenRows();
  }
  const rows = new StagedRows();
  const stepNames = new Map<number, string>();
  const staged = new Set<string>();
  for (const row of fetched) {
    const task = text(row, 'taskId');
    if (!staged.has(task)) {
      staged.add(task);
      stageTask(rows, row);
    }
    if (row[COLUMN.stepId] === null) continue;
    stageStep(rows, row);
    stepNames.set(Number(row[COLUMN.namedStepId]), row[COLUMN.stepName] ?? '');
  }
  rows.indexSteps();
  for (const row of fetched) stageParents(rows, row);
  if (rows.unknownParents().length > 0) return undefined;
  rows.indexEdges(true);
  const now = fetched[0]?.[COLUMN.now];
  return {
    views: buildSnapshot(rows, 0, rows.taskCount),
    texts: { stepNames, foreignStates: rows.states.foreign },
    problems: rows.problems,
    loadedAt: now === undefined ? undefined : Number(now),
  };
}

/** Without a row nobody knows whether there is none or a policy hides it. */
async function hidesRows(client: pg.ClientBase, waits: boolean): Promise<boolean> {
  const { rows } = await client.query<{ hidden: boolean }>(
    `SELECT ${hiddenCondition(waits)} AS hidden`,
  );
  return rows[0]!.hidden;
}

const text = (row: FewRow, column: keyof typeof COLUMN): string => row[COLUMN[column]] as string;

/** µs since the epoch, NaN for null and for what a double does not hold, which sets the task of `step` apart. */
function instant(
  rows: StagedRows,
  step: number,
  row: FewRow,
  column: keyof typeof INSTANT_COLUMNS,
): number {
  const value = row[COLUMN[column]];
  if (value === null || value === undefined) return NaN;
  const at = Number(value);
  if (Number.isSafeInteger(at) || !Number.isFinite(at)) return at;
  const [whole = ''] = value.split('.'); // the server counts whole microseconds
  if (!/^-?\d+$/.test(whole) || isHeldExactly(BigInt(whole))) return at;
  rows.inexactInstant(step, INSTANT_COLUMNS[column], BigInt(whole));
  return NaN;
}

const INSTANT_COLUMNS = {
  lastAttemptedAt: 'last_attempted_at',
  nextAttemptAt: 'next_attempt_at',
  stateAt: 'created_at',
} as const;

function stageTask(rows: StagedRows, row: FewRow): void {
  const at = rows.nextTask();
  rows.taskIds.ids[at] = BigInt(text(row, 'taskId'));
  rows.namedTaskId[at] = Number(text(row, 'namedTaskId'));
  const state = row[COLUMN.taskState];
  if (typeof state === 'string') rows.setTaskState(at, stateCode(rows, state));
}

function stageStep(rows: StagedRows, row: FewRow): void {
  const at = rows.nextStep();
  const attempts = row[COLUMN.attempts];
  const limit = row[COLUMN.retryLimit];
  const backoff = row[COLUMN.backoff];
  rows.stepIds.ids[at] = BigInt(text(row, 'stepId'));
  rows.stepTaskIds.ids[at] = BigInt(text(row, 'taskId'));
  rows.namedStepId[at] = Number(row[COLUMN.namedStepId]);
  rows.attempts[at] = Number(attempts ?? 0);
  rows.retryLimit[at] = Number(limit ?? 3);
  rows.backoffSeconds[at] = Number(backoff ?? 0);
  rows.lastAttemptedAt[at] = instant(rows, at, row, 'lastAttemptedAt');
  rows.nextAttemptAt[at] = instant(rows, at, row, 'nextAttemptAt');
  rows.flags[at] =
    (row[COLUMN.processed] === 't' ? STEP_FLAGS.processed : 0) |
    (row[COLUMN.inProcess] === 't' ? STEP_FLAGS.inProcess : 0) |
    (row[COLUMN.retryable] === 'f' ? STEP_FLAGS.notRetryable : 0) |
    (row[COLUMN.skippable] === 't' ? STEP_FLAGS.skippable : 0) |
    (attempts === null ? STEP_FLAGS.attemptsNull : 0) |
    (limit === null ? STEP_FLAGS.retryLimitNull : 0) |
    (backoff === null ? STEP_FLAGS.backoffNull : 0);
  const state = row[COLUMN.state];
  if (typeof state === 'string') {
    rows.setStepState(at, stateCode(rows, state), instant(rows, at, row, 'stateAt'));
  }
}

function stageParents(rows: StagedRows, row: FewRow): void {
  const parents = text(row, 'parents');
  if (parents === '{}' || row[COLUMN.stepId] === null) return;
  const to = BigInt(text(row, 'stepId'));
  for (const parent of parents.slice(1, -1).split(',')) {
    const at = rows.nextEdge();
    rows.edgeFrom.ids[at] = BigInt(parent);
    rows.edgeTo.ids[at] = to;
  }
}
