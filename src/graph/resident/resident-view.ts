import type { SnapshotViews } from '../snapshot/layout.ts';
import type { Rules } from '../rules/rules.ts';
import { slotOf, stepHandle, taskHandle, taskNumberOf } from './handles.ts';
import {
  residentBytes,
  type ResidentMemory,
  type ResidentStore,
  PARENTS_SHIFT,
  RESIDENT_TASK,
  TASK,
  TASK_BITS,
  WORD,
} from './store.ts';
import { badArgument } from './options.ts';
import { resultBitsOf } from './settle.ts';
import {
  statusCodeOf,
  statusOf,
  type ResidentTaskStatus,
  differencesFrom,
  type ResidentDifference,
} from './status.ts';

/** Fields of a resident step. */
export interface ResidentRow {
  readonly state: number;
  readonly attempts: number;
  readonly retryLimit: number;
  readonly flags: number;
}

/**
 * All that can be asked of a resident graph; nothing here changes it. What names nothing any more is
 * answered with `undefined`, -1, `false` or nothing, as each says.
 */
export class ResidentView {
  /** @internal */
  protected readonly store: ResidentStore;

  /** @internal */
  protected constructor(store: ResidentStore) {
    this.store = store;
  }

  get rules(): Rules {
    return this.store.rules;
  }

  /** The clock, µs since the epoch. */
  get nowMicros(): number {
    return this.store.now;
  }

  /** Resident tasks, without those that only ghosts stand for. */
  get taskCount(): number {
    return this.store.taskCount;
  }

  /** Steps of resident tasks, and ghosts. */
  get stepCount(): number {
    return this.store.slots.top - this.store.slots.free;
  }

  /** Steps of other tasks that resident steps depend on. */
  get ghostCount(): number {
    return this.store.ghosts.size;
  }

  /** Distinct graphs among the resident tasks and the known shapes. */
  get shapeCount(): number {
    return this.store.shapes.size;
  }

  /** Handle of a resident task, or -1. Expected O(1). */
  findTask(taskId: bigint): number {
    const task = this.store.findTask(taskId);
    return task === -1 ? -1 : taskHandle(this.store, task);
  }

  /** Handle of a step or ghost, or -1. Expected O(1). */
  findStep(stepId: bigint): number {
    const slot = this.store.findStep(stepId);
    return slot === -1 ? -1 : stepHandle(this.store, slot);
  }

  /** Id of a step or ghost; undefined where the handle is stale or unknown. */
  stepId(step: number): bigint | undefined {
    return this.store.stepId[slotOf(this.store, step)];
  }

  /** Id of a task; undefined where the handle is stale or unknown. */
  taskId(task: number): bigint | undefined {
    return this.store.taskId[taskNumberOf(this.store, task)];
  }

  /** Handle of a step's task, or -1 for a ghost and where the step's handle names nothing. O(1). */
  taskOf(step: number): number {
    const slot = slotOf(this.store, step);
    if (slot < 0 || this.store.isGhost(slot)) return -1;
    return taskHandle(this.store, this.store.taskOf[slot] as number);
  }

  /** Position of a step in its task, by id; -1 for a ghost and where the handle names nothing. */
  positionOf(step: number): number {
    const slot = slotOf(this.store, step);
    if (slot < 0 || this.store.isGhost(slot)) return -1;
    return slot - firstOf(this.store, this.store.taskOf[slot] as number);
  }

  /** Handles of a step's parents in its own task, ascending. Expected O(parents). */
  parentsOf(step: number): number[] {
    const store = this.store;
    const slot = slotOf(store, step);
    if (slot < 0 || store.isGhost(slot)) return [];
    const task = store.taskOf[slot] as number;
    const first = firstOf(this.store, task);
    const shape = store.tasks[(task << TASK_BITS) + TASK.shape] as number;
    const positions = store.shapes.parentsOf(shape, slot - first);
    return Array.from(positions, (position) => stepHandle(store, first + position));
  }

  /** Handles of a task's steps, ascending by id; none where the handle names nothing. O(steps). */
  stepsOf(task: number): number[] {
    const number = taskNumberOf(this.store, task);
    if (number < 0) return [];
    const first = firstOf(this.store, number);
    const length = this.store.tasks[(number << TASK_BITS) + TASK.steps] as number;
    return Array.from({ length }, (_, at) => stepHandle(this.store, first + at));
  }

  /** What a step has in its row: state code, attempts, limit, flag byte. */
  rowOf(step: number): ResidentRow | undefined {
    const store = this.store;
    const slot = slotOf(store, step);
    if (slot < 0) return undefined;
    return {
      state: store.state[slot] as number,
      attempts: store.attempts[slot] as number,
      retryLimit: store.retryLimit[slot] as number,
      flags: store.flags[slot] as number,
    };
  }

  /**
   * When to advance again, µs since the epoch: never later than the next wait ends, perhaps
   * earlier; Infinity where nothing waits. O(1).
   */
  nextDueAt(): number {
    return this.store.timers.nextDueAt();
  }

  /** Handles of the steps that the last operation made ready; the next operation begins anew. */
  get newlyReady(): number[] {
    const store = this.store;
    return Array.from(store.newlyReady.subarray(0, store.newlyReadyCount), (slot) =>
      stepHandle(store, slot),
    );
  }

  /** Steps in the ready queue of a lane, or of all: ready, not taken, held or parked. O(1). */
  queuedCount(lane?: number): number {
    return lane === undefined ? this.store.ready.size : this.store.ready.sizeOf(lane);
  }

  /** True for a task that is held. */
  isHeld(task: number): boolean {
    return (flagsOf(this.store, task) & RESIDENT_TASK.held) !== 0;
  }

  /** True for a step that may run now, wherever it stands. */
  isReady(step: number): boolean {
    const slot = slotOf(this.store, step);
    return slot >= 0 && ((this.store.words[slot] as number) & WORD.ready) !== 0;
  }

  /** End of a waiting step's wait, µs since the epoch; undefined for a step that is not waiting. */
  waitsUntil(step: number): number | undefined {
    const slot = slotOf(this.store, step);
    if (slot < 0 || ((this.store.words[slot] as number) & WORD.waiting) === 0) return undefined;
    return this.store.startOf(slot);
  }

  /** Handles of all ready steps, wherever they stand, in no order. O(capacity used). */
  readySteps(): number[] {
    const { words, slots } = this.store;
    const ready: number[] = [];
    for (let slot = 0; slot < slots.top; slot++) {
      if (((words[slot] as number) & WORD.ready) !== 0) ready.push(stepHandle(this.store, slot));
    }
    return ready;
  }

  /** Unfinished parents of a step, repeated edges counted each; undefined where there is no such step. */
  openParents(step: number): number | undefined {
    const slot = slotOf(this.store, step);
    return slot < 0 ? undefined : (this.store.words[slot] as number) >>> PARENTS_SHIFT;
  }

  /** What a resolution would write for the step: `RESULT_BITS` but `onCycle`. O(1). */
  resultBits(step: number): number | undefined {
    const slot = slotOf(this.store, step);
    return slot < 0 ? undefined : resultBitsOf(this.store, slot);
  }

  /** Counts and status of a task; undefined where the handle names none. O(1). */
  status(task: number): ResidentTaskStatus | undefined {
    const number = taskNumberOf(this.store, task);
    return number < 0 ? undefined : statusOf(this.store, number);
  }

  /** A task's status as a position in `EXECUTION_STATUSES`, -1 where the handle names none. O(1). */
  statusCode(task: number): number {
    const number = taskNumberOf(this.store, task);
    return number < 0 ? -1 : statusCodeOf(this.store, number);
  }

  /** True where the task holds a cycle; under `engine` none of its steps may run. */
  isCyclic(task: number): boolean {
    return (flagsOf(this.store, task) & RESIDENT_TASK.cyclic) !== 0;
  }

  /** A value of a column of the caller's own; undefined where the step's handle names nothing. */
  getValue(name: string, step: number): number | bigint | undefined {
    return callerColumn(this.store, name)[slotOf(this.store, step)];
  }

  /**
   * Compares the tasks of a snapshot that are resident with a fresh resolution of it, at this graph's
   * clock. The snapshot's outputs are written. O(steps + edges) of the snapshot.
   */
  verify(views: SnapshotViews): ResidentDifference[] {
    return differencesFrom(this.store, views);
  }

  /** Bytes held and slots in use. O(1), but for priorities in use and the index's 256 segments. */
  memory(): ResidentMemory {
    return residentBytes(this.store);
  }
}

/** Slot of a task's first step. */
function firstOf(store: ResidentStore, task: number): number {
  return store.tasks[(task << TASK_BITS) + TASK.first] as number;
}

/** Flags of the task that a handle names, 0 where it names none. */
function flagsOf(store: ResidentStore, task: number): number {
  const number = taskNumberOf(store, task);
  return number < 0 ? 0 : (store.tasks[(number << TASK_BITS) + TASK.flags] as number);
}

/** A column of the caller's own. */
export function callerColumn(
  store: ResidentStore,
  name: string,
): { [at: number]: number | bigint } {
  const column = store.own.get(name);
  if (column === undefined)
    throw badArgument('column', name, `one of ${[...store.own.keys()].join() || 'none'}`);
  return column;
}
