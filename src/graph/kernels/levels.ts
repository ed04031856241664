import { TASK_FLAGS, type SnapshotViews } from '../snapshot/layout.ts';
import type { Scratch } from '../snapshot/topological-order.ts';

/**
 * Dependency levels of tasks `firstTask` to `endTask - 1`: the longest path, in edges, from a step
 * without any parent along edges inside the task; -1 where no such path leads to the step, or where
 * it leads through a cycle. An unreached parent does not hold its child back.
 *
 * Writes `level`, and `taskFlags.cycleReachable` where a root leads into a cycle. One forward pass
 * where ids are in topological order, else Kahn over the reached steps; O(steps + edges) either
 * way. Source: contract readiness §6.
 */
export function resolveLevels(
  views: SnapshotViews,
  firstTask: number,
  endTask: number,
  scratch: Scratch,
): void {
  const { taskFlags } = views;
  for (let task = firstTask; task < endTask; task++) {
    if (((taskFlags[task] as number) & TASK_FLAGS.topological) !== 0) forwardLevels(views, task);
    else kahnLevels(views, task, scratch);
  }
}

function forwardLevels(views: SnapshotViews, task: number): void {
  const { taskSteps, parentOffsets, parents, level } = views;
  const first = taskSteps[task] as number;
  const end = taskSteps[task + 1] as number;
  let edge = parentOffsets[first] as number;
  for (let step = first; step < end; step++) {
    const last = parentOffsets[step + 1] as number;
    if (edge === last) {
      level[step] = 0;
      continue;
    }
    let longest = -1;
    for (; edge < last; edge++) {
      const parent = parents[edge] as number;
      if (parent < first || parent >= end) continue;
      const through = level[parent] as number;
      if (through >= 0 && through >= longest) longest = through + 1;
    }
    level[step] = longest;
  }
}

function kahnLevels(views: SnapshotViews, task: number, scratch: Scratch): void {
  const { taskSteps, taskFlags, parentOffsets, childOffsets, children, level } = views;
  const first = taskSteps[task] as number;
  const end = taskSteps[task + 1] as number;
  scratch.reserve(end - first);
  const { remaining, order } = scratch;
  level.fill(-1, first, end);
  remaining.fill(0, 0, end - first);
  let reached = 0;
  let roots = 0;
  for (let step = first; step < end; step++) {
    if (parentOffsets[step] !== parentOffsets[step + 1]) continue;
    order[reached++] = step - first;
    level[step] = 0;
  }
  roots = reached;
  // breadth first: which steps a root reaches, and by how many edges from reached steps
  for (let at = 0; at < reached; at++) {
    const step = first + (order[at] as number);
    const last = childOffsets[step + 1] as number;
    for (let edge = childOffsets[step] as number; edge < last; edge++) {
      const child = (children[edge] as number) - first;
      if (child < 0 || child >= end - first) continue;
      if (remaining[child] === 0) order[reached++] = child;
      remaining[child] = (remaining[child] as number) + 1;
    }
  }
  let taken = roots;
  for (let at = 0; at < taken; at++) {
    const step = first + (order[at] as number);
    const next = (level[step] as number) + 1;
    const last = childOffsets[step + 1] as number;
    for (let edge = childOffsets[step] as number; edge < last; edge++) {
      const child = (children[edge] as number) - first;
      if (child < 0 || child >= end - first) continue;
      if (next > (level[first + child] as number)) level[first + child] = next;
      const left = (remaining[child] as number) - 1;
      remaining[child] = left;
      if (left === 0) order[taken++] = child;
    }
  }
  const flags = (taskFlags[task] as number) & ~TASK_FLAGS.cycleReachable;
  taskFlags[task] = taken < reached ? flags | TASK_FLAGS.cycleReachable : flags;
  if (taken === reached) return;
  for (let step = first; step < end; step++) {
    if ((remaining[step - first] as number) > 0) level[step] = -1;
  }
}
