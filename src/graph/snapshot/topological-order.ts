import type { SnapshotViews } from './layout.ts';
import { ALL_VISITS, pieceEnd, type Pieces } from './pieces.ts';

/** Reusable room for the kernels that need an order; grows to the largest task seen. */
export class Scratch {
  /** Remaining parents of each step of the task. */
  remaining = new Int32Array(0);
  /** Steps of the task in topological order. */
  order = new Int32Array(0);
  /** One mark for each step of the task. */
  mark = new Uint8Array(0);
  /** How many entries of `order` are filled, and how many of them are worked off. */
  filled = 0;
  taken = 0;

  /** Makes room for a task of `steps` steps, the order empty; other contents are undefined. */
  reserve(steps: number): void {
    this.filled = 0;
    this.taken = 0;
    if (this.remaining.length >= steps) return;
    const size = Math.max(1024, 2 ** Math.ceil(Math.log2(steps)));
    this.remaining = new Int32Array(size);
    this.order = new Int32Array(size);
    this.mark = new Uint8Array(size);
  }
}

/**
 * Orders the steps of one task along its local edges (Kahn, 1962).
 *
 * `scratch.order` holds step numbers relative to the task's first; `scratch.remaining` is 0 for
 * each ordered step and positive for each step on a cycle or behind one. Edges from other tasks
 * do not count. O(steps + edges).
 *
 * @returns how many steps were ordered; fewer than the task has means that it holds a cycle
 */
export function orderTask(views: SnapshotViews, task: number, scratch: Scratch): number {
  const first = views.taskSteps[task] as number;
  const end = views.taskSteps[task + 1] as number;
  scratch.reserve(end - first);
  countLocalParents(views, first, end, first, end, scratch);
  while (takeInOrder(views, first, end, scratch, ALL_VISITS));
  return scratch.filled;
}

/** {@link orderTask} in pieces of about `visits` steps and edges; `scratch` is taken meanwhile. */
export function* orderPieces(
  views: SnapshotViews,
  task: number,
  scratch: Scratch,
  visits: number,
): Pieces<number> {
  const first = views.taskSteps[task] as number;
  const end = views.taskSteps[task + 1] as number;
  scratch.reserve(end - first);
  for (let from = first; from < end;) {
    const to = pieceEnd(views.parentOffsets, from, end, visits);
    countLocalParents(views, first, end, from, to, scratch);
    from = to;
    yield;
  }
  while (takeInOrder(views, first, end, scratch, visits)) yield;
  return scratch.filled;
}

/** Counts the parents of steps `from` to `to - 1` inside the task; those without any begin. */
function countLocalParents(
  { parentOffsets, parents }: SnapshotViews,
  first: number,
  end: number,
  from: number,
  to: number,
  scratch: Scratch,
): void {
  const { remaining, order } = scratch;
  let { filled } = scratch;
  for (let step = from; step < to; step++) {
    let local = 0;
    const last = parentOffsets[step + 1] as number;
    for (let edge = parentOffsets[step] as number; edge < last; edge++) {
      const parent = parents[edge] as number;
      if (parent >= first && parent < end) local++;
    }
    remaining[step - first] = local;
    if (local === 0) order[filled++] = step - first;
  }
  scratch.filled = filled;
}

/** Takes steps off the queue until about `visits` are used up; false once none is left. */
function takeInOrder(
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
      const child = children[edge] as number;
      if (child < first || child >= end) continue;
      const open = (remaining[child - first] as number) - 1;
      remaining[child - first] = open;
      if (open === 0) order[filled++] = child - first;
    }
    left -= 1 + last - from;
  }
  scratch.filled = filled;
  scratch.taken = taken;
  return taken < filled;
}
