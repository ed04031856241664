import type { SnapshotViews } from './layout.ts';
import { changeStep } from './resident-change.ts';
import type { ResidentData } from './resident-data.ts';
import { ownRowBits } from './resident-row.ts';
import { block, passOnDeath, passOnForeign } from './resident-settle.ts';
import { NO_TASK, ONE_PARENT, TASK, TASK_BITS, WORD } from './resident-words.ts';

/**
 * Links a step to a parent in another task: the resident step of that id, or a ghost with the row
 * that the snapshot has of it. What is resident knows better than a snapshot; of two snapshots the
 * later one does.
 */
export function linkForeign(
  data: ResidentData,
  views: SnapshotViews,
  node: number,
  child: number,
  task: number,
): void {
  const id = views.stepId[node] as bigint;
  let parent = data.findStep(id);
  if (parent === -1) parent = makeGhost(data, id);
  if (data.isGhost(parent)) {
    changeStep(data, parent, {
      state: views.state[node] as number,
      flags: views.flags[node] as number,
      attempts: views.attempts[node] as number,
      retryLimit: views.retryLimit[node] as number,
    });
  }
  const record = (task << TASK_BITS) + TASK.foreignEdges;
  const headOfTask = data.tasks[record] as number;
  const edge = data.foreign.add(parent, child, data.foreignEdges[parent] as number, headOfTask);
  data.foreignEdges[parent] = edge;
  data.tasks[record] = edge;
  const word = data.words[parent] as number;
  data.words[parent] = word | WORD.foreign;
  if ((word & WORD.done) === 0) data.words[child] = (data.words[child] as number) + ONE_PARENT;
  if ((word & WORD.dead) !== 0) block(data, child, 1);
}

/** A slot, reserved before, for a step of a task that is not resident: pending, never attempted. */
function makeGhost(data: ResidentData, id: bigint): number {
  const slot = data.slots.allocate(1);
  data.stepId[slot] = id;
  data.state[slot] = 0;
  data.flags[slot] = 0;
  data.attempts[slot] = 0;
  data.retryLimit[slot] = 3;
  data.failedAt[slot] = NaN;
  data.nextAttemptAt[slot] = NaN;
  data.explicitUntil[slot] = NaN;
  data.blocked[slot] = 0;
  data.taskOf[slot] = NO_TASK;
  data.foreignEdges[slot] = -1;
  data.words[slot] = ownRowBits(data, slot, false);
  data.stepIndex.add(slot);
  data.ghosts++;
  return slot;
}

/** The ghost's step has arrived at `slot`: its children hang on that from now on. */
export function adoptGhost(data: ResidentData, ghost: number, slot: number): void {
  const known = data.words[ghost] as number;
  moveChildren(data, ghost, slot);
  const word = data.words[slot] as number;
  if (((known ^ word) & WORD.done) !== 0) {
    passOnForeign(data, slot, (word & WORD.done) === 0 ? 1 : -1);
  }
  if (((known ^ word) & WORD.dead) !== 0) {
    passOnDeath(data, slot, (word & WORD.dead) === 0 ? -1 : 1);
  }
  data.slots.release(ghost, 1);
  data.ghosts--;
}

/**
 * The step's task leaves the graph, but steps of other tasks go on to depend on it: it stays in its
 * slot with the row that it has.
 */
export function leaveGhost(data: ResidentData, slot: number): void {
  data.taskOf[slot] = NO_TASK;
  data.blocked[slot] = 0;
  data.words[slot] = ownRowBits(data, slot, false) | WORD.foreign;
  data.ghosts++;
}

/** Takes a task's edges from other tasks away, and ghosts that nothing depends on any more. */
export function unlinkForeign(data: ResidentData, task: number): void {
  const { foreign } = data;
  let edge = data.tasks[(task << TASK_BITS) + TASK.foreignEdges] as number;
  while (edge !== -1) {
    const after = foreign.nextOfTask(edge);
    const parent = foreign.parent(edge);
    const head = foreign.remove(edge, data.foreignEdges[parent] as number);
    data.foreignEdges[parent] = head;
    if (head === -1) {
      data.words[parent] = (data.words[parent] as number) & ~WORD.foreign;
      if (data.isGhost(parent)) {
        data.stepIndex.delete(parent);
        data.slots.release(parent, 1);
        data.ghosts--;
      }
    }
    edge = after;
  }
}

/** Hangs the children in other tasks of slot `from` on slot `to`. */
function moveChildren(data: ResidentData, from: number, to: number): void {
  const head = data.foreignEdges[from] as number;
  data.foreignEdges[to] = head;
  if (head === -1) return;
  data.words[to] = (data.words[to] as number) | WORD.foreign;
  for (let edge = head; edge !== -1; edge = data.foreign.nextOfParent(edge)) {
    data.foreign.setParent(edge, to);
  }
}
