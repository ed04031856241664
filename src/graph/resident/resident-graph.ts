import type { SnapshotViews } from '../snapshot/layout.ts';
import type { StepChange } from '../rules/own-row.ts';
import { changeStep, completeStep, startStep, writeStep, enqueue, settle } from './settle.ts';
import {
  compactSlice,
  holdTask,
  park,
  resumeTask,
  setPriority,
  setStart,
  unpark,
} from './hold-and-park.ts';
import { refusal, slotOf, stepHandle, taskHandle, taskNumberOf, type Outcome } from './handles.ts';
import {
  badArgument,
  checkedPlacing,
  checkedSettings,
  requireInstant,
  requirePriority,
  requireWhole,
  type ResidentGraphOptions,
  type TaskPlacing,
  checkedShape,
  checkedTasks,
  type NewTasks,
} from './options.ts';
import { callerColumn, ResidentView } from './resident-view.ts';
import {
  settleBatchOf,
  type SettleBatch,
  type SettleReport,
  tellStatusChanges,
  type StatusChange,
} from './status.ts';
import { ResidentStore, PLACE, TASK_BITS, WORD } from './store.ts';
import { addTask, removeTask, type AddRefusal } from './tasks.ts';
import { addShapedTasks, TemplateShape, type ShapeDefinition } from './template-tasks.ts';

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
export class ResidentGraph extends ResidentView {
  readonly #shapes = new WeakMap<ResidentShape, TemplateShape>();

  constructor(options: ResidentGraphOptions) {
    super(new ResidentStore(checkedSettings(options)));
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
    const store = this.store;
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
    this.store.shapes.leave(known.number);
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

  /** Begins an attempt of a ready step: state `in_progress`, waits cleared; `stale` if it is not ready. O(1). */
  start(step: number): Outcome {
    const store = this.#begin();
    const slot = slotOf(store, step);
    return slot < 0 ? refusal(slot) : startStep(store, slot);
  }

  /** Completes a step: processed, not in process; `stale` if it is done already. O(out-degree). */
  complete(step: number): Outcome {
    const store = this.#begin();
    const slot = slotOf(store, step);
    return slot < 0 ? refusal(slot) : completeStep(store, slot);
  }

  /**
   * Changes the row of a step or ghost; `stale` if it is done: a change that comes late undoes no
   * completion. O(out-degree), and what comes to a dead end by it.
   */
  change(step: number, change: StepChange): Outcome {
    const store = this.#begin();
    const slot = slotOf(store, step);
    return slot < 0 ? refusal(slot) : changeStep(store, slot, change);
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
  settleBatch(batch: SettleBatch): SettleReport {
    return settleBatchOf(this.#begin(), batch);
  }

  /** Tasks whose status is another one than was last told here or by `settleBatch`. O(tasks changed). */
  takeStatusChanges(): StatusChange[] {
    return tellStatusChanges(this.store);
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
    requireWhole('lane', lane, 0, this.store.lanes - 1);
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

  /** Sets a value of a column of the caller's own, as its typed array takes it. */
  setValue(name: string, step: number, value: number | bigint): Outcome {
    const column = callerColumn(this.store, name);
    const slot = slotOf(this.store, step);
    if (slot < 0) return refusal(slot);
    if (typeof value !== (column instanceof BigInt64Array ? 'bigint' : 'number'))
      throw badArgument(name, value, column instanceof BigInt64Array ? 'a bigint' : 'a number');
    column[slot] = value;
    return 'ok';
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

  #begin(): ResidentStore {
    this.store.newlyReadyCount = 0;
    return this.store;
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
}
