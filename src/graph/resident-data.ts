import { BlockAllocator } from './resident-blocks.ts';
import {
  longerColumn,
  nextCapacity,
  sharedColumn,
  type SharedArrays,
  type SharedColumn,
} from './resident-columns.ts';
import { ForeignEdges } from './resident-foreign.ts';
import { ResidentIds } from './resident-ids.ts';
import { StepLists } from './resident-lists.ts';
import { ReadyQueue } from './resident-ready-queue.ts';
import { waitEnd, type ResidentRows } from './resident-row.ts';
import { ResidentShapes } from './resident-shapes.ts';
import { NO_TASK, TASK_BITS } from './resident-words.ts';
import type { Rules } from './rules.ts';
import { TimerWheel } from './timer-wheel.ts';

/** Sizes that a resident graph can grow to. */
export interface ResidentLimits {
  readonly maxSteps: number;
  readonly maxGraphWords: number;
}

/**
 * What a resident graph consists of: columns by slot (steps and ghosts), records by task, shapes,
 * indexes and queues. Functions beside it do the work.
 */
export class ResidentData implements ResidentRows {
  readonly rules: Rules;
  /** The clock, µs since the epoch; never goes back. */
  now: number;
  /** Bits and unfinished parents of each slot, see `WORD`. */
  words: SharedArrays['u32'];
  state: SharedArrays['u8'];
  flags: SharedArrays['u8'];
  attempts: SharedArrays['i32'];
  retryLimit: SharedArrays['i32'];
  /** Incoming edges whose parent is at a dead end (`engine` only). */
  blocked: SharedArrays['u32'];
  taskOf: SharedArrays['u32'];
  /** First edge to a step of another task, -1 without. */
  foreignEdges: SharedArrays['i32'];
  failedAt: SharedArrays['f64'];
  nextAttemptAt: SharedArrays['f64'];
  explicitUntil: SharedArrays['f64'];
  stepId: SharedArrays['i64'];
  tasks: SharedArrays['i32'];
  taskId: SharedArrays['i64'];
  taskCount = 0;
  taskTop = 0;
  readonly unusedTasks: number[] = [];
  ghosts = 0;
  readonly slots: BlockAllocator;
  readonly shapes: ResidentShapes;
  readonly stepIndex: ResidentIds;
  readonly taskIndex: ResidentIds;
  readonly lists: StepLists;
  readonly ready: ReadyQueue;
  readonly timers: TimerWheel;
  readonly foreign: ForeignEdges;
  /** Steps that the last change made ready, in the first `newlyReadyCount` places. */
  newlyReady = new Uint32Array(64);
  newlyReadyCount = 0;
  readonly #limits: ResidentLimits;

  constructor(rules: Rules, nowMicros: number, limits: ResidentLimits) {
    this.rules = rules;
    this.now = nowMicros;
    this.#limits = limits;
    const { maxSteps } = limits;
    const room = Math.min(64, maxSteps);
    this.slots = new BlockAllocator(maxSteps);
    this.words = sharedColumn('u32', room, maxSteps);
    this.state = sharedColumn('u8', room, maxSteps);
    this.flags = sharedColumn('u8', room, maxSteps);
    this.attempts = sharedColumn('i32', room, maxSteps);
    this.retryLimit = sharedColumn('i32', room, maxSteps);
    this.blocked = sharedColumn('u32', room, maxSteps);
    this.taskOf = sharedColumn('u32', room, maxSteps);
    this.foreignEdges = sharedColumn('i32', room, maxSteps);
    this.failedAt = sharedColumn('f64', room, maxSteps);
    this.nextAttemptAt = sharedColumn('f64', room, maxSteps);
    this.explicitUntil = sharedColumn('f64', room, maxSteps);
    this.stepId = sharedColumn('i64', room, maxSteps);
    this.tasks = sharedColumn('i32', 64 << TASK_BITS, maxSteps << TASK_BITS);
    this.taskId = sharedColumn('i64', 64, maxSteps);
    this.shapes = new ResidentShapes(limits.maxGraphWords);
    this.stepIndex = new ResidentIds(this.stepId);
    this.taskIndex = new ResidentIds(this.taskId);
    this.lists = new StepLists(room, maxSteps);
    this.ready = new ReadyQueue(this.lists);
    this.timers = new TimerWheel(this.lists, (slot) => waitEnd(this, slot), nowMicros);
    this.foreign = new ForeignEdges();
  }

  /** Makes room for a task of `steps` steps and `ghosts` ghosts; false where the limit is reached. */
  reserveSlots(steps: number, ghosts: number): boolean {
    const needed = this.slots.top + steps + ghosts;
    if (needed <= this.words.length) return true;
    if (ghosts === 0 && steps > 0 && this.slots.fits(steps)) return true;
    const capacity = nextCapacity(this.words.length, needed, this.#limits.maxSteps);
    if (capacity > 0) this.#growSteps(capacity);
    return capacity > 0;
  }

  /** Number of a new task's record, all zero. */
  allocateTask(): number {
    const task = this.unusedTasks.pop() ?? this.taskTop++;
    if (task >= this.taskId.length) {
      this.tasks = longerColumn(this.tasks, this.tasks.length * 2);
      this.taskId = longerColumn(this.taskId, this.taskId.length * 2);
      this.taskIndex.useColumn(this.taskId);
    }
    this.tasks.fill(0, task << TASK_BITS, (task + 1) << TASK_BITS);
    this.taskCount++;
    return task;
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

  /** Reports a step that became ready. */
  report(slot: number): void {
    if (this.newlyReadyCount === this.newlyReady.length) {
      const longer = new Uint32Array(this.newlyReady.length * 2);
      longer.set(this.newlyReady);
      this.newlyReady = longer;
    }
    this.newlyReady[this.newlyReadyCount++] = slot;
  }

  /** Columns by slot, each with its place here. */
  slotColumns(): readonly SharedColumn[] {
    return SLOT_COLUMNS.map((name) => this[name]);
  }

  #growSteps(capacity: number): void {
    for (const name of SLOT_COLUMNS) {
      this[name] = longerColumn(this[name], capacity) as never;
    }
    this.lists.grow(capacity);
    this.stepIndex.useColumn(this.stepId);
  }
}

const SLOT_COLUMNS = [
  'words',
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
