import { allocateSnapshot, STEP_FLAGS, TASK_FLAGS, type SnapshotViews } from './layout.ts';
import type { StagedRows } from './staged-rows.ts';

/**
 * Cuts the snapshot of tasks `firstTask` to `endTask - 1` out of staged rows: parents and children
 * in compressed sparse rows, foreign parents as ghosts behind the steps. `indexSteps` and
 * `indexEdges` come first. O(steps + edges) of these tasks.
 */
export function buildSnapshot(rows: StagedRows, firstTask: number, endTask: number): SnapshotViews {
  const first = rows.taskSteps[firstTask] as number;
  const end = rows.taskSteps[endTask] as number;
  const firstEdge = rows.parentOffsets[first] as number;
  const endEdge = rows.parentOffsets[end] as number;
  const ghosts = findGhosts(rows, first, end, firstEdge, endEdge);
  const views = allocateSnapshot({
    tasks: endTask - firstTask,
    steps: end - first,
    ghosts: ghosts.length,
    edges: endEdge - firstEdge,
    timed: countTimed(rows, first, end),
  });
  copyTasks(rows, views, firstTask, endTask);
  copySteps(rows, views, first, end);
  copyGhosts(rows, views, ghosts);
  copyEdges(rows, views, first, end, ghosts);
  fillTimed(rows, views, first, end);
  fillChildren(views);
  flagTopological(views);
  return views;
}

/** Staged positions of the parents outside of the range, ascending. */
function findGhosts(
  rows: StagedRows,
  first: number,
  end: number,
  firstEdge: number,
  endEdge: number,
): number[] {
  const outside = new Set<number>();
  for (let edge = firstEdge; edge < endEdge; edge++) {
    const parent = rows.parents[edge] as number;
    if (parent < first || parent >= end) outside.add(parent);
  }
  return [...outside].toSorted((a, b) => a - b);
}

function isTimed(rows: StagedRows, step: number): boolean {
  const explicit =
    ((rows.flags[step] as number) & STEP_FLAGS.backoffNull) === 0 &&
    !Number.isNaN(rows.lastAttemptedAt[step]);
  return explicit || !Number.isNaN(rows.failedAt[step]) || !Number.isNaN(rows.nextAttemptAt[step]);
}

function countTimed(rows: StagedRows, first: number, end: number): number {
  let timed = 0;
  for (let step = first; step < end; step++) if (isTimed(rows, step)) timed++;
  return timed;
}

function fillTimed(rows: StagedRows, views: SnapshotViews, first: number, end: number): void {
  let at = 0;
  for (let step = first; step < end; step++) {
    if (!isTimed(rows, step)) continue;
    views.timedStep[at] = step - first;
    views.failedAt[at] = rows.failedAt[step] as number;
    views.nextAttemptAt[at] = rows.nextAttemptAt[step] as number;
    at++;
  }
}

function copyTasks(
  rows: StagedRows,
  views: SnapshotViews,
  firstTask: number,
  endTask: number,
): void {
  const start = rows.taskSteps[firstTask] as number;
  for (let task = firstTask; task <= endTask; task++) {
    views.taskSteps[task - firstTask] = (rows.taskSteps[task] as number) - start;
  }
  views.taskId.set(rows.taskIds.ids.subarray(firstTask, endTask));
  views.namedTaskId.set(rows.namedTaskId.subarray(firstTask, endTask));
  views.taskState.set(rows.taskState.subarray(firstTask, endTask));
  views.taskFlags.set(rows.taskFlags.subarray(firstTask, endTask));
}

function copySteps(rows: StagedRows, views: SnapshotViews, first: number, end: number): void {
  views.stepId.set(rows.stepIds.ids.subarray(first, end));
  views.namedStepId.set(rows.namedStepId.subarray(first, end));
  views.attempts.set(rows.attempts.subarray(first, end));
  views.retryLimit.set(rows.retryLimit.subarray(first, end));
  views.backoffSeconds.set(rows.backoffSeconds.subarray(first, end));
  views.lastAttemptedAt.set(rows.lastAttemptedAt.subarray(first, end));
  views.flags.set(rows.flags.subarray(first, end));
  views.state.set(rows.state.subarray(first, end));
}

function copyGhosts(rows: StagedRows, views: SnapshotViews, ghosts: readonly number[]): void {
  for (const [ghost, step] of ghosts.entries()) {
    const node = views.counts.steps + ghost;
    views.stepId[node] = rows.stepIds.ids[step] as bigint;
    views.attempts[node] = rows.attempts[step] as number;
    views.retryLimit[node] = rows.retryLimit[step] as number;
    views.flags[node] = rows.flags[step] as number;
    views.state[node] = rows.state[step] as number;
    views.ghostTaskId[ghost] = rows.stepTaskIds.ids[step] as bigint;
  }
}

function copyEdges(
  rows: StagedRows,
  views: SnapshotViews,
  first: number,
  end: number,
  ghosts: readonly number[],
): void {
  const { parentOffsets, parents } = views;
  const firstEdge = rows.parentOffsets[first] as number;
  for (let step = first; step <= end; step++) {
    parentOffsets[step - first] = (rows.parentOffsets[step] as number) - firstEdge;
  }
  if (ghosts.length === 0) {
    for (let edge = 0; edge < parents.length; edge++) {
      parents[edge] = (rows.parents[firstEdge + edge] as number) - first;
    }
    return;
  }
  const ghostNode = new Map(ghosts.map((step, ghost) => [step, end - first + ghost]));
  for (let edge = 0; edge < parents.length; edge++) {
    const parent = rows.parents[firstEdge + edge] as number;
    parents[edge] = ghostNode.get(parent) ?? parent - first;
  }
}

/** Transposes the parents into the children; a counting sort, stable in the child. */
function fillChildren(views: SnapshotViews): void {
  const { parentOffsets, parents, childOffsets, children } = views;
  const { steps } = views.counts;
  for (let edge = 0; edge < parents.length; edge++) {
    const slot = (parents[edge] as number) + 1;
    childOffsets[slot] = (childOffsets[slot] as number) + 1;
  }
  for (let node = 1; node < childOffsets.length; node++) {
    childOffsets[node] = (childOffsets[node] as number) + (childOffsets[node - 1] as number);
  }
  const fill = new Uint32Array(childOffsets.length);
  fill.set(childOffsets);
  for (let step = 0; step < steps; step++) {
    const last = parentOffsets[step + 1] as number;
    for (let edge = parentOffsets[step] as number; edge < last; edge++) {
      const parent = parents[edge] as number;
      const slot = fill[parent] as number;
      children[slot] = step;
      fill[parent] = slot + 1;
    }
  }
}

/** Flags the tasks whose local edges all lead from smaller to greater numbers. */
function flagTopological(views: SnapshotViews): void {
  const { taskSteps, taskFlags, parentOffsets, parents, counts } = views;
  for (let task = 0; task < counts.tasks; task++) {
    const end = taskSteps[task + 1] as number;
    let ordered = true;
    for (let step = taskSteps[task] as number; step < end && ordered; step++) {
      const last = parentOffsets[step + 1] as number;
      for (let edge = parentOffsets[step] as number; edge < last; edge++) {
        const parent = parents[edge] as number;
        if (parent >= step && parent < end) {
          ordered = false;
          break;
        }
      }
    }
    if (ordered) taskFlags[task] = (taskFlags[task] as number) | TASK_FLAGS.topological;
  }
}
