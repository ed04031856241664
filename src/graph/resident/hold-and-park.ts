import { dequeue, enqueue, ownBits, settle, unlist } from './settle.ts';
import { SHAPE } from './shapes.ts';
import {
  NO_TASK,
  PLACE,
  RESIDENT_TASK,
  type ResidentStore,
  TASK,
  TASK_BITS,
  WORD,
} from './store.ts';

/** Slots of a task's steps whose word, under `mask`, is `wanted`. */
function* slotsWhere(
  store: ResidentStore,
  task: number,
  mask: number,
  wanted: number,
): Generator<number> {
  const at = task << TASK_BITS;
  const first = store.tasks[at + TASK.first] as number;
  const end = first + (store.tasks[at + TASK.steps] as number);
  for (let slot = first; slot < end; slot++) {
    if (((store.words[slot] as number) & mask) === wanted) yield slot;
  }
}

const READY_PLACE = WORD.ready | PLACE.mask;

/** None of the task's steps is given out from now on; those taken already stay taken. O(steps). */
export function holdTask(store: ResidentStore, task: number): void {
  const at = task << TASK_BITS;
  const flags = store.tasks[at + TASK.flags] as number;
  if ((flags & RESIDENT_TASK.held) !== 0) return;
  store.tasks[at + TASK.flags] = flags | RESIDENT_TASK.held;
  for (const slot of slotsWhere(store, task, READY_PLACE, WORD.ready | PLACE.queued)) {
    dequeue(store, slot, store.words[slot] as number, at);
    enqueue(store, slot, at);
  }
}

/** Ends a hold: what is ready joins the queue as if it had become ready now. O(steps). */
export function resumeTask(store: ResidentStore, task: number): void {
  const at = task << TASK_BITS;
  const flags = store.tasks[at + TASK.flags] as number;
  if ((flags & RESIDENT_TASK.held) === 0) return;
  store.tasks[at + TASK.flags] = flags & ~RESIDENT_TASK.held;
  for (const slot of slotsWhere(store, task, READY_PLACE, WORD.ready | PLACE.held)) {
    dequeue(store, slot, store.words[slot] as number, at);
    enqueue(store, slot, at);
  }
}

/** Puts a ready step aside under a key; false where it is not ready. O(1), see `ReadyQueue`. */
export function park(store: ResidentStore, slot: number, key: number | string): boolean {
  const word = store.words[slot] as number;
  if ((word & WORD.ready) === 0) return false;
  let list = store.parked.get(key);
  if (list === undefined) {
    list = store.lists.create();
    store.parked.set(key, list);
  }
  dequeue(store, slot, word, (store.taskOf[slot] as number) << TASK_BITS);
  store.words[slot] = word | PLACE.parked;
  store.lists.append(list, slot);
  return true;
}

/** Gives up to `most` of a key's steps back to the queue, those parked first; says how many. */
export function unpark(store: ResidentStore, key: number | string, most: number): number {
  const list = store.parked.get(key);
  if (list === undefined) return 0;
  let given = 0;
  let slot = store.lists.first(list);
  for (; slot !== -1 && given < most; slot = store.lists.first(list)) {
    store.lists.remove(slot);
    enqueue(store, slot, (store.taskOf[slot] as number) << TASK_BITS);
    given++;
  }
  if (slot === -1) {
    store.parked.delete(key);
    store.lists.drop(list);
  }
  return given;
}

/** Gives a task another priority. O(steps), see `ReadyQueue`. */
export function setPriority(store: ResidentStore, task: number, priority: number): void {
  const at = task << TASK_BITS;
  const before = store.tasks[at + TASK.priorityClass] as number;
  const ranks = store.shapes.field(store.tasks[at + TASK.shape] as number, SHAPE.greatestRank) + 1;
  const after = store.ready.enter(store.ready.laneOf(before), priority, ranks);
  const queued = [...slotsWhere(store, task, READY_PLACE, WORD.ready | PLACE.queued)];
  for (const slot of queued) store.ready.remove(slot, before);
  store.tasks[at + TASK.priorityClass] = after;
  store.ready.leave(before);
  for (const slot of queued) enqueue(store, slot, at);
}

/** Gives a task a start instant of its own (µs since the epoch), or none with NaN. O(steps). */
export function setStart(store: ResidentStore, task: number, startAt: number): void {
  const at = task << TASK_BITS;
  const waiting = [...slotsWhere(store, task, WORD.waiting, WORD.waiting)];
  // waits are filed by their end, which changes
  for (const slot of waiting) unlist(store, slot);
  store.startAt[task] = startAt;
  const flags = (store.tasks[at + TASK.flags] as number) & ~RESIDENT_TASK.starts;
  store.tasks[at + TASK.flags] = Number.isNaN(startAt) ? flags : flags | RESIDENT_TASK.starts;
  for (const slot of slotsWhere(store, task, 0, 0)) {
    const word = store.words[slot] as number;
    store.words[slot] = (word & ~WORD.timed) | (ownBits(store, slot) & WORD.timed);
    settle(store, slot);
  }
}

/** A task of more steps stays where it is: moving it would take too long at once. */
const LARGE_TASK = 1 << 12;

/**
 * One slice of compaction: moves tasks of up to 4,096 steps and ghosts down into free room, so
 * that large tasks find room without growth. Slots of moved steps change.
 *
 * @param budget steps moved plus tasks passed, about; one task may exceed it
 * @returns true when the slice came to the end of the graph
 */
export function compactSlice(store: ResidentStore, budget: number): boolean {
  const slots = store.slots.compact(
    budget,
    LARGE_TASK,
    (start) => sizeAt(store, start),
    (from, to, size) => moveBlock(store, from, to, size),
  );
  const shapes = store.shapes.compact(budget * 4);
  return slots && shapes;
}

function sizeAt(store: ResidentStore, start: number): number {
  const task = store.taskOf[start] as number;
  return task === NO_TASK ? 1 : (store.tasks[(task << TASK_BITS) + TASK.steps] as number);
}

function moveBlock(store: ResidentStore, from: number, to: number, size: number): void {
  const { lists, foreign } = store;
  const shift = to - from;
  copyRows(store, from, to, size);
  const task = store.taskOf[to] as number;
  if (task !== NO_TASK) {
    store.tasks[(task << TASK_BITS) + TASK.first] = to;
    store.tasks[(task << TASK_BITS) + TASK.stepStamp] = store.nextStamp();
    let edge = store.tasks[(task << TASK_BITS) + TASK.foreignEdges] as number;
    for (; edge !== -1; edge = foreign.nextOfTask(edge)) {
      foreign.setChild(edge, foreign.child(edge) + shift);
    }
  } else {
    store.ghosts.delete(from);
    store.ghosts.set(to, store.nextStamp());
  }
  // upwards, so that a step's links are read before another step takes their place
  for (let slot = to; slot < to + size; slot++) {
    store.stepIndex.move(slot - shift, slot);
    const word = store.words[slot] as number;
    if ((word & (WORD.ready | WORD.waiting)) !== 0 && (word & PLACE.mask) !== PLACE.taken) {
      lists.replace(slot - shift, slot);
    }
    let edge = store.foreignEdges[slot] as number;
    for (; edge !== -1; edge = foreign.nextOfParent(edge)) foreign.setParent(edge, slot);
  }
  // free slots are never ready
  store.words.fill(0, Math.max(from, to + size), from + size);
}

/** Blocks are small: one loop over all columns takes a third of a built-in copy for each. */
function copyRows(store: ResidentStore, from: number, to: number, size: number): void {
  const { words, state, flags, attempts, retryLimit, blocked } = store;
  const { taskOf, foreignEdges, failedAt, nextAttemptAt, explicitUntil } = store;
  for (let at = 0; at < size; at++) {
    words[to + at] = words[from + at] as number;
    state[to + at] = state[from + at] as number;
    flags[to + at] = flags[from + at] as number;
    attempts[to + at] = attempts[from + at] as number;
    retryLimit[to + at] = retryLimit[from + at] as number;
    blocked[to + at] = blocked[from + at] as number;
    taskOf[to + at] = taskOf[from + at] as number;
    foreignEdges[to + at] = foreignEdges[from + at] as number;
    failedAt[to + at] = failedAt[from + at] as number;
    nextAttemptAt[to + at] = nextAttemptAt[from + at] as number;
    explicitUntil[to + at] = explicitUntil[from + at] as number;
  }
  store.stepId.copyWithin(to, from, from + size);
  for (const column of store.own.values()) column.copyWithin(to, from, from + size);
}
