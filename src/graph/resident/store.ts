import { ForeignEdges, ResidentIds } from './ids.ts';
import { ReadyQueue, StepLists } from './ready-queue.ts';
import { ResidentShapes } from './shapes.ts';
import {
  BlockAllocator,
  type SharedArrays,
  type SharedColumn,
  longerColumn,
  nextCapacity,
  sharedColumn,
} from './storage.ts';
import { TimerWheel } from './timer-wheel.ts';
import { OWN_ROW, type StepColumns, waitEnd } from '../rules/own-row.ts';
import type { Rules } from '../rules/rules.ts';

/** Low bits of a step's word; its unfinished parents stand above them. */
export const WORD = {
  // what the step's own row says, or for `timed` its task's start
  ...OWN_ROW,
  /** Counted as ready; where it stands says `PLACE`. */
  ready: 32,
  /** In the timer queue. */
  waiting: 64,
  /** Low bit of `PLACE`. */
  placeLow: 128,
  /** Steps of other tasks depend on it. */
  foreign: 256,
  /** High bit of `PLACE`. */
  placeHigh: 512,
} as const;

/** The two bits of a ready step's word that say where it stands; both 0: in the ready queue. */
export const PLACE = {
  mask: WORD.placeLow | WORD.placeHigh,
  queued: 0,
  /** Taken from the ready queue and not yet changed; in no list. */
  taken: WORD.placeLow,
  /** In the list of the steps of held tasks. */
  held: WORD.placeHigh,
  /** In the list of a key. */
  parked: WORD.placeLow | WORD.placeHigh,
} as const;

/** Where the count of unfinished parents begins. */
export const PARENTS_SHIFT = 10;
/** One unfinished parent. */
export const ONE_PARENT = 1 << PARENTS_SHIFT;
/** Parents that one step can have at most. */
export const MAX_PARENTS = 2 ** (32 - PARENTS_SHIFT) - 1;
/** What must be exactly `mayRun` for a step to be ready or waiting. */
export const CANDIDATE = ~(ONE_PARENT - 1) | WORD.mayRun;

/** Fields of a task's record, in words of 32 bits: 64 bytes, one cache line. */
export const TASK = {
  first: 0,
  steps: 1,
  shape: 2,
  priorityClass: 3,
  /** Bits of `RESIDENT_TASK`; the status that was last reported stands above them. */
  flags: 4,
  /** By state: see `counterOf`. */
  pending: 5,
  inProgress: 6,
  completed: 7,
  failed: 8,
  /** Steps in states that are counted nowhere else. */
  other: 9,
  ready: 10,
  exhausted: 11,
  /** Steps at a dead end: dead or unreachable (`engine` only). */
  deadEnds: 12,
  /** First edge from a step of another task, -1 without. */
  foreignEdges: 13,
  /** Changes when the task's steps get other slots; part of their handles. */
  stepStamp: 14,
  /** Part of the task's handle. */
  taskStamp: 15,
} as const;
/** A record's length, as a power of two. */
export const TASK_BITS = 4;

/** Bits of a task record's flags. */
export const RESIDENT_TASK = {
  cyclic: 1,
  /** None of its steps is given out. */
  held: 2,
  /** It has a start instant of its own. */
  starts: 4,
  /** Its status may differ from the one that was last reported. */
  changed: 8,
} as const;
/** Where the status that was last reported begins in the flags; one more than its code, 0 for none. */
export const REPORTED_SHIFT = 8;

/** Owner of a ghost's slot. */
export const NO_TASK = 0xff_ff_ff_ff;

/** Slots and task numbers stay below this; what stands above them in a handle is a stamp. */
export const MOST_SLOTS: number = 2 ** 26;
/** Stamps stay below this: a handle is a whole number below 2^53. */
const MOST_STAMPS = 2 ** 27;

/** Kinds of columns that a caller may keep beside the graph's own. */
export type CallerColumnKind = keyof SharedArrays;

/** What a resident graph is made with, checked. */
export interface ResidentSettings {
  readonly rules: Rules;
  readonly nowMicros: number;
  readonly maxSteps: number;
  readonly maxGraphWords: number;
  readonly lanes: number;
  readonly columns: Readonly<Record<string, CallerColumnKind>>;
}

/**
 * What a resident graph consists of: columns by slot (steps and ghosts), records by task, shapes,
 * indexes and queues. Functions beside it do the work.
 */
export class ResidentStore implements StepColumns {
  readonly rules: Rules;
  /** The clock, µs since the epoch; never goes back. */
  now: number;
  /** Bits and unfinished parents of each slot, see `WORD`. */
  words: SharedArrays['u32'] = sharedColumn('u32', 64);
  state: SharedArrays['u8'] = sharedColumn('u8', 64);
  flags: SharedArrays['u8'] = sharedColumn('u8', 64);
  attempts: SharedArrays['i32'] = sharedColumn('i32', 64);
  retryLimit: SharedArrays['i32'] = sharedColumn('i32', 64);
  /** Incoming edges whose parent is at a dead end (`engine` only). */
  blocked: SharedArrays['u32'] = sharedColumn('u32', 64);
  taskOf: SharedArrays['u32'] = sharedColumn('u32', 64);
  /** First edge to a step of another task, -1 without. */
  foreignEdges: SharedArrays['i32'] = sharedColumn('i32', 64);
  failedAt: SharedArrays['f64'] = sharedColumn('f64', 64);
  nextAttemptAt: SharedArrays['f64'] = sharedColumn('f64', 64);
  explicitUntil: SharedArrays['f64'] = sharedColumn('f64', 64);
  stepId: SharedArrays['i64'] = sharedColumn('i64', 64);
  /** The caller's own columns by slot. */
  readonly own = new Map<string, SharedColumn>();
  tasks: SharedArrays['i32'] = sharedColumn('i32', 64 << TASK_BITS);
  taskId: SharedArrays['i64'] = sharedColumn('i64', 64);
  /** Start instants of tasks that have one of their own, µs since the epoch. */
  startAt: SharedArrays['f64'] = sharedColumn('f64', 64);
  taskCount = 0;
  taskTop = 0;
  readonly unusedTasks: number[] = [];
  /** Stamps of the ghosts, by slot. */
  readonly ghosts = new Map<number, number>();
  readonly slots: BlockAllocator;
  readonly shapes: ResidentShapes;
  readonly stepIndex: ResidentIds;
  readonly taskIndex: ResidentIds;
  readonly lists: StepLists;
  readonly ready: ReadyQueue;
  /** Ready steps of held tasks. */
  readonly held: number;
  /** Lists of parked steps by key. */
  readonly parked = new Map<number | string, number>();
  readonly timers: TimerWheel;
  readonly foreign = new ForeignEdges();
  readonly lanes: number;
  /** Steps that the last change made ready, in the first `newlyReadyCount` places. */
  newlyReady: Uint32Array = new Uint32Array(64);
  newlyReadyCount = 0;
  /** Steps that came to a dead end in the batch under way; undefined outside of one. */
  deadEnds: number[] | undefined;
  /** Records of tasks whose flag `changed` is set, and perhaps of some whose flag is not. */
  changedTasks: number[] = [];
  readonly #settings: ResidentSettings;
  #stamp = 0;

  constructor(settings: ResidentSettings) {
    this.#settings = settings;
    this.rules = settings.rules;
    this.now = settings.nowMicros;
    this.lanes = settings.lanes;
    for (const [name, kind] of Object.entries(settings.columns))
      this.own.set(name, sharedColumn(kind, 64));
    this.slots = new BlockAllocator(settings.maxSteps);
    this.shapes = new ResidentShapes(settings.maxGraphWords);
    this.stepIndex = new ResidentIds(this.stepId);
    this.taskIndex = new ResidentIds(this.taskId);
    this.lists = new StepLists(64);
    this.ready = new ReadyQueue(this.lists, settings.lanes);
    this.held = this.lists.create();
    this.timers = new TimerWheel(this.lists, (slot) => this.startOf(slot), settings.nowMicros);
  }

  /**
   * Makes room for tasks of together `steps` steps, and for ghosts; false where a limit is reached or
   * the memory cannot be had, and nothing has changed then.
   *
   * @param blocks how many blocks the steps stand in
   */
  reserve(tasks: number, steps: number, ghosts: number, blocks = 1): boolean {
    try {
      return this.#reserveTasks(tasks) && this.#reserveSlots(steps, ghosts, blocks);
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
  }

  #reserveTasks(tasks: number): boolean {
    const needed = this.taskTop + tasks - Math.min(tasks, this.unusedTasks.length);
    if (needed <= this.taskId.length) return true;
    const capacity = nextCapacity(this.taskId.length, needed, MOST_SLOTS);
    if (capacity === 0) return false;
    this.tasks = longerColumn(this.tasks, capacity << TASK_BITS);
    this.startAt = longerColumn(this.startAt, capacity);
    this.taskId = longerColumn(this.taskId, capacity);
    this.taskIndex.useColumn(this.taskId);
    return true;
  }

  #reserveSlots(steps: number, ghosts: number, blocks: number): boolean {
    const { maxSteps } = this.#settings;
    const needed = this.slots.top + steps + ghosts;
    if (needed <= Math.min(maxSteps, this.words.length)) return true;
    if (ghosts === 0 && blocks === 1 && steps > 0 && this.slots.fits(steps)) return true;
    if (needed > maxSteps) return false;
    const capacity = nextCapacity(this.words.length, needed, Math.max(maxSteps, 64));
    for (const name of SLOT_COLUMNS) this[name] = longerColumn(this[name], capacity) as never;
    for (const [name, column] of this.own) this.own.set(name, longerColumn(column, capacity));
    this.lists.grow(capacity);
    this.words = longerColumn(this.words, capacity);
    this.stepIndex.useColumn(this.stepId);
    return true;
  }

  /** Number of a new task's record, with room reserved before; all zero but for its stamps. */
  allocateTask(): number {
    const task = this.unusedTasks.pop() ?? this.taskTop++;
    const at = task << TASK_BITS;
    this.tasks.fill(0, at, at + (1 << TASK_BITS));
    this.tasks[at + TASK.stepStamp] = this.nextStamp();
    this.tasks[at + TASK.taskStamp] = this.nextStamp();
    this.tasks[at + TASK.foreignEdges] = -1;
    this.startAt[task] = NaN;
    this.taskCount++;
    this.changed(at);
    return task;
  }

  /** A number that no handle of the last 2^27 has. */
  nextStamp(): number {
    this.#stamp = this.#stamp + 1 === MOST_STAMPS ? 1 : this.#stamp + 1;
    return this.#stamp;
  }

  /** Slot of a step or ghost, or -1; expected O(1). */
  findStep(id: bigint): number {
    const low = Number(BigInt.asUintN(32, id));
    return this.stepIndex.find(low, Number(BigInt.asUintN(32, id >> 32n)));
  }

  /** Number of a resident task, or -1; expected O(1). */
  findTask(id: bigint): number {
    const low = Number(BigInt.asUintN(32, id));
    return this.taskIndex.find(low, Number(BigInt.asUintN(32, id >> 32n)));
  }

  /** True for the slot of a step whose task is not resident. */
  isGhost(slot: number): boolean {
    return this.taskOf[slot] === NO_TASK;
  }

  /** When a step may run by its row and its task's start, µs since the epoch; -Infinity for at once. O(1). */
  startOf(slot: number): number {
    const end = waitEnd(this, slot);
    const task = this.taskOf[slot] as number;
    if (task === NO_TASK) return end;
    const start = this.startAt[task] as number;
    return start > end ? start : end;
  }

  /** Reports a step that became ready. */
  report(slot: number): void {
    if (this.newlyReadyCount === this.newlyReady.length) {
      const longer = new Uint32Array(this.newlyReady.length * 2);
      longer.set(this.newlyReady);
      this.newlyReady = longer;
    }
    this.newlyReady[this.newlyReadyCount++] = slot;
  }

  /** Notes that the status of the task whose record begins at `record` may differ. */
  changed(record: number): void {
    const { tasks } = this;
    const flags = tasks[record + TASK.flags] as number;
    if ((flags & RESIDENT_TASK.changed) !== 0) return;
    tasks[record + TASK.flags] = flags | RESIDENT_TASK.changed;
    this.changedTasks.push(record);
    // tasks that come and go untold leave their records behind
    if (this.changedTasks.length > 2 * this.taskTop + 1024) {
      this.changedTasks = [...new Set(this.changedTasks)].filter(
        (at) => ((tasks[at + TASK.flags] as number) & RESIDENT_TASK.changed) !== 0,
      );
    }
  }

  /** Bytes of all columns by slot and by task. */
  get columnBytes(): { readonly slots: number; readonly tasks: number } {
    let slots = 0;
    for (const name of SLOT_COLUMNS) slots += this[name].byteLength;
    slots += this.words.byteLength;
    for (const column of this.own.values()) slots += column.byteLength;
    const tasks = this.tasks.byteLength + this.taskId.byteLength + this.startAt.byteLength;
    return { slots, tasks };
  }
}

/** Grown before `words`, whose length says how many slots there are. */
const SLOT_COLUMNS = [
  'state',
  'flags',
  'attempts',
  'retryLimit',
  'blocked',
  'taskOf',
  'foreignEdges',
  'failedAt',
  'nextAttemptAt',
  'explicitUntil',
  'stepId',
] as const;

/** Sizes of a resident graph, bytes. */
export interface ResidentMemory {
  /** Columns by slot, their queues' links included. */
  readonly slotBytes: number;
  readonly taskBytes: number;
  /** Distinct graphs. */
  readonly shapeBytes: number;
  /** Both indexes of ids. */
  readonly indexBytes: number;
  readonly foreignBytes: number;
  readonly queueBytes: number;
  readonly totalBytes: number;
  /** Highest slot in use plus one, and how many below it are free. */
  readonly slotsTop: number;
  readonly slotsFree: number;
}

/** Counts every array of a resident graph. */
export function residentBytes(store: ResidentStore): ResidentMemory {
  const columns = store.columnBytes;
  const sizes = {
    slotBytes: columns.slots + store.lists.bytes + store.slots.bytes,
    taskBytes: columns.tasks,
    shapeBytes: store.shapes.bytes,
    indexBytes: store.stepIndex.bytes + store.taskIndex.bytes,
    foreignBytes: store.foreign.bytes,
    queueBytes: store.ready.bytes + store.newlyReady.byteLength,
  };
  const totalBytes = Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0);
  return { ...sizes, totalBytes, slotsTop: store.slots.top, slotsFree: store.slots.free };
}
