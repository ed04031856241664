import { dequeue, enqueue, ownBits, settle, unlist } from './settle.ts';
import { SHAPE } from './shapes.ts';
import type { ResidentStore } from './store.ts';
import { PLACE, RESIDENT_TASK, TASK, TASK_BITS, WORD } from './words.ts';

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
