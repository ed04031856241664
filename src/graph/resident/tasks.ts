import { STEP_FLAGS, TASK_FLAGS, type SnapshotViews } from '../snapshot/layout.ts';
import { firstTimed } from '../kernels/readiness.ts';
import { STATE_CODES } from '../snapshot/state-codes.ts';
import { counterOf, ownBits, settle, spreadDeadEnd, unlist } from './settle.ts';
import { adoptGhost, clearOwn, leaveGhost, linkForeign, unlinkForeign } from './ghosts.ts';
import { SHAPE } from './shapes.ts';
import {
  type ResidentStore,
  MAX_PARENTS,
  ONE_PARENT,
  RESIDENT_TASK,
  TASK,
  TASK_BITS,
  WORD,
} from './store.ts';

/** Why a task was not added. */
export type AddRefusal =
  /** The snapshot refuses the task for its rows, or its steps are not in the order of their ids. */
  | 'bad-rows'
  /** A task of this id is resident. */
  | 'task-present'
  /** A step of this id belongs to another resident task. */
  | 'step-present'
  /** A step has more parents than a resident step can have. */
  | 'too-many-parents'
  /** The limits of steps or edges are reached. */
  | 'full';

/** How a task is run, whatever its rows say; checked. */
export interface Placing {
  readonly priority: number;
  readonly lane: number;
  /** µs since the epoch, NaN for none. */
  readonly startAt: number;
  readonly held: boolean;
}

/**
 * Adds one task of a snapshot with its rows and edges; parents in other tasks become links to
 * resident steps or to ghosts. O(steps + edges), expected.
 *
 * @returns the task's number, or why nothing was added
 */
export function addTask(
  store: ResidentStore,
  views: SnapshotViews,
  task: number,
  placing: Placing,
): number | AddRefusal {
  const first = views.taskSteps[task] as number;
  const end = views.taskSteps[task + 1] as number;
  const refusal = refusalOf(store, views, task, first, end);
  if (refusal !== undefined) return refusal;
  const steps = end - first;
  const { offsets, children } = localChildren(views, first, end);
  const shape = store.shapes.enter(offsets, children);
  if (shape === -1) return 'full';
  const start = steps === 0 ? 0 : store.slots.allocate(steps);
  const record = newRecord(store, views.taskId[task] as bigint, shape, placing);
  const at = record << TASK_BITS;
  store.tasks[at + TASK.first] = start;
  store.tasks[at + TASK.steps] = steps;
  copyRows(store, views, first, end, start, record);
  countParents(store, views, first, end, record);
  const ghosts = indexSteps(store, start, steps);
  linkParents(store, views, first, end, start, record);
  for (const [ghost, slot] of ghosts) adoptGhost(store, ghost, slot);
  spreadOwnDeaths(store, start, steps);
  for (let slot = start; slot < start + steps; slot++) settle(store, slot);
  return record;
}

/** The record of a new task of a shape, findable, with room reserved before; its steps are to follow. */
export function newRecord(
  store: ResidentStore,
  taskId: bigint,
  shape: number,
  { priority, lane, startAt, held }: Placing,
): number {
  const record = store.allocateTask();
  store.taskId[record] = taskId;
  store.taskIndex.add(record);
  store.startAt[record] = startAt;
  const at = record << TASK_BITS;
  store.tasks[at + TASK.shape] = shape;
  let flags = store.tasks[at + TASK.flags] as number;
  if (store.shapes.field(shape, SHAPE.cyclic) === 1) flags |= RESIDENT_TASK.cyclic;
  if (held) flags |= RESIDENT_TASK.held;
  if (!Number.isNaN(startAt)) flags |= RESIDENT_TASK.starts;
  store.tasks[at + TASK.flags] = flags;
  const ranks = store.shapes.field(shape, SHAPE.greatestRank) + 1;
  store.tasks[at + TASK.priorityClass] = store.ready.enter(lane, priority, ranks);
  return record;
}

function refusalOf(
  store: ResidentStore,
  views: SnapshotViews,
  task: number,
  first: number,
  end: number,
): AddRefusal | undefined {
  if (((views.taskFlags[task] as number) & TASK_FLAGS.refused) !== 0) return 'bad-rows';
  const taskWords = wordsOf(views.taskId);
  if (
    store.taskIndex.find(taskWords[task * 2] as number, taskWords[task * 2 + 1] as number) !== -1
  ) {
    return 'task-present';
  }
  const words = wordsOf(views.stepId);
  let foreign = 0;
  for (let step = first; step < end; step++) {
    if (step > first && !risesTo(words, step)) return 'bad-rows';
    const slot = store.stepIndex.find(words[step * 2] as number, words[step * 2 + 1] as number);
    if (slot !== -1 && !store.isGhost(slot)) return 'step-present';
    const last = views.parentOffsets[step + 1] as number;
    const from = views.parentOffsets[step] as number;
    if (last - from > MAX_PARENTS) return 'too-many-parents';
    for (let edge = from; edge < last; edge++) {
      const parent = views.parents[edge] as number;
      if (parent < first || parent >= end) foreign++;
    }
  }
  return store.reserve(1, end - first, foreign) ? undefined : 'full';
}

/** True where the id of `step` is greater than the one before it. */
export function risesTo(words: Uint32Array, step: number): boolean {
  const high = (words[step * 2 + 1] as number) | 0;
  const before = (words[step * 2 - 1] as number) | 0;
  if (high !== before) return high > before;
  return (words[step * 2] as number) > (words[step * 2 - 2] as number);
}

/** Children inside the task, by position. */
function localChildren(
  views: SnapshotViews,
  first: number,
  end: number,
): { offsets: Uint32Array; children: Uint32Array } {
  const offsets = new Uint32Array(end - first + 1);
  const from = views.childOffsets[first] as number;
  const children = new Uint32Array((views.childOffsets[end] as number) - from);
  let filled = 0;
  for (let step = first; step < end; step++) {
    const last = views.childOffsets[step + 1] as number;
    for (let edge = views.childOffsets[step] as number; edge < last; edge++) {
      const child = views.children[edge] as number;
      if (child >= first && child < end) children[filled++] = child - first;
    }
    offsets[step - first + 1] = filled;
  }
  return { offsets, children: children.subarray(0, filled) };
}

function copyRows(
  store: ResidentStore,
  views: SnapshotViews,
  first: number,
  end: number,
  start: number,
  record: number,
): void {
  store.state.set(views.state.subarray(first, end), start);
  store.flags.set(views.flags.subarray(first, end), start);
  store.attempts.set(views.attempts.subarray(first, end), start);
  store.retryLimit.set(views.retryLimit.subarray(first, end), start);
  store.stepId.set(views.stepId.subarray(first, end), start);
  clearOwn(store, start, end - first);
  const stop = start + end - first;
  store.blocked.fill(0, start, stop);
  store.taskOf.fill(record, start, stop);
  store.foreignEdges.fill(-1, start, stop);
  store.failedAt.fill(NaN, start, stop);
  store.nextAttemptAt.fill(NaN, start, stop);
  for (let step = first; step < end; step++) {
    const explicit = ((views.flags[step] as number) & STEP_FLAGS.backoffNull) === 0;
    const seconds = views.backoffSeconds[step] as number;
    store.explicitUntil[start + step - first] = explicit
      ? (views.lastAttemptedAt[step] as number) + seconds * 1_000_000
      : NaN;
  }
  for (let at = firstTimed(views, first); at < views.timedStep.length; at++) {
    const step = views.timedStep[at] as number;
    if (step >= end) break;
    store.failedAt[start + step - first] = views.failedAt[at] as number;
    store.nextAttemptAt[start + step - first] = views.nextAttemptAt[at] as number;
  }
}

/** Writes the words: own bits, and the parents inside the task that are not done. */
function countParents(
  store: ResidentStore,
  views: SnapshotViews,
  first: number,
  end: number,
  record: number,
): void {
  const at = record << TASK_BITS;
  const start = store.tasks[at + TASK.first] as number;
  for (let step = first; step < end; step++) {
    const slot = start + step - first;
    let open = 0;
    const last = views.parentOffsets[step + 1] as number;
    for (let edge = views.parentOffsets[step] as number; edge < last; edge++) {
      const parent = views.parents[edge] as number;
      if (parent < first || parent >= end) continue;
      if ((views.state[parent] as number) < STATE_CODES.complete) open++;
    }
    const bits = ownBits(store, slot);
    store.words[slot] = open * ONE_PARENT + bits;
    const counter = at + counterOf(store.state[slot] as number);
    store.tasks[counter] = (store.tasks[counter] as number) + 1;
    if ((bits & WORD.exhausted) !== 0) {
      store.tasks[at + TASK.exhausted] = (store.tasks[at + TASK.exhausted] as number) + 1;
    }
  }
}

/** Makes the steps findable; returns the ghosts whose place they take, each with its slot. */
function indexSteps(store: ResidentStore, start: number, steps: number): [number, number][] {
  const ghosts: [number, number][] = [];
  const words = wordsOf(store.stepId);
  for (let slot = start; slot < start + steps; slot++) {
    const found = store.stepIndex.find(words[slot * 2] as number, words[slot * 2 + 1] as number);
    if (found === -1) store.stepIndex.add(slot);
    else {
      store.stepIndex.move(found, slot);
      ghosts.push([found, slot]);
    }
  }
  return ghosts;
}

function linkParents(
  store: ResidentStore,
  views: SnapshotViews,
  first: number,
  end: number,
  start: number,
  record: number,
): void {
  for (let step = first; step < end; step++) {
    const last = views.parentOffsets[step + 1] as number;
    for (let edge = views.parentOffsets[step] as number; edge < last; edge++) {
      const parent = views.parents[edge] as number;
      if (parent >= first && parent < end) continue;
      linkForeign(store, views, parent, start + step - first, record);
    }
  }
}

/** Steps whose own row is dead bring those behind them to a dead end. */
function spreadOwnDeaths(store: ResidentStore, start: number, steps: number): void {
  for (let slot = start; slot < start + steps; slot++) {
    const word = store.words[slot] as number;
    if ((word & WORD.dead) !== 0) spreadDeadEnd(store, slot, 1);
  }
}

function wordsOf(ids: BigInt64Array<SharedArrayBuffer>): Uint32Array {
  return new Uint32Array(ids.buffer, ids.byteOffset, ids.length * 2);
}

/**
 * Takes a task out of the graph. Steps that other resident tasks depend on stay behind as ghosts
 * with the row they had. O(steps), expected.
 */
export function removeTask(store: ResidentStore, task: number): void {
  const at = task << TASK_BITS;
  const first = store.tasks[at + TASK.first] as number;
  const steps = store.tasks[at + TASK.steps] as number;
  unlinkForeign(store, task);
  let kept = first; // what follows the last ghost is still to be released
  for (let slot = first; slot < first + steps; slot++) {
    const word = store.words[slot] as number;
    if ((word & (WORD.ready | WORD.waiting)) !== 0) unlist(store, slot);
    if ((word & WORD.foreign) === 0) {
      store.stepIndex.delete(slot);
      continue;
    }
    leaveGhost(store, slot);
    if (slot > kept) store.slots.release(kept, slot - kept);
    kept = slot + 1;
  }
  if (first + steps > kept) store.slots.release(kept, first + steps - kept);
  store.taskIndex.delete(task);
  store.ready.leave(store.tasks[at + TASK.priorityClass] as number);
  store.shapes.leave(store.tasks[at + TASK.shape] as number);
  store.tasks.fill(0, at, at + (1 << TASK_BITS));
  store.unusedTasks.push(task);
  store.taskCount--;
}
