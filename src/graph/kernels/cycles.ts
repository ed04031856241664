import { RESULT_BITS, TASK_FLAGS, type SnapshotViews } from '../snapshot/layout.ts';
import { ALL_VISITS, finishNow, type Pieces } from '../snapshot/pieces.ts';
import { orderPieces, orderTask, type Scratch } from '../snapshot/topological-order.ts';

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
    // most tasks: nothing to order, and nothing left over from another run
    if ((flags & (TASK_FLAGS.topological | STALE)) === TASK_FLAGS.topological) continue;
    const topological = (flags & TASK_FLAGS.topological) !== 0;
    const steps = (taskSteps[task + 1] as number) - (taskSteps[task] as number);
    const cyclic = !topological && orderTask(views, task, scratch) < steps;
    flagCyclic(views, task, cyclic);
    if (cyclic) finishNow(traceCycles(views, task, scratch, cycles, ALL_VISITS));
  }
  return cycles;
}

/** {@link findCycles} for one task, in pieces of about `visits` steps and edges. */
export function* cyclePieces(
  views: SnapshotViews,
  task: number,
  scratch: Scratch,
  visits: number,
): Pieces<Cycle[]> {
  const { taskSteps, taskFlags } = views;
  const cycles: Cycle[] = [];
  const topological = ((taskFlags[task] as number) & TASK_FLAGS.topological) !== 0;
  const steps = (taskSteps[task + 1] as number) - (taskSteps[task] as number);
  const cyclic = !topological && (yield* orderPieces(views, task, scratch, visits)) < steps;
  flagCyclic(views, task, cyclic);
  if (cyclic) yield* traceCycles(views, task, scratch, cycles, visits);
  return cycles;
}

function flagCyclic({ taskFlags }: SnapshotViews, task: number, cyclic: boolean): void {
  const flags = taskFlags[task] as number;
  if (cyclic) taskFlags[task] = flags | TASK_FLAGS.cyclic;
  // what another program left in the buffer, or an earlier run over other rows
  else if ((flags & STALE) !== 0) taskFlags[task] = flags & ~STALE;
}

/** Walks from each step that Kahn left over to a left-over parent until the walk meets itself. */
function* traceCycles(
  views: SnapshotViews,
  task: number,
  scratch: Scratch,
  into: Cycle[],
  visits: number,
): Pieces<void> {
  const { taskSteps, parentOffsets, bits } = views;
  const first = taskSteps[task] as number;
  const end = taskSteps[task + 1] as number;
  // the order is not needed any more: its room takes the walk
  const { remaining, mark, order: walk } = scratch;
  const onWalk = 1;
  const settled = 2;
  let left = visits;
  mark.fill(0, 0, end - first);
  for (let start = first; start < end; start++) {
    if (--left < 0) {
      yield;
      left = visits;
    }
    if ((remaining[start - first] as number) === 0 || mark[start - first] !== 0) continue;
    let walked = 0;
    let step = start;
    while (mark[step - first] === 0) {
      mark[step - first] = onWalk;
      walk[walked++] = step;
      left -= 1 + (parentOffsets[step + 1] as number) - (parentOffsets[step] as number);
      step = leftOverParent(views, step, first, end, remaining);
      if (left < 0) {
        yield;
        left = visits;
      }
    }
    // back along the walk is along the edges; what lies before the circle is not part of it
    let path: number[] | undefined;
    let filled = 0;
    if (mark[step - first] === onWalk) {
      path = pathOf(walked - walk.lastIndexOf(step, walked - 1));
      into.push({ task, path });
    }
    while (walked > 0) {
      const visited = walk[--walked] as number;
      mark[visited - first] = settled;
      if (--left < 0) {
        yield;
        left = visits;
      }
      if (path === undefined) continue;
      path[filled++] = visited;
      bits[visited] = (bits[visited] as number) | RESULT_BITS.onCycle;
      if (visited === step) path = undefined;
    }
  }
}

/** From this length on, an array made at once is a hash table. */
const MOST_AT_ONCE = 2 ** 25;

/** Room for a path at once: one that grows is copied whole again and again. */
function pathOf(steps: number): number[] {
  const path: number[] = [];
  if (steps < MOST_AT_ONCE) path.length = steps;
  return path;
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
