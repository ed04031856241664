import { RESULT_BITS, type SnapshotViews } from '../layout.ts';
import type { Rules } from '../rules.ts';
import { changeStep, completeStep, startStep, writeStep, type StepChange } from './change.ts';
import { compactSlice } from './compaction.ts';
import { refusal, slotOf, stepHandle, taskHandle, taskNumberOf, type Outcome } from './handles.ts';
import { holdTask, park, resumeTask, setPriority, setStart, unpark } from './hold-and-park.ts';
import { residentBytes, type ResidentMemory } from './memory.ts';
import {
  badArgument,
  checkedPlacing,
  checkedSettings,
  requireInstant,
  requirePriority,
  requireWhole,
  type ResidentGraphOptions,
  type TaskPlacing,
} from './resident-options.ts';
import { resultBitsOf } from './result-bits.ts';
import { enqueue, settle, startOf } from './settle.ts';
import { checkedShape, checkedTasks, type NewTasks } from './shape-options.ts';
import {
  statusCodeOf,
  statusOf,
  tellStatusChanges,
  type ResidentTaskStatus,
  type StatusChange,
} from './status.ts';
import { ResidentStore } from './store.ts';
import { addTask, removeTask, type AddRefusal } from './tasks.ts';
import { addShapedTasks, TemplateShape, type ShapeDefinition } from './template-tasks.ts';
import { differencesFrom, type ResidentDifference } from './verify.ts';
import { PARENTS_SHIFT, PLACE, RESIDENT_TASK, TASK, TASK_BITS, WORD } from './words.ts';

/** Fields of a resident step. */
export interface ResidentRow {
  readonly state: number;
  readonly attempts: number;
  readonly retryLimit: number;
  readonly flags: number;
}

/** How attempts ended, or what else changed, in one call. */
export interface SettleBatch {
  /** Handles of steps that are complete. */
  readonly completed?: ArrayLike<number>;
  /** Rows that changed otherwise; they are written after the completions. */
  readonly changed?: readonly { readonly step: number; readonly change: StepChange }[];
}

/** What a {@link SettleBatch} brought about. */
export interface SettleReport {
  /** Handles of the steps that are ready now and were not before, in the order in which they became so. */
  readonly newlyReady: number[];
  /** Tasks whose status is another one than was last told, whatever changed it. */
  readonly tasks: StatusChange[];
  /** Handles of steps that can never complete any more and could before (`engine` only). */
  readonly deadEnds: number[];
  /** What was not carried out, with its place in `completed`, or in `changed` behind that. */
  readonly refused: { readonly at: number; readonly outcome: 'stale' | 'unknown' }[];
}

const DEAD_END = RESULT_BITS.dead | RESULT_BITS.unreachable;

/** A known graph of tasks to come, see {@link ResidentGraph.defineShape}. */
export interface ResidentShape {
  readonly steps: number;
}

/**
 * The graphs of many active tasks, kept up to date step by step: what a resolution of whole
 * snapshots answers stands ready after every change, and a completion costs its out-degree.
 *
 * Steps, ghosts (steps that others depend on, whose own task is not resident) and tasks are named by
 * handles, numbers that `findStep` and `findTask` give. A step's handle holds until its task is
 * removed or moved by `compact`, a task's until it is removed; whoever keeps one longer, or keeps
 * what never was one, gets `stale` or `unknown` and changes nothing. Rows are the caller's to give;
 * nothing here reads a database or a clock. One thread writes; the columns are shared memory.
 *
 * @throws TaskerError `TASKER_BAD_ARGUMENT` for every value outside of what is documented
 * @example
 * ```ts
 * const graph = new ResidentGraph({ nowMicros: Date.now() * 1000 });
 * graph.addTask(snapshot.views, 0, { priority: 5 });
 * const taken = new Float64Array(100);
 * for (let count = graph.takeReady(taken); count > 0; count = graph.takeReady(taken)) {
 *   for (const step of taken.subarray(0, count)) graph.start(step);
 *   const { tasks } = graph.settleBatch({ completed: taken.subarray(0, count) });
 *   for (const { taskId, executionStatus } of tasks) console.log(taskId, executionStatus);
 * }
 * ```
 */
export class ResidentGraph {
  readonly #store: ResidentStore;
  readonly #shapes = new WeakMap<ResidentShape, TemplateShape>();

  constructor(options: ResidentGraphOptions) {
    this.#store = new ResidentStore(checkedSettings(options));
  }

  get rules(): Rules {
    return this.#store.rules;
  }

  /** The clock, µs since the epoch. */
  get nowMicros(): number {
    return this.#store.now;
  }

  /** Resident tasks, without those that only ghosts stand for. */
  get taskCount(): number {
    return this.#store.taskCount;
  }

  /** Steps of resident tasks, and ghosts. */
  get stepCount(): number {
    return this.#store.slots.top - this.#store.slots.free;
  }

  /** Steps of other tasks that resident steps depend on. */
  get ghostCount(): number {
    return this.#store.ghosts.size;
  }

  /** Distinct graphs among the resident tasks and the known shapes. */
  get shapeCount(): number {
    return this.#store.shapes.size;
  }

  /**
   * Adds one task of a snapshot, as a whole or not at all.
   *
   * @param task its position in the snapshot
   * @returns the task's handle, or why it was not added; expected O(steps + edges)
   */
  addTask(views: SnapshotViews, task: number, placing: TaskPlacing = {}): number | AddRefusal {
    requireWhole('task', task, 0, views.counts.tasks - 1);
    const store = this.#begin();
    const added = addTask(store, views, task, checkedPlacing(placing, store.lanes));
    return typeof added === 'string' ? added : taskHandle(store, added);
  }

  /**
   * Makes a graph known that many tasks have, so that they can be added without a snapshot.
   *
   * @returns the shape, which stays known until it is released, or `full`; O(steps + edges)
   */
  defineShape(definition: ShapeDefinition): ResidentShape | 'full' {
    const store = this.#store;
    const checked = checkedShape(definition, store);
    const number = store.shapes.enter(checked.offsets, checked.children);
    if (number === -1) return 'full';
    const shape = new TemplateShape(store, number, checked);
    const known: ResidentShape = Object.freeze({ steps: shape.steps });
    this.#shapes.set(known, shape);
    return known;
  }

  /** Forgets a known shape; its tasks stay. */
  releaseShape(shape: ResidentShape): Outcome {
    const known = this.#shapes.get(shape);
    if (known === undefined) return 'unknown';
    this.#shapes.delete(shape);
    this.#store.shapes.leave(known.number);
    return 'ok';
  }

  /**
   * Adds tasks of a known shape, all of them or none. Without `rows` nothing in them has begun.
   *
   * @returns their handles, or why none was added; O(steps), with `rows` O(steps + edges)
   */
  addTasks(shape: ResidentShape, tasks: NewTasks): number[] | AddRefusal | 'unknown' {
    const known = this.#shapes.get(shape);
    if (known === undefined) return 'unknown';
    const store = this.#begin();
    const added = addShapedTasks(store, known, checkedTasks(tasks, known.steps, store.lanes));
    return typeof added === 'string' ? added : added.map((task) => taskHandle(store, task));
  }

  /** Takes a task out. Expected O(steps). */
  removeTask(task: number): Outcome {
    return this.#withTask(task, (store, number) => removeTask(store, number));
  }

  /** Handle of a resident task, or -1. Expected O(1). */
  findTask(taskId: bigint): number {
    const task = this.#store.findTask(taskId);
    return task === -1 ? -1 : taskHandle(this.#store, task);
  }

  /** Handle of a step or ghost, or -1. Expected O(1). */
  findStep(stepId: bigint): number {
    const slot = this.#store.findStep(stepId);
    return slot === -1 ? -1 : stepHandle(this.#store, slot);
  }

  /** Id of a step or ghost; undefined where the handle is stale or unknown. */
  stepId(step: number): bigint | undefined {
    return this.#store.stepId[slotOf(this.#store, step)];
  }

  /** Id of a task; undefined where the handle is stale or unknown. */
  taskId(task: number): bigint | undefined {
    return this.#store.taskId[taskNumberOf(this.#store, task)];
  }

  /** Handle of a step's task, or -1 for a ghost and where the step's handle names nothing. O(1). */
  taskOf(step: number): number {
    const slot = slotOf(this.#store, step);
    if (slot < 0 || this.#store.isGhost(slot)) return -1;
    return taskHandle(this.#store, this.#store.taskOf[slot] as number);
  }

  /** Position of a step in its task, by id; -1 for a ghost and where the handle names nothing. */
  positionOf(step: number): number {
    const slot = slotOf(this.#store, step);
    if (slot < 0 || this.#store.isGhost(slot)) return -1;
    return slot - this.#first(this.#store.taskOf[slot] as number);
  }

  /** Handles of a step's parents in its own task, ascending. Expected O(parents). */
  parentsOf(step: number): number[] {
    const store = this.#store;
    const slot = slotOf(store, step);
    if (slot < 0 || store.isGhost(slot)) return [];
    const task = store.taskOf[slot] as number;
    const first = this.#first(task);
    const shape = store.tasks[(task << TASK_BITS) + TASK.shape] as number;
    const positions = store.shapes.parentsOf(shape, slot - first);
    return Array.from(positions, (position) => stepHandle(store, first + position));
  }

  /** Handles of a task's steps, ascending by id; none where the handle names nothing. O(steps). */
  stepsOf(task: number): number[] {
    const number = taskNumberOf(this.#store, task);
    if (number < 0) return [];
    const first = this.#first(number);
    const length = this.#store.tasks[(number << TASK_BITS) + TASK.steps] as number;
    return Array.from({ length }, (_, at) => stepHandle(this.#store, first + at));
  }

  /** What a step has in its row: state code, attempts, limit, flag byte. */
  rowOf(step: number): ResidentRow | undefined {
    const store = this.#store;
    const slot = slotOf(store, step);
    if (slot < 0) return undefined;
    return {
      state: store.state[slot] as number,
      attempts: store.attempts[slot] as number,
      retryLimit: store.retryLimit[slot] as number,
      flags: store.flags[slot] as number,
    };
  }

  /** Begins an attempt of a ready step: state `in_progress`, waits cleared; `stale` if it is not ready. O(1). */
  start(step: number): Outcome {
    return this.#withStep(step, startStep);
  }

  /** Completes a step: processed, not in process; `stale` if it is done already. O(out-degree). */
  complete(step: number): Outcome {
    return this.#withStep(step, completeStep);
  }

  /**
   * Changes the row of a step or ghost; `stale` if it is done: a change that comes late undoes no
   * completion. O(out-degree), and what comes to a dead end by it.
   */
  change(step: number, change: StepChange): Outcome {
    return this.#withStep(step, (store, slot) => changeStep(store, slot, change));
  }

  /** Writes the row of a step or ghost as it is stored, also one that is done. O(out-degree), as `change`. */
  correct(step: number, change: StepChange): Outcome {
    return this.#withStep(step, (store, slot) => {
      writeStep(store, slot, change);
      return 'ok';
    });
  }

  /** Sets the stored next attempt (µs since the epoch), or clears it with NaN; `stale` if it is done. O(1). */
  setRetryWait(step: number, nextAttemptAt: number): Outcome {
    return this.change(step, { nextAttemptAt });
  }

  /**
   * Carries out many completions and changes at once and tells what follows from all of them
   * together. O(out-degrees), and what comes to a dead end.
   */
  settleBatch({ completed = [], changed = [] }: SettleBatch): SettleReport {
    const store = this.#begin();
    const refused: { at: number; outcome: 'stale' | 'unknown' }[] = [];
    const deadEnds: number[] = (store.deadEnds = []);
    const settleOne = (at: number, step: number, change: StepChange | undefined): void => {
      const slot = slotOf(store, step);
      let outcome: Outcome;
      if (slot < 0) outcome = refusal(slot);
      else if (change === undefined) outcome = completeStep(store, slot);
      else outcome = changeStep(store, slot, change);
      if (outcome !== 'ok') refused.push({ at, outcome });
    };
    try {
      for (let at = 0; at < completed.length; at++)
        settleOne(at, completed[at] as number, undefined);
      for (const [at, { step, change }] of changed.entries())
        settleOne(completed.length + at, step, change);
    } finally {
      store.deadEnds = undefined;
    }
    const newlyReady = [...new Set(store.newlyReady.subarray(0, store.newlyReadyCount))]
      .filter((slot) => ((store.words[slot] as number) & WORD.ready) !== 0)
      .map((slot) => stepHandle(store, slot));
    const dead = deadEnds.length === 0 ? deadEnds : [...new Set(deadEnds)];
    return {
      newlyReady,
      tasks: tellStatusChanges(store),
      deadEnds: dead
        .filter((slot) => (resultBitsOf(store, slot) & DEAD_END) !== 0)
        .map((slot) => stepHandle(store, slot)),
      refused,
    };
  }

  /** Tasks whose status is another one than was last told here or by `settleBatch`. O(tasks changed). */
  takeStatusChanges(): StatusChange[] {
    return tellStatusChanges(this.#store);
  }

  /**
   * Moves the clock on; steps whose wait is over become ready. A clock that goes back is not
   * followed. O(waits that end or come near).
   */
  advance(nowMicros: number): void {
    requireInstant('nowMicros', nowMicros);
    const store = this.#begin();
    if (nowMicros <= store.now) return;
    store.now = nowMicros;
    store.timers.advance(nowMicros, (slot) => {
      store.words[slot] = (store.words[slot] as number) & ~WORD.waiting;
      settle(store, slot);
    });
  }

  /**
   * When to advance again, µs since the epoch: never later than the next wait ends, perhaps
   * earlier; Infinity where nothing waits. O(1).
   */
  nextDueAt(): number {
    return this.#store.timers.nextDueAt();
  }

  /** Handles of the steps that the last operation made ready; the next operation begins anew. */
  get newlyReady(): number[] {
    const store = this.#store;
    return Array.from(store.newlyReady.subarray(0, store.newlyReadyCount), (slot) =>
      stepHandle(store, slot),
    );
  }

  /** Steps in the ready queue of a lane, or of all: ready, not taken, held or parked. O(1). */
  queuedCount(lane?: number): number {
    return lane === undefined ? this.#store.ready.size : this.#store.ready.sizeOf(lane);
  }

  /**
   * Takes the steps of a lane that should run first out of the queue: by the task's priority, the
   * longest way to a leaf, then the order in which they became ready. They count as ready until
   * their rows change.
   *
   * @param into gets their handles: `Float64Array` of at least `most`
   * @param most how many are taken at most; default all of `into`
   * @returns how many were taken; O(log of priorities and ranks) each
   */
  takeReady(into: Float64Array, most: number = into.length, lane = 0): number {
    requireWhole('most', most, 0, into.length);
    requireWhole('lane', lane, 0, this.#store.lanes - 1);
    const store = this.#begin();
    let taken = 0;
    for (; taken < most; taken++) {
      const slot = store.ready.take(lane);
      if (slot === -1) break;
      store.words[slot] = (store.words[slot] as number) | PLACE.taken;
      into[taken] = stepHandle(store, slot);
    }
    return taken;
  }

  /** Puts a taken step back into the queue; `stale` if it is not taken any more. */
  release(step: number): Outcome {
    return this.#withStep(step, (store, slot) => {
      const word = store.words[slot] as number;
      if ((word & (WORD.ready | PLACE.mask)) !== (WORD.ready | PLACE.taken)) return 'stale';
      enqueue(store, slot, (store.taskOf[slot] as number) << TASK_BITS);
      return 'ok';
    });
  }

  /** Gives out none of a task's steps until it is resumed; those that are taken stay so. O(steps). */
  holdTask(task: number): Outcome {
    return this.#withTask(task, holdTask);
  }

  /** Ends a hold. O(steps). */
  resumeTask(task: number): Outcome {
    return this.#withTask(task, resumeTask);
  }

  /** True for a task that is held. */
  isHeld(task: number): boolean {
    return (this.#flagsOf(task) & RESIDENT_TASK.held) !== 0;
  }

  /** Puts a ready step aside under a key (a breaker, a limit), taken or not; `stale` if it is not ready. O(1). */
  park(step: number, key: number | string): Outcome {
    return this.#withStep(step, (store, slot) => (park(store, slot, key) ? 'ok' : 'stale'));
  }

  /**
   * Gives steps parked under a key back to the queue, those first that were parked first.
   *
   * @param most how many at most; default all
   * @returns how many; O(1) each
   */
  unpark(key: number | string, most = Infinity): number {
    if (!(most >= 0)) throw badArgument('most', most, 'a number from 0');
    return unpark(this.#begin(), key, most);
  }

  /** Gives a task another priority, any signed 32-bit integer. O(steps). */
  setPriority(task: number, priority: number): Outcome {
    requirePriority(priority);
    return this.#withTask(task, (store, number) => setPriority(store, number, priority));
  }

  /** Gives a task a start instant of its own (µs since the epoch), or none with NaN. O(steps). */
  setStart(task: number, startAt: number): Outcome {
    const placing = checkedPlacing({ startAt }, 1);
    return this.#withTask(task, (store, number) => setStart(store, number, placing.startAt));
  }

  /** True for a step that may run now, wherever it stands. */
  isReady(step: number): boolean {
    const slot = slotOf(this.#store, step);
    return slot >= 0 && ((this.#store.words[slot] as number) & WORD.ready) !== 0;
  }

  /** End of a waiting step's wait, µs since the epoch; undefined for a step that is not waiting. */
  waitsUntil(step: number): number | undefined {
    const slot = slotOf(this.#store, step);
    if (slot < 0 || ((this.#store.words[slot] as number) & WORD.waiting) === 0) return undefined;
    return startOf(this.#store, slot);
  }

  /** Handles of all ready steps, wherever they stand, in no order. O(capacity used). */
  readySteps(): number[] {
    const { words, slots } = this.#store;
    const ready: number[] = [];
    for (let slot = 0; slot < slots.top; slot++) {
      if (((words[slot] as number) & WORD.ready) !== 0) ready.push(stepHandle(this.#store, slot));
    }
    return ready;
  }

  /** Unfinished parents of a step, repeated edges counted each; undefined where there is no such step. */
  openParents(step: number): number | undefined {
    const slot = slotOf(this.#store, step);
    return slot < 0 ? undefined : (this.#store.words[slot] as number) >>> PARENTS_SHIFT;
  }

  /** What a resolution would write for the step: `RESULT_BITS` but `onCycle`. O(1). */
  resultBits(step: number): number | undefined {
    const slot = slotOf(this.#store, step);
    return slot < 0 ? undefined : resultBitsOf(this.#store, slot);
  }

  /** Counts and status of a task; undefined where the handle names none. O(1). */
  status(task: number): ResidentTaskStatus | undefined {
    const number = taskNumberOf(this.#store, task);
    return number < 0 ? undefined : statusOf(this.#store, number);
  }

  /** A task's status as a position in `EXECUTION_STATUSES`, -1 where the handle names none. O(1). */
  statusCode(task: number): number {
    const number = taskNumberOf(this.#store, task);
    return number < 0 ? -1 : statusCodeOf(this.#store, number);
  }

  /** True where the task holds a cycle; under `engine` none of its steps may run. */
  isCyclic(task: number): boolean {
    return (this.#flagsOf(task) & RESIDENT_TASK.cyclic) !== 0;
  }

  /** A value of a column of the caller's own; undefined where the step's handle names nothing. */
  getValue(name: string, step: number): number | bigint | undefined {
    return this.#column(name)[slotOf(this.#store, step)];
  }

  /** Sets a value of a column of the caller's own, as its typed array takes it. */
  setValue(name: string, step: number, value: number | bigint): Outcome {
    const column = this.#column(name);
    const slot = slotOf(this.#store, step);
    if (slot < 0) return refusal(slot);
    if (typeof value !== (column instanceof BigInt64Array ? 'bigint' : 'number'))
      throw badArgument(name, value, column instanceof BigInt64Array ? 'a bigint' : 'a number');
    column[slot] = value;
    return 'ok';
  }

  /**
   * Compares the tasks of a snapshot that are resident with a fresh resolution of it, at this graph's
   * clock. The snapshot's outputs are written. O(steps + edges) of the snapshot.
   */
  verify(views: SnapshotViews): ResidentDifference[] {
    return differencesFrom(this.#store, views);
  }

  /**
   * One slice of compaction. The handles of the steps that it moves become stale.
   *
   * @param budget steps moved, about; 1,024 take below a millisecond
   * @returns true when the end of the graph was reached
   */
  compact(budget = 1024): boolean {
    requireWhole('budget', budget, 0, 2 ** 31 - 1);
    return compactSlice(this.#begin(), budget);
  }

  /** Bytes held and slots in use. O(1), but for priorities in use and the index's 256 segments. */
  memory(): ResidentMemory {
    return residentBytes(this.#store);
  }

  #begin(): ResidentStore {
    this.#store.newlyReadyCount = 0;
    return this.#store;
  }

  #withStep(step: number, run: (store: ResidentStore, slot: number) => Outcome): Outcome {
    const store = this.#begin();
    const slot = slotOf(store, step);
    return slot < 0 ? refusal(slot) : run(store, slot);
  }

  #withTask(task: number, run: (store: ResidentStore, number: number) => void): Outcome {
    const store = this.#begin();
    const number = taskNumberOf(store, task);
    if (number < 0) return refusal(number);
    run(store, number);
    return 'ok';
  }

  #first(task: number): number {
    return this.#store.tasks[(task << TASK_BITS) + TASK.first] as number;
  }

  #flagsOf(task: number): number {
    const number = taskNumberOf(this.#store, task);
    return number < 0 ? 0 : (this.#store.tasks[(number << TASK_BITS) + TASK.flags] as number);
  }

  #column(name: string): { [at: number]: number | bigint } {
    const column = this.#store.own.get(name);
    if (column === undefined)
      throw badArgument('column', name, `one of ${[...this.#store.own.keys()].join() || 'none'}`);
    return column;
  }
}
