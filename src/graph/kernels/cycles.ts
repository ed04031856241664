import { RESULT_BITS, TASK_FLAGS, type SnapshotViews } from '../snapshot/layout.ts';
import { orderTask, type Scratch } from '../snapshot/topological-order.ts';

const STALE = TASK_FLAGS.cyclic | TASK_FLAGS.cycleReachable;

/** A circle of steps inside one task. */
export interface Cycle {
  /** Number of the task in the snapshot. */
  readonly task: number;
  /** Step numbers along the edges; an edge leads from the last to the first. */
  readonly path: number[];
}

/**
 * Finds the cycles of tasks `firstTask` to `endTask - 1`: at least one for each task that has any,
 * and one for each group of steps that hang on different circles.
 *
 * Sets `taskFlags.cyclic` and the result bit `onCycle` of the steps on the paths. Tasks flagged
 * topological cost nothing; the others O(steps + edges). Edges between tasks are not followed.
 */
export function findCycles(
  views: SnapshotViews,
  firstTask: number,
  endTask: number,
  scratch: Scratch,
): Cycle[] {
  const { taskSteps, taskFlags } = views;
  const cycles: Cycle[] = [];
  for (let task = firstTask; task < endTask; task++) {
    const flags = taskFlags[task] as number;
    const topological = (flags & TASK_FLAGS.topological) !== 0;
    const steps = (taskSteps[task + 1] as number) - (taskSteps[task] as number);
    if (topological || orderTask(views, task, scratch) === steps) {
      // what another program left in the buffer, or an earlier run over other rows
      if ((flags & STALE) !== 0) taskFlags[task] = flags & ~STALE;
      continue;
    }
    taskFlags[task] = flags | TASK_FLAGS.cyclic;
    traceCycles(views, task, scratch, cycles);
  }
  return cycles;
}

/** Walks from each step that Kahn left over to a left-over parent until the walk meets itself. */
function traceCycles(views: SnapshotViews, task: number, scratch: Scratch, into: Cycle[]): void {
  const first = views.taskSteps[task] as number;
  const end = views.taskSteps[task + 1] as number;
  const { remaining, mark } = scratch;
  const onWalk = 1;
  const settled = 2;
  mark.fill(0, 0, end - first);
  for (let start = first; start < end; start++) {
    if ((remaining[start - first] as number) === 0 || mark[start - first] !== 0) continue;
    const walk: number[] = [];
    let step = start;
    while (mark[step - first] === 0) {
      mark[step - first] = onWalk;
      walk.push(step);
      step = leftOverParent(views, step, first, end, remaining);
    }
    if (mark[step - first] === onWalk) {
      const path = walk.slice(walk.indexOf(step)).toReversed();
      for (const member of path)
        views.bits[member] = (views.bits[member] as number) | RESULT_BITS.onCycle;
      into.push({ task, path });
    }
    for (const visited of walk) mark[visited - first] = settled;
  }
}

/** A left-over step always has a left-over parent, or Kahn would have taken it. */
function leftOverParent(
  views: SnapshotViews,
  step: number,
  first: number,
  end: number,
  remaining: Int32Array,
): number {
  const last = views.parentOffsets[step + 1] as number;
  for (let edge = views.parentOffsets[step] as number; edge < last; edge++) {
    const parent = views.parents[edge] as number;
    if (parent >= first && parent < end && (remaining[parent - first] as number) > 0) return parent;
  }
  return step;
}
