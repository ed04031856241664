import type pg from 'pg';

import { buildSnapshot } from '../../graph/snapshot/build-snapshot.ts';
import type { GraphSnapshot } from '../../graph/snapshot/snapshot.ts';
import { StagedRows } from '../../graph/snapshot/staged-rows.ts';
import { copyOut } from '../copy/copy-out.ts';
import {
  edgeQuery,
  failureQuery,
  idArray,
  nextAttemptQuery,
  stepQuery,
  stepStateQuery,
} from './snapshot-queries.ts';
import { edgeRow, instantRow, STEP_COLUMNS, stepRow, stepStateRow } from './snapshot-rows.ts';
import type { SnapshotSession } from './snapshot-session.ts';

/** A page of tasks: staged ids and states, steps still to come. */
export interface TaskPage {
  readonly rows: StagedRows;
  /** The tasks are all of the database's between the first and the last id. */
  readonly consecutive: boolean;
}

/** A page whose steps exceed this many chunks is cut where it reaches them. */
const LARGEST_CHUNKS = 4;

/**
 * Loads the steps, edges and states of a page: one snapshot as a rule, several where its tasks have
 * far more steps than expected.
 */
export async function* loadPage(
  client: pg.Client,
  session: SnapshotSession,
  page: TaskPage,
  chunkSteps: number,
): AsyncGenerator<GraphSnapshot> {
  let { rows } = page;
  if (rows.taskCount === 0) return;
  for (;;) {
    const rest = await loadSteps(client, { ...page, rows }, chunkSteps * LARGEST_CHUNKS);
    yield await finishSnapshot(client, session, rows);
    if (rest === undefined) return;
    rows = rest;
  }
}

/** Stages the steps of the page's tasks; tasks beyond the limit come back as the rest. */
async function loadSteps(
  client: pg.Client,
  page: TaskPage,
  limit: number,
): Promise<StagedRows | undefined> {
  const { rows } = page;
  const ids = rows.taskIds.ids.subarray(0, rows.taskCount);
  const tasks = page.consecutive
    ? `s.task_id BETWEEN ${ids[0]} AND ${ids[rows.taskCount - 1]}`
    : `s.task_id = ANY(${idArray(ids)})`;
  await copyOut(client, stepQuery(tasks, limit), stepRow(rows));
  if (rows.stepCount < limit) return undefined;
  return cutAtLastTask(client, rows);
}

/** The last task may lack steps: it starts the rest, or is read anew where it stands alone. */
async function cutAtLastTask(client: pg.Client, rows: StagedRows): Promise<StagedRows | undefined> {
  const owners = rows.stepTaskIds.ids;
  const last = owners[rows.stepCount - 1] as bigint;
  const ids = rows.taskIds.ids.subarray(0, rows.taskCount);
  let cut = ids.indexOf(last);
  if (owners[0] === last) {
    rows.stepCount = 0;
    await copyOut(client, stepQuery(`s.task_id = ${last}`, undefined), stepRow(rows));
    cut++;
  } else {
    rows.stepCount = owners.subarray(0, rows.stepCount).indexOf(last);
  }
  const rest = new StagedRows();
  for (let task = cut; task < rows.taskCount; task++) {
    const at = rest.nextTask();
    rest.taskIds.ids[at] = ids[task] as bigint;
    rest.namedTaskId[at] = rows.namedTaskId[task] as number;
    rest.taskState[at] = rows.taskState[task] as number;
    rest.taskFlags[at] = rows.taskFlags[task] as number;
  }
  for (const text of rows.states.foreign) rest.states.code(text);
  rows.taskCount = cut;
  return rest.taskCount === 0 ? undefined : rest;
}

/**
 * Condition that selects the staged steps: a range where their ids are nearly consecutive, which
 * an index answers in one run, else the ids one by one.
 */
function stepCondition(rows: StagedRows): (column: string) => string {
  const { ids, words } = rows.stepIds;
  // by words: reading a bigint makes one
  let least = 0;
  let greatest = 0;
  for (let at = 1; at < rows.stepCount; at++) {
    const low = words[at * 2] as number;
    const high = words[at * 2 + 1] as number;
    if (precedes(high, low, words, least)) least = at;
    else if (!precedes(high, low, words, greatest)) greatest = at;
  }
  const from = ids[least] as bigint;
  const to = ids[greatest] as bigint;
  if (to - from < BigInt(rows.stepCount * 3 + 100)) {
    return (column) => `${column} BETWEEN ${from} AND ${to}`;
  }
  const list = idArray(ids.subarray(0, rows.stepCount));
  return (column) => `${column} = ANY(${list})`;
}

/** True where the id (high, low) is smaller than the one at `other`. */
function precedes(high: number, low: number, words: Uint32Array, other: number): boolean {
  const otherHigh = (words[other * 2 + 1] as number) | 0;
  return (high | 0) === otherHigh ? low < (words[other * 2] as number) : (high | 0) < otherHigh;
}

/** Reads states, failures, edges and foreign parents of the staged steps and builds the snapshot. */
async function finishSnapshot(
  client: pg.Client,
  session: SnapshotSession,
  rows: StagedRows,
): Promise<GraphSnapshot> {
  rows.indexSteps();
  if (rows.stepCount > 0) {
    const steps = stepCondition(rows);
    let errors = 0;
    // queued together: the server goes on with the next while the rows of one are decoded
    const states = copyOut(
      client,
      stepStateQuery(steps),
      stepStateRow(rows, () => errors++),
    );
    const edges = copyOut(client, edgeQuery(steps), edgeRow(rows));
    await Promise.all([states, edges]);
    if (errors > 0) await copyOut(client, failureQuery(steps), instantRow(rows, 'failedAt'));
    if (session.hasNextAttempts) {
      await copyOut(client, nextAttemptQuery(steps), instantRow(rows, 'nextAttemptAt'));
    }
  }
  await loadForeignParents(client, rows);
  rows.indexEdges(true);
  return {
    views: buildSnapshot(rows, 0, rows.taskCount),
    texts: { stepNames: session.stepNames, foreignStates: rows.states.foreign },
    problems: rows.problems,
    loadedAt: session.now,
  };
}

/** Stages the parents that belong to tasks outside of the page, with their own states. */
async function loadForeignParents(client: pg.Client, rows: StagedRows): Promise<void> {
  const unknown = rows.unknownParents();
  if (unknown.length === 0) return;
  const from = rows.stepCount;
  const list = idArray(unknown);
  const select = `SELECT ${STEP_COLUMNS} FROM tasker_workflow_steps s WHERE s.workflow_step_id = ANY(${list})`;
  await copyOut(client, select, stepRow(rows));
  rows.indexForeign(from);
  const states = stepStateQuery((column) => `${column} = ANY(${list})`);
  await copyOut(
    client,
    states,
    stepStateRow(rows, () => undefined),
  );
}
