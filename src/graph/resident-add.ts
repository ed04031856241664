import { STEP_FLAGS, TASK_FLAGS, type SnapshotViews } from './layout.ts';
import { firstTimed } from './readiness.ts';
import { counterOf, mayRunAtAll } from './resident-change.ts';
import type { ResidentData } from './resident-data.ts';
import { adoptGhost, linkForeign } from './resident-ghosts.ts';
import { ownRowBits } from './resident-row.ts';
import { settle, spreadDeadEnd } from './resident-settle.ts';
import { SHAPE } from './resident-shapes.ts';
import { MAX_PARENTS, ONE_PARENT, RESIDENT_TASK, TASK, TASK_BITS, WORD } from './resident-words.ts';
import { STATE_CODES } from './state-codes.ts';

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

/**
 * Adds one task of a snapshot with its rows and edges; parents in other tasks become links to
 * resident steps or to ghosts. O(steps + edges), expected.
 *
 * @returns the task's number, or why nothing was added
 */
export function addTask(
  data: ResidentData,
  views: SnapshotViews,
  task: number,
  priority: number,
): number | AddRefusal {
  const first = views.taskSteps[task] as number;
  const end = views.taskSteps[task + 1] as number;
  const refusal = refusalOf(data, views, task, first, end);
  if (refusal !== undefined) return refusal;
  const steps = end - first;
  const { offsets, children } = localChildren(views, first, end);
  const shape = data.shapes.enter(offsets, children);
  if (shape === -1) return 'full';
  const start = steps === 0 ? 0 : data.slots.allocate(steps);
  const record = data.allocateTask();
  data.taskId[record] = views.taskId[task] as bigint;
  data.taskIndex.add(record);
  const at = record << TASK_BITS;
  data.tasks[at + TASK.first] = start;
  data.tasks[at + TASK.steps] = steps;
  data.tasks[at + TASK.shape] = shape;
  data.tasks[at + TASK.foreignEdges] = -1;
  const cyclic = data.shapes.field(shape, SHAPE.cyclic) === 1;
  data.tasks[at + TASK.flags] = cyclic ? RESIDENT_TASK.cyclic : 0;
  const ranks = data.shapes.field(shape, SHAPE.greatestRank) + 1;
  data.tasks[at + TASK.priorityClass] = data.ready.enter(priority, ranks);
  copyRows(data, views, first, end, start, record);
  countParents(data, views, first, end, record);
  const ghosts = indexSteps(data, start, steps);
  linkParents(data, views, first, end, start, record);
  for (const [ghost, slot] of ghosts) adoptGhost(data, ghost, slot);
  spreadOwnDeaths(data, start, steps);
  for (let slot = start; slot < start + steps; slot++) settle(data, slot);
  return record;
}

function refusalOf(
  data: ResidentData,
  views: SnapshotViews,
  task: number,
  first: number,
  end: number,
): AddRefusal | undefined {
  if (((views.taskFlags[task] as number) & TASK_FLAGS.refused) !== 0) return 'bad-rows';
  const taskWords = wordsOf(views.taskId);
  if (
    data.taskIndex.find(taskWords[task * 2] as number, taskWords[task * 2 + 1] as number) !== -1
  ) {
    return 'task-present';
  }
  const words = wordsOf(views.stepId);
  let foreign = 0;
  for (let step = first; step < end; step++) {
    if (step > first && !risesTo(words, step)) return 'bad-rows';
    const slot = data.stepIndex.find(words[step * 2] as number, words[step * 2 + 1] as number);
    if (slot !== -1 && !data.isGhost(slot)) return 'step-present';
    const last = views.parentOffsets[step + 1] as number;
    const from = views.parentOffsets[step] as number;
    if (last - from > MAX_PARENTS) return 'too-many-parents';
    for (let edge = from; edge < last; edge++) {
      const parent = views.parents[edge] as number;
      if (parent < first || parent >= end) foreign++;
    }
  }
  return data.reserveSlots(end - first, foreign) ? undefined : 'full';
}

/** True where the id of `step` is greater than the one before it. */
function risesTo(words: Uint32Array, step: number): boolean {
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
  data: ResidentData,
  views: SnapshotViews,
  first: number,
  end: number,
  start: number,
  record: number,
): void {
  data.state.set(views.state.subarray(first, end), start);
  data.flags.set(views.flags.subarray(first, end), start);
  data.attempts.set(views.attempts.subarray(first, end), start);
  data.retryLimit.set(views.retryLimit.subarray(first, end), start);
  data.stepId.set(views.stepId.subarray(first, end), start);
  const stop = start + end - first;
  data.blocked.fill(0, start, stop);
  data.taskOf.fill(record, start, stop);
  data.foreignEdges.fill(-1, start, stop);
  data.failedAt.fill(NaN, start, stop);
  data.nextAttemptAt.fill(NaN, start, stop);
  for (let step = first; step < end; step++) {
    const explicit = ((views.flags[step] as number) & STEP_FLAGS.backoffNull) === 0;
    const seconds = views.backoffSeconds[step] as number;
    data.explicitUntil[start + step - first] = explicit
      ? (views.lastAttemptedAt[step] as number) + seconds * 1_000_000
      : NaN;
  }
  for (let at = firstTimed(views, first); at < views.timedStep.length; at++) {
    const step = views.timedStep[at] as number;
    if (step >= end) break;
    data.failedAt[start + step - first] = views.failedAt[at] as number;
    data.nextAttemptAt[start + step - first] = views.nextAttemptAt[at] as number;
  }
}

/** Writes the words: own bits, and the parents inside the task that are not done. */
function countParents(
  data: ResidentData,
  views: SnapshotViews,
  first: number,
  end: number,
  record: number,
): void {
  const at = record << TASK_BITS;
  const start = data.tasks[at + TASK.first] as number;
  for (let step = first; step < end; step++) {
    const slot = start + step - first;
    let open = 0;
    const last = views.parentOffsets[step + 1] as number;
    for (let edge = views.parentOffsets[step] as number; edge < last; edge++) {
      const parent = views.parents[edge] as number;
      if (parent < first || parent >= end) continue;
      if ((views.state[parent] as number) < STATE_CODES.complete) open++;
    }
    const bits = ownRowBits(data, slot, mayRunAtAll(data, record));
    data.words[slot] = open * ONE_PARENT + bits;
    const counter = at + counterOf(data.state[slot] as number);
    data.tasks[counter] = (data.tasks[counter] as number) + 1;
    if ((bits & WORD.exhausted) !== 0) {
      data.tasks[at + TASK.exhausted] = (data.tasks[at + TASK.exhausted] as number) + 1;
    }
  }
}

/** Makes the steps findable; returns the ghosts whose place they take, each with its slot. */
function indexSteps(data: ResidentData, start: number, steps: number): [number, number][] {
  const ghosts: [number, number][] = [];
  const words = wordsOf(data.stepId);
  for (let slot = start; slot < start + steps; slot++) {
    const found = data.stepIndex.find(words[slot * 2] as number, words[slot * 2 + 1] as number);
    if (found === -1) data.stepIndex.add(slot);
    else {
      data.stepIndex.move(found, slot);
      ghosts.push([found, slot]);
    }
  }
  return ghosts;
}

function linkParents(
  data: ResidentData,
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
      linkForeign(data, views, parent, start + step - first, record);
    }
  }
}

/** Steps whose own row is dead bring those behind them to a dead end. */
function spreadOwnDeaths(data: ResidentData, start: number, steps: number): void {
  for (let slot = start; slot < start + steps; slot++) {
    const word = data.words[slot] as number;
    if ((word & WORD.dead) !== 0) spreadDeadEnd(data, slot, 1);
  }
}

function wordsOf(ids: BigInt64Array<SharedArrayBuffer>): Uint32Array {
  return new Uint32Array(ids.buffer, ids.byteOffset, ids.length * 2);
}
