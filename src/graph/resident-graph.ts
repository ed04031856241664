import { RESULT_BITS, type SnapshotViews } from './layout.ts';
import { addTask, type AddRefusal } from './resident-add.ts';
import { changeStep, completeStep, type StepChange } from './resident-change.ts';
import { compactSlice } from './resident-compaction.ts';
import { ResidentData } from './resident-data.ts';
import { residentBytes, type ResidentMemory } from './resident-memory.ts';
import { removeTask } from './resident-remove.ts';
import { isDeadEnd, waitEnd } from './resident-row.ts';
import { enqueue, settle } from './resident-settle.ts';
import { statusOf, type ResidentTaskStatus } from './resident-status.ts';
import { PARENTS_SHIFT, RESIDENT_TASK, TASK, TASK_BITS, WORD } from './resident-words.ts';
import { engineRetryLimit, type Rules } from './rules.ts';

/** Options of {@link ResidentGraph}. */
export interface ResidentGraphOptions {
  /** Rule set of every answer; default `engine`. */
  readonly rules?: Rules;
  /** The clock at the start, µs since the epoch. */
  readonly nowMicros: number;
  /**
   * Steps that may ever be resident at one time. Reserves address space (about 80 bytes a step),
   * no memory; default 2^24.
   */
  readonly maxSteps?: number;
  /** Words (steps twice, edges once) that the distinct graphs may take; default 2^26. */
  readonly maxGraphWords?: number;
}

/** Fields of a resident step. */
export interface ResidentRow {
  readonly state: number;
  readonly attempts: number;
  readonly retryLimit: number;
  readonly flags: number;
}

/**
 * The graphs of many active tasks, kept up to date step by step: what a resolution of whole
 * snapshots answers stands ready after every change, and a completion costs its out-degree.
 *
 * Steps are addressed by slot (`findStep`). A slot holds until its task is removed or a slice of
 * `compact` has run. Slots of ghosts (steps that others depend on, whose own task is not resident)
 * can be changed like any other. Rows are the caller's to give; nothing here reads a database or a
 * clock. One thread writes; the columns are shared memory.
 */
export class ResidentGraph {
  readonly #data: ResidentData;

  constructor(options: ResidentGraphOptions) {
    this.#data = new ResidentData(options.rules ?? 'engine', options.nowMicros, {
      maxSteps: options.maxSteps ?? 2 ** 24,
      maxGraphWords: options.maxGraphWords ?? 2 ** 26,
    });
  }

  get rules(): Rules {
    return this.#data.rules;
  }

  /** The clock, µs since the epoch. */
  get nowMicros(): number {
    return this.#data.now;
  }

  /** Resident tasks, without those that only ghosts stand for. */
  get taskCount(): number {
    return this.#data.taskCount;
  }

  /** Steps of other tasks that resident steps depend on. */
  get ghostCount(): number {
    return this.#data.ghosts;
  }

  /** Distinct graphs among the resident tasks. */
  get shapeCount(): number {
    return this.#data.shapes.size;
  }

  /**
   * Adds one task of a snapshot.
   *
   * @param priority greater runs first
   * @returns the task's number, or why it was not added; expected O(steps + edges)
   */
  addTask(views: SnapshotViews, task: number, priority = 0): number | AddRefusal {
    this.#data.newlyReadyCount = 0;
    return addTask(this.#data, views, task, priority);
  }

  /** Takes a task out; false where it is not resident. Expected O(steps). */
  removeTask(taskId: bigint): boolean {
    const task = this.#data.findTask(taskId);
    if (task === -1) return false;
    removeTask(this.#data, task);
    return true;
  }

  /** Number of a resident task, or -1. Expected O(1). */
  findTask(taskId: bigint): number {
    return this.#data.findTask(taskId);
  }

  /** Slot of a step or ghost, or -1. Expected O(1). */
  findStep(stepId: bigint): number {
    return this.#data.findStep(stepId);
  }

  /** Id of the step in a slot. */
  stepId(slot: number): bigint {
    return this.#data.stepId[slot] as bigint;
  }

  /** Id of the task of the step in a slot; undefined for a ghost. */
  taskIdOf(slot: number): bigint | undefined {
    if (this.#data.isGhost(slot)) return undefined;
    return this.#data.taskId[this.#data.taskOf[slot] as number];
  }

  /** Position of a step in its task, by id. Of no meaning for a ghost. */
  positionOf(slot: number): number {
    const task = this.#data.taskOf[slot] as number;
    return slot - (this.#data.tasks[(task << TASK_BITS) + TASK.first] as number);
  }

  /** Slots of a step's parents in its own task, ascending. Expected O(parents). */
  parentsOf(slot: number): number[] {
    const data = this.#data;
    const at = (data.taskOf[slot] as number) << TASK_BITS;
    const first = data.tasks[at + TASK.first] as number;
    const positions = data.shapes.parentsOf(data.tasks[at + TASK.shape] as number, slot - first);
    return Array.from(positions, (position) => first + position);
  }

  /** Slots of a task's steps, ascending by id: the first one, and how many. */
  slotsOf(task: number): { readonly first: number; readonly count: number } {
    const at = task << TASK_BITS;
    return {
      first: this.#data.tasks[at + TASK.first] as number,
      count: this.#data.tasks[at + TASK.steps] as number,
    };
  }

  /** What the step in a slot has in its row: state code, attempts, limit, flag byte. */
  rowOf(slot: number): ResidentRow {
    const data = this.#data;
    return {
      state: data.state[slot] as number,
      attempts: data.attempts[slot] as number,
      retryLimit: data.retryLimit[slot] as number,
      flags: data.flags[slot] as number,
    };
  }

  /** Completes a step: state `complete`, processed, not in process. O(out-degree). */
  complete(slot: number): void {
    this.#data.newlyReadyCount = 0;
    completeStep(this.#data, slot);
  }

  /** Changes the row of a step or ghost. O(out-degree), and what comes to a dead end by it. */
  change(slot: number, change: StepChange): void {
    this.#data.newlyReadyCount = 0;
    changeStep(this.#data, slot, change);
  }

  /** Sets the stored next attempt (µs since the epoch), or clears it with NaN. O(1). */
  setRetryWait(slot: number, nextAttemptAt: number): void {
    this.#data.newlyReadyCount = 0;
    changeStep(this.#data, slot, { nextAttemptAt });
  }

  /**
   * Moves the clock on; steps whose wait is over become ready. A clock that goes back is not
   * followed. O(waits that end or come near).
   */
  advance(nowMicros: number): void {
    const data = this.#data;
    data.newlyReadyCount = 0;
    if (!(nowMicros > data.now)) return;
    data.now = nowMicros;
    data.timers.advance(nowMicros, (slot) => {
      data.words[slot] = (data.words[slot] as number) & ~WORD.waiting;
      settle(data, slot);
    });
  }

  /**
   * When to advance again, µs since the epoch: never later than the next wait ends, perhaps
   * earlier; Infinity where nothing waits.
   */
  nextDueAt(): number {
    return this.#data.timers.nextDueAt();
  }

  /**
   * Slots of the steps that the last change (or advance, or task added) made ready; overwritten by
   * the next one.
   */
  get newlyReady(): Uint32Array {
    return this.#data.newlyReady.subarray(0, this.#data.newlyReadyCount);
  }

  /** Steps in the ready queue: ready and not taken. */
  get queuedCount(): number {
    return this.#data.ready.size;
  }

  /**
   * Takes the step that should run first out of the queue: by the task's priority, the longest way
   * to a leaf, then the order in which they became ready. It counts as ready until its row changes.
   *
   * @returns its slot, or -1
   */
  takeReady(): number {
    const slot = this.#data.ready.take();
    if (slot !== -1) this.#data.words[slot] = (this.#data.words[slot] as number) | WORD.taken;
    return slot;
  }

  /** Puts a taken step that is still ready back into the queue. O(1). */
  release(slot: number): void {
    const data = this.#data;
    const word = data.words[slot] as number;
    if ((word & WORD.taken) === 0) return;
    data.words[slot] = word & ~WORD.taken;
    enqueue(data, slot);
  }

  /** True for a step that may run now, taken or not. */
  isReady(slot: number): boolean {
    return ((this.#data.words[slot] as number) & WORD.ready) !== 0;
  }

  /** End of a waiting step's wait, µs since the epoch; undefined for a step that is not waiting. */
  waitsUntil(slot: number): number | undefined {
    const waits = ((this.#data.words[slot] as number) & WORD.waiting) !== 0;
    return waits ? waitEnd(this.#data, slot) : undefined;
  }

  /** Slots of all ready steps, taken or not, in no order. O(capacity used). */
  readySlots(): number[] {
    const { words, slots } = this.#data;
    const ready: number[] = [];
    for (let slot = 0; slot < slots.top; slot++) {
      if (((words[slot] as number) & WORD.ready) !== 0) ready.push(slot);
    }
    return ready;
  }

  /** Unfinished parents of a step, repeated edges counted each. */
  openParents(slot: number): number {
    return (this.#data.words[slot] as number) >>> PARENTS_SHIFT;
  }

  /** What a resolution would write for the step: `RESULT_BITS` but `onCycle`. O(1). */
  resultBits(slot: number): number {
    const data = this.#data;
    const word = data.words[slot] as number;
    const stored = data.retryLimit[slot] as number;
    const limit = data.rules === 'engine' ? engineRetryLimit(stored) : stored;
    const dead = (word & WORD.dead) !== 0;
    return (
      (word >>> PARENTS_SHIFT === 0 ? RESULT_BITS.dependenciesSatisfied : 0) |
      ((data.attempts[slot] as number) < limit ? RESULT_BITS.retryEligible : 0) |
      ((word & WORD.ready) === 0 ? 0 : RESULT_BITS.ready) |
      ((word & WORD.waiting) === 0 ? 0 : RESULT_BITS.waiting) |
      (dead ? RESULT_BITS.dead : 0) |
      (!dead && isDeadEnd(data, slot) ? RESULT_BITS.unreachable : 0) |
      ((word & WORD.exhausted) === 0 ? 0 : RESULT_BITS.exhausted)
    );
  }

  /** Counts and status of a task. O(1). */
  status(task: number): ResidentTaskStatus {
    return statusOf(this.#data, task);
  }

  /** True where the task holds a cycle; under `engine` none of its steps may run. */
  isCyclic(task: number): boolean {
    const flags = this.#data.tasks[(task << TASK_BITS) + TASK.flags] as number;
    return (flags & RESIDENT_TASK.cyclic) !== 0;
  }

  /**
   * One slice of compaction. Slots change.
   *
   * @param budget steps moved, about; 1,024 take below a millisecond
   * @returns true when the end of the graph was reached
   */
  compact(budget = 1024): boolean {
    return compactSlice(this.#data, budget);
  }

  /** Bytes held and slots in use. O(1), but for the index's 256 segments. */
  memory(): ResidentMemory {
    return residentBytes(this.#data);
  }
}
