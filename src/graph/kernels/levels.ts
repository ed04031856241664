import { TASK_FLAGS, type SnapshotViews } from '../snapshot/layout.ts';
import { ALL_VISITS, pieceEnd, type Pieces } from '../snapshot/pieces.ts';
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
  const { taskSteps, taskFlags } = views;
  for (let task = firstTask; task < endTask; task++) {
    const first = taskSteps[task] as number;
    const end = taskSteps[task + 1] as number;
    if (((taskFlags[task] as number) & TASK_FLAGS.topological) !== 0) {
      forwardLevels(views, first, end, first, end);
      continue;
    }
    scratch.reserve(end - first);
    enterRoots(views, first, first, end, scratch);
    const roots = scratch.filled;
    while (reach(views, first, end, scratch, ALL_VISITS));
    const reached = scratch.filled;
    scratch.filled = roots;
    scratch.taken = 0;
    while (raise(views, first, end, scratch, ALL_VISITS));
    if (flagReachedCycle(views, task, scratch.filled, reached)) {
      dropLevels(views, first, first, end, scratch);
    }
  }
}

/** {@link resolveLevels} for one task, in pieces of about `visits` steps and edges. */
export function* levelPieces(
  views: SnapshotViews,
  task: number,
  scratch: Scratch,
  visits: number,
): Pieces<void> {
  const { taskSteps, taskFlags, parentOffsets } = views;
  const first = taskSteps[task] as number;
  const end = taskSteps[task + 1] as number;
  if (((taskFlags[task] as number) & TASK_FLAGS.topological) !== 0) {
    for (let from = first; from < end; yield) {
      const to = pieceEnd(parentOffsets, from, end, visits);
      forwardLevels(views, first, end, from, to);
      from = to;
    }
    return;
  }
  scratch.reserve(end - first);
  for (let from = first; from < end; yield) {
    const to = Math.min(from + visits, end);
    enterRoots(views, first, from, to, scratch);
    from = to;
  }
  const roots = scratch.filled;
  while (reach(views, first, end, scratch, visits)) yield;
  const reached = scratch.filled;
  scratch.filled = roots;
  scratch.taken = 0;
  while (raise(views, first, end, scratch, visits)) yield;
  if (!flagReachedCycle(views, task, scratch.filled, reached)) return;
  for (let from = first; from < end; yield) {
    const to = Math.min(from + visits, end);
    dropLevels(views, first, from, to, scratch);
    from = to;
  }
}

/** Levels of steps `from` to `to - 1` of a task in topological order, after those before them. */
function forwardLevels(
  { parentOffsets, parents, level }: SnapshotViews,
  first: number,
  end: number,
  from: number,
  to: number,
): void {
  let edge = parentOffsets[from] as number;
  for (let step = from; step < to; step++) {
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

/** Begins with steps `from` to `to - 1`: the roots among them have level 0, all others none yet. */
function enterRoots(
  { parentOffsets, level }: SnapshotViews,
  first: number,
  from: number,
  to: number,
  scratch: Scratch,
): void {
  const { remaining, order } = scratch;
  level.fill(-1, from, to);
  remaining.fill(0, from - first, to - first);
  for (let step = from; step < to; step++) {
    if (parentOffsets[step] !== parentOffsets[step + 1]) continue;
    order[scratch.filled++] = step - first;
    level[step] = 0;
  }
}

/**
 * Breadth first: which steps a root reaches, and by how many edges from reached steps. Goes on for
 * about `visits`; false once all are found.
 */
function reach(
  { childOffsets, children }: SnapshotViews,
  first: number,
  end: number,
  scratch: Scratch,
  visits: number,
): boolean {
  const { remaining, order } = scratch;
  let { filled, taken } = scratch;
  for (let left = visits; taken < filled && left > 0; taken++) {
    const step = first + (order[taken] as number);
    const from = childOffsets[step] as number;
    const last = childOffsets[step + 1] as number;
    for (let edge = from; edge < last; edge++) {
      const child = (children[edge] as number) - first;
      if (child < 0 || child >= end - first) continue;
      if (remaining[child] === 0) order[filled++] = child;
      remaining[child] = (remaining[child] as number) + 1;
    }
    left -= 1 + last - from;
  }
  scratch.filled = filled;
  scratch.taken = taken;
  return taken < filled;
}

/** Kahn over the reached steps: a child is one above its highest parent. Pieces as {@link reach}. */
function raise(
  { childOffsets, children, level }: SnapshotViews,
  first: number,
  end: number,
  scratch: Scratch,
  visits: number,
): boolean {
  const { remaining, order } = scratch;
  let { filled, taken } = scratch;
  for (let left = visits; taken < filled && left > 0; taken++) {
    const step = first + (order[taken] as number);
    const next = (level[step] as number) + 1;
    const from = childOffsets[step] as number;
    const last = childOffsets[step + 1] as number;
    for (let edge = from; edge < last; edge++) {
      const child = (children[edge] as number) - first;
      if (child < 0 || child >= end - first) continue;
      if (next > (level[first + child] as number)) level[first + child] = next;
      const open = (remaining[child] as number) - 1;
      remaining[child] = open;
      if (open === 0) order[filled++] = child;
    }
    left -= 1 + last - from;
  }
  scratch.filled = filled;
  scratch.taken = taken;
  return taken < filled;
}

/** Says in the task's flags whether a root leads into a cycle: a reached step was not taken. */
function flagReachedCycle(
  { taskFlags }: SnapshotViews,
  task: number,
  taken: number,
  reached: number,
): boolean {
  const flags = (taskFlags[task] as number) & ~TASK_FLAGS.cycleReachable;
  taskFlags[task] = taken < reached ? flags | TASK_FLAGS.cycleReachable : flags;
  return taken < reached;
}

/** Takes their level from those of steps `from` to `to - 1` that were reached but not taken. */
function dropLevels(
  { level }: SnapshotViews,
  first: number,
  from: number,
  to: number,
  { remaining }: Scratch,
): void {
  for (let step = from; step < to; step++) {
    if ((remaining[step - first] as number) > 0) level[step] = -1;
  }
}
