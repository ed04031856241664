import type { IdIndex } from './id-index.ts';
import type { Column, IdArray } from './staged-columns.ts';
import type { StagedRows } from './staged-rows.ts';

/** Task of each step, -1 (and a problem) for a step whose task is not staged. */
export function ownersOf(rows: StagedRows, index: IdIndex): Int32Array {
  const owners = new Int32Array(rows.stepCount);
  const { words } = rows.stepTaskIds;
  let task = -1;
  for (let at = 0; at < rows.stepCount; at++) {
    const low = words[at * 2] as number;
    const high = words[at * 2 + 1] as number;
    if (at === 0 || low !== words[at * 2 - 2] || high !== words[at * 2 - 1]) {
      task = index.find(low, high);
    }
    owners[at] = task;
    if (task !== -1) continue;
    const id = rows.stepIds.ids[at] as bigint;
    const taskId = rows.stepTaskIds.ids[at] as bigint;
    rows.problems.push({
      code: 'TASKER_UNKNOWN_TASK',
      message: `Step ${id} names task ${taskId}, which does not exist; it is left out.`,
      table: 'steps',
      id,
      taskId,
      refused: false,
    });
  }
  return owners;
}

/** Orders tasks by id. */
export function orderTasks(rows: StagedRows): void {
  const { ids } = rows.taskIds;
  const count = rows.taskCount;
  let sorted = true;
  for (let at = 1; at < count && sorted; at++) {
    sorted = (ids[at - 1] as bigint) <= (ids[at] as bigint);
  }
  if (sorted) return;
  const order = Uint32Array.from({ length: count }, (_, at) => at);
  order.sort((a, b) => compareIds(ids[a] as bigint, ids[b] as bigint));
  permute(rows.taskIds.ids, order);
  permute(rows.namedTaskId, order);
  permute(rows.taskState, order);
  permute(rows.taskFlags, order);
}

/** Orders steps by (task, id), strays last; `owners` is ordered with them. Returns how many are owned. */
export function orderSteps(rows: StagedRows, owners: Int32Array): number {
  const { ids } = rows.stepIds;
  const { words } = rows.stepIds;
  const count = rows.stepCount;
  let sorted = true;
  let strays = 0;
  for (let at = 0; at < count; at++) {
    const owner = owners[at] as number;
    if (owner === -1) strays++;
    if (at === 0) continue;
    const before = owners[at - 1] as number;
    if (owner > before) continue;
    if (owner < before) sorted = false;
    else if ((words[at * 2 + 1] as number) === (words[at * 2 - 1] as number)) {
      if ((words[at * 2] as number) < (words[at * 2 - 2] as number)) sorted = false;
    } else if ((ids[at - 1] as bigint) > (ids[at] as bigint)) sorted = false;
  }
  if (sorted && strays === 0) return count;
  const order = Uint32Array.from({ length: count }, (_, at) => at);
  const rank = (at: number): number => {
    const owner = owners[at] as number;
    return owner === -1 ? Number.MAX_SAFE_INTEGER : owner;
  };
  order.sort((a, b) => rank(a) - rank(b) || compareIds(ids[a] as bigint, ids[b] as bigint));
  permute(owners, order);
  permute(rows.stepIds.ids, order);
  permute(rows.stepTaskIds.ids, order);
  const columns = [
    rows.namedStepId,
    rows.attempts,
    rows.retryLimit,
    rows.backoffSeconds,
    rows.lastAttemptedAt,
    rows.flags,
    rows.state,
    rows.failedAt,
    rows.nextAttemptAt,
  ];
  for (const column of columns) permute(column, order);
  return count - strays;
}

function compareIds(a: bigint, b: bigint): number {
  if (a < b) return -1;
  return a > b ? 1 : 0;
}

function permute(column: Column | Int32Array | IdArray, order: Uint32Array): void {
  const copy = column.slice(0, order.length);
  for (let at = 0; at < order.length; at++) {
    column[at] = copy[order[at] as number] as never;
  }
}
