import type { SnapshotViews } from './layout.ts';

/** Reusable room for the kernels that need an order; grows to the largest task seen. */
export class Scratch {
  /** Remaining parents of each step of the task. */
  remaining = new Int32Array(0);
  /** Steps of the task in topological order. */
  order = new Int32Array(0);
  /** One mark for each step of the task. */
  mark = new Uint8Array(0);

  /** Makes room for a task of `steps` steps; contents are undefined afterwards. */
  reserve(steps: number): void {
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
  const { taskSteps, parentOffsets, parents, childOffsets, children } = views;
  const first = taskSteps[task] as number;
  const end = taskSteps[task + 1] as number;
  scratch.reserve(end - first);
  const { remaining, order } = scratch;
  let filled = 0;
  for (let step = first; step < end; step++) {
    let local = 0;
    const last = parentOffsets[step + 1] as number;
    for (let edge = parentOffsets[step] as number; edge < last; edge++) {
      const parent = parents[edge] as number;
      if (parent >= first && parent < end) local++;
    }
    remaining[step - first] = local;
    if (local === 0) order[filled++] = step - first;
  }
  for (let at = 0; at < filled; at++) {
    const step = first + (order[at] as number);
    const last = childOffsets[step + 1] as number;
    for (let edge = childOffsets[step] as number; edge < last; edge++) {
      const child = children[edge] as number;
      if (child < first || child >= end) continue;
      const left = (remaining[child - first] as number) - 1;
      remaining[child - first] = left;
      if (left === 0) order[filled++] = child - first;
    }
  }
  return filled;
}
