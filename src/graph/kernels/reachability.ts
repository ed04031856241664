import { RESULT_BITS, TASK_FLAGS, type SnapshotViews } from '../snapshot/layout.ts';
import { pieceEnd, type Pieces } from '../snapshot/pieces.ts';
import { isDead } from '../rules/own-row.ts';
import { STATE_CODES } from '../snapshot/state-codes.ts';
import { orderPieces, orderTask, type Scratch } from '../snapshot/topological-order.ts';

/**
 * Marks the steps of tasks `firstTask` to `endTask - 1` that can never run for an ancestor's sake
 * or a cycle's (`engine` rules): the result bit `unreachable`. Comes after readiness, which marks
 * the dead ones, and after the cycles.
 *
 * A parent in another task counts by its own row alone, so that the answer does not depend on
 * which tasks share a snapshot. O(steps + edges); a task whose steps are all alive and have their
 * parents inside of it, as most are, costs two scans without a branch.
 */
export function resolveReachability(
  views: SnapshotViews,
  firstTask: number,
  endTask: number,
  scratch: Scratch,
): void {
  const { taskSteps, taskFlags } = views;
  for (let task = firstTask; task < endTask; task++) {
    const first = taskSteps[task] as number;
    const end = taskSteps[task + 1] as number;
    const flags = taskFlags[task] as number;
    const cyclic = (flags & TASK_FLAGS.cyclic) !== 0;
    if (!cyclic && !anyDead(views, first, end) && !anyForeign(views, first, end, first, end))
      continue;
    if ((flags & TASK_FLAGS.topological) !== 0) {
      for (let step = first; step < end; step++) markStep(views, step, first, end);
      continue;
    }
    const ordered = orderTask(views, task, scratch);
    for (let at = 0; at < ordered; at++) {
      markStep(views, first + (scratch.order[at] as number), first, end);
    }
    if (ordered < end - first) setApart(views, first, first, end, scratch);
  }
}

/** {@link resolveReachability} for one task, in pieces of about `visits` steps and edges. */
export function* reachabilityPieces(
  views: SnapshotViews,
  task: number,
  scratch: Scratch,
  visits: number,
): Pieces<void> {
  const { taskSteps, taskFlags, parentOffsets } = views;
  const first = taskSteps[task] as number;
  const end = taskSteps[task + 1] as number;
  const flags = taskFlags[task] as number;
  let concerned = (flags & TASK_FLAGS.cyclic) !== 0;
  for (let from = first; from < end && !concerned; yield) {
    const to = pieceEnd(parentOffsets, from, end, visits);
    concerned = anyDead(views, from, to) || anyForeign(views, first, end, from, to);
    from = to;
  }
  if (!concerned) return;
  if ((flags & TASK_FLAGS.topological) !== 0) {
    for (let from = first; from < end; yield) {
      const to = pieceEnd(parentOffsets, from, end, visits);
      for (let step = from; step < to; step++) markStep(views, step, first, end);
      from = to;
    }
    return;
  }
  const ordered = yield* orderPieces(views, task, scratch, visits);
  let left = visits;
  for (let at = 0; at < ordered; at++) {
    const step = first + (scratch.order[at] as number);
    markStep(views, step, first, end);
    left -= 1 + (parentOffsets[step + 1] as number) - (parentOffsets[step] as number);
    if (left > 0) continue;
    yield;
    left = visits;
  }
  if (ordered === end - first) return;
  for (let from = first; from < end; yield) {
    const to = Math.min(from + visits, end);
    setApart(views, first, from, to, scratch);
    from = to;
  }
}

function anyDead({ bits }: SnapshotViews, first: number, end: number): boolean {
  let all = 0;
  for (let step = first; step < end; step++) all |= bits[step] as number;
  return (all & RESULT_BITS.dead) !== 0;
}

/** True when one of steps `from` to `to - 1` has a parent in another task. */
function anyForeign(
  { parentOffsets, parents }: SnapshotViews,
  first: number,
  end: number,
  from: number,
  to: number,
): boolean {
  const last = parentOffsets[to] as number;
  let outside = 0;
  for (let edge = parentOffsets[from] as number; edge < last; edge++) {
    const parent = parents[edge] as number;
    outside |= (parent - first) | (end - 1 - parent);
  }
  // node numbers take 31 bits at most, hence a difference below zero is one in 32 bits
  return outside < 0;
}

const DEAD_END = RESULT_BITS.dead | RESULT_BITS.unreachable;

function markStep(views: SnapshotViews, step: number, first: number, end: number): void {
  const { state, bits, parentOffsets, parents } = views;
  const code = state[step] as number;
  if (code >= STATE_CODES.complete || code === STATE_CODES.in_progress) return;
  if (((bits[step] as number) & RESULT_BITS.dead) !== 0) return;
  const last = parentOffsets[step + 1] as number;
  for (let edge = parentOffsets[step] as number; edge < last; edge++) {
    const parent = parents[edge] as number;
    const local = parent >= first && parent < end;
    const blocked = local
      ? ((bits[parent] as number) & DEAD_END) !== 0
      : isDead(views, parent, 'engine');
    if (blocked) {
      bits[step] = (bits[step] as number) | RESULT_BITS.unreachable;
      return;
    }
  }
}

/**
 * A task with a cycle is set apart, here steps `from` to `to - 1` of it: none of its steps may run,
 * and what stands on the cycle or behind it is unreachable for that reason alone.
 */
function setApart(
  { state, bits }: SnapshotViews,
  first: number,
  from: number,
  to: number,
  { remaining }: Scratch,
): void {
  for (let step = from; step < to; step++) {
    const own = (remaining[step - first] as number) > 0 ? RESULT_BITS.dead : 0;
    const result = (bits[step] as number) & ~(RESULT_BITS.ready | RESULT_BITS.waiting | own);
    const done = (state[step] as number) >= STATE_CODES.complete;
    bits[step] = done ? result : result | RESULT_BITS.unreachable;
  }
}

/**
 * Nodes that can be reached from `starts` along the edges (`children`) or against them (`parents`),
 * the starts included, across task borders inside the snapshot.
 *
 * @returns one byte a node (`Uint8Array` of length N + G), 1 where reached; O(nodes + edges)
 */
export function reachableFrom(
  views: SnapshotViews,
  starts: Iterable<number>,
  direction: 'children' | 'parents',
): Uint8Array {
  const { steps, ghosts } = views.counts;
  const forward = direction === 'children';
  const offsets = forward ? views.childOffsets : views.parentOffsets;
  const targets = forward ? views.children : views.parents;
  const reached = new Uint8Array(steps + ghosts);
  const queue: number[] = [];
  for (const start of starts) {
    if (reached[start] === 1) continue;
    reached[start] = 1;
    queue.push(start);
  }
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    if (!forward && node >= steps) continue; // a ghost's parents are not in the snapshot
    const last = offsets[node + 1] as number;
    for (let edge = offsets[node] as number; edge < last; edge++) {
      const target = targets[edge] as number;
      if (reached[target] === 1) continue;
      reached[target] = 1;
      queue.push(target);
    }
  }
  return reached;
}
