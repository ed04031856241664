import type { SnapshotViews } from '../snapshot/layout.ts';
import { writeStep, block, passOnDeath, passOnForeign } from './settle.ts';
import { ownRowBits } from '../rules/own-row.ts';
import { type ResidentStore, NO_TASK, ONE_PARENT, TASK, TASK_BITS, WORD } from './store.ts';

/**
 * Links a step to a parent in another task: the resident step of that id, or a ghost with the row
 * that the snapshot has of it. What is resident knows better than a snapshot; of two snapshots the
 * later one does.
 */
export function linkForeign(
  store: ResidentStore,
  views: SnapshotViews,
  node: number,
  child: number,
  task: number,
): void {
  const id = views.stepId[node] as bigint;
  let parent = store.findStep(id);
  if (parent === -1) parent = makeGhost(store, id);
  if (store.isGhost(parent)) {
    writeStep(store, parent, {
      state: views.state[node] as number,
      flags: views.flags[node] as number,
      attempts: views.attempts[node] as number,
      retryLimit: views.retryLimit[node] as number,
    });
  }
  const record = (task << TASK_BITS) + TASK.foreignEdges;
  const headOfTask = store.tasks[record] as number;
  const edge = store.foreign.add(parent, child, store.foreignEdges[parent] as number, headOfTask);
  store.foreignEdges[parent] = edge;
  store.tasks[record] = edge;
  const word = store.words[parent] as number;
  store.words[parent] = word | WORD.foreign;
  if ((word & WORD.done) === 0) store.words[child] = (store.words[child] as number) + ONE_PARENT;
  if ((word & WORD.dead) !== 0) block(store, child, 1);
}

/** A slot, reserved before, for a step of a task that is not resident: pending, never attempted. */
function makeGhost(store: ResidentStore, id: bigint): number {
  const slot = store.slots.allocate(1);
  store.stepId[slot] = id;
  store.state[slot] = 0;
  store.flags[slot] = 0;
  store.attempts[slot] = 0;
  store.retryLimit[slot] = 3;
  store.failedAt[slot] = NaN;
  store.nextAttemptAt[slot] = NaN;
  store.explicitUntil[slot] = NaN;
  store.blocked[slot] = 0;
  store.taskOf[slot] = NO_TASK;
  store.foreignEdges[slot] = -1;
  store.words[slot] = ownRowBits(store, slot, false);
  store.stepIndex.add(slot);
  clearOwn(store, slot, 1);
  store.ghosts.set(slot, store.nextStamp());
  return slot;
}

/** The ghost's step has arrived at `slot`: its children hang on that from now on. */
export function adoptGhost(store: ResidentStore, ghost: number, slot: number): void {
  const known = store.words[ghost] as number;
  moveChildren(store, ghost, slot);
  const word = store.words[slot] as number;
  if (((known ^ word) & WORD.done) !== 0) {
    passOnForeign(store, slot, (word & WORD.done) === 0 ? 1 : -1);
  }
  if (((known ^ word) & WORD.dead) !== 0) {
    passOnDeath(store, slot, (word & WORD.dead) === 0 ? -1 : 1);
  }
  forgetGhost(store, ghost);
}

function forgetGhost(store: ResidentStore, ghost: number): void {
  store.ghosts.delete(ghost);
  store.words[ghost] = 0;
  store.slots.release(ghost, 1);
}

/** Clears the caller's columns of slots that are given to new steps. */
export function clearOwn(store: ResidentStore, start: number, count: number): void {
  for (const column of store.own.values()) {
    if (column instanceof BigInt64Array) column.fill(0n, start, start + count);
    else column.fill(0, start, start + count);
  }
}

/**
 * The step's task leaves the graph, but steps of other tasks go on to depend on it: it stays in its
 * slot with the row that it has.
 */
export function leaveGhost(store: ResidentStore, slot: number): void {
  store.taskOf[slot] = NO_TASK;
  store.blocked[slot] = 0;
  store.words[slot] = ownRowBits(store, slot, false) | WORD.foreign;
  store.ghosts.set(slot, store.nextStamp());
}

/** Takes a task's edges from other tasks away, and ghosts that nothing depends on any more. */
export function unlinkForeign(store: ResidentStore, task: number): void {
  const { foreign } = store;
  let edge = store.tasks[(task << TASK_BITS) + TASK.foreignEdges] as number;
  while (edge !== -1) {
    const after = foreign.nextOfTask(edge);
    const parent = foreign.parent(edge);
    const head = foreign.remove(edge, store.foreignEdges[parent] as number);
    store.foreignEdges[parent] = head;
    if (head === -1) {
      store.words[parent] = (store.words[parent] as number) & ~WORD.foreign;
      if (store.isGhost(parent)) {
        store.stepIndex.delete(parent);
        forgetGhost(store, parent);
      }
    }
    edge = after;
  }
}

/** Hangs the children in other tasks of slot `from` on slot `to`. */
function moveChildren(store: ResidentStore, from: number, to: number): void {
  const head = store.foreignEdges[from] as number;
  store.foreignEdges[to] = head;
  if (head === -1) return;
  store.words[to] = (store.words[to] as number) | WORD.foreign;
  for (let edge = head; edge !== -1; edge = store.foreign.nextOfParent(edge)) {
    store.foreign.setParent(edge, to);
  }
}
