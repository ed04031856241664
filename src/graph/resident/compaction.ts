import type { ResidentStore } from './store.ts';
import { NO_TASK, PLACE, TASK, TASK_BITS, WORD } from './words.ts';

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
