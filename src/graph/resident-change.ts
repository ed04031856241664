import { STEP_FLAGS } from './layout.ts';
import type { ResidentData } from './resident-data.ts';
import { isDeadEnd, OWN_ROW_BITS, ownRowBits } from './resident-row.ts';
import {
  leaveReady,
  passOn,
  passOnDeath,
  passOnForeign,
  settle,
  spreadDeadEnd,
} from './resident-settle.ts';
import { NO_TASK, RESIDENT_TASK, TASK, TASK_BITS, WORD } from './resident-words.ts';
import { STATE_CODES } from './state-codes.ts';

/** What changes in a step's row; what is left out stays as it is. */
export interface StepChange {
  /** State code, see `STATE_CODES`. */
  readonly state?: number;
  /** Attempts made; null counts as `attempts: 0` with the flag `attemptsNull`. */
  readonly attempts?: number;
  readonly retryLimit?: number;
  /** The whole flag byte, see `STEP_FLAGS`. */
  readonly flags?: number;
  /**
   * When the step fell into `error`, µs since the epoch; the clock where a step falls into it
   * without. Any other state clears it.
   */
  readonly failedAt?: number;
  /** Stored next attempt, µs since the epoch; NaN for none. */
  readonly nextAttemptAt?: number;
  /** End of the explicit wait (last attempt plus backoff), µs since the epoch; NaN for none. */
  readonly explicitUntil?: number;
}

/** Field of a task's record that counts the steps of a state. */
export function counterOf(state: number): number {
  if (state >= STATE_CODES.complete) return TASK.completed;
  if (state === STATE_CODES.pending) return TASK.pending;
  if (state === STATE_CODES.in_progress) return TASK.inProgress;
  return state === STATE_CODES.error ? TASK.failed : TASK.other;
}

/** True where the steps of a task may run at all: under `engine`, one with a cycle is set apart. */
export function mayRunAtAll(data: ResidentData, task: number): boolean {
  if (task === NO_TASK) return false;
  const flags = data.tasks[(task << TASK_BITS) + TASK.flags] as number;
  return data.rules === 'rails' || (flags & RESIDENT_TASK.cyclic) === 0;
}

/**
 * Changes the row of a step or ghost and everything that follows from it. O(out-degree), plus what
 * lies behind a step that comes to a dead end or leaves it.
 */
export function changeStep(data: ResidentData, slot: number, change: StepChange): void {
  const before = data.words[slot] as number;
  const stateBefore = data.state[slot] as number;
  const deadEndBefore = isDeadEnd(data, slot);
  writeRow(data, slot, change);
  const task = data.taskOf[slot] as number;
  const word = (before & ~OWN_ROW_BITS) | ownRowBits(data, slot, mayRunAtAll(data, task));
  data.words[slot] = word;
  if (task !== NO_TASK) {
    recount(data, task, stateBefore, data.state[slot] as number);
    const exhausted = (word & WORD.exhausted) - (before & WORD.exhausted);
    if (exhausted !== 0) add(data, task, TASK.exhausted, Math.sign(exhausted));
  }
  if (((before ^ word) & WORD.done) !== 0) {
    const step = (word & WORD.done) === 0 ? 1 : -1;
    if (task !== NO_TASK) passOn(data, slot, step);
    passOnForeign(data, slot, step);
  }
  if (((before ^ word) & WORD.dead) !== 0) {
    passOnDeath(data, slot, (word & WORD.dead) === 0 ? -1 : 1);
  }
  const deadEnd = isDeadEnd(data, slot);
  if (deadEnd !== deadEndBefore) spreadDeadEnd(data, slot, deadEnd ? 1 : -1);
  settle(data, slot);
}

/** What {@link completeStep} cannot do in passing. */
const UNUSUAL = WORD.timed | WORD.dead | WORD.exhausted | WORD.foreign;

/**
 * Completes a step: state `complete`, processed, not in process; its other fields stay. A step that
 * is done already stays as it is. O(out-degree).
 */
export function completeStep(data: ResidentData, slot: number): void {
  const word = data.words[slot] as number;
  if ((word & WORD.done) !== 0) return;
  const flags = ((data.flags[slot] as number) | STEP_FLAGS.processed) & ~STEP_FLAGS.inProcess;
  const task = data.taskOf[slot] as number;
  if ((word & UNUSUAL) !== 0 || task === NO_TASK || data.blocked[slot] !== 0) {
    changeStep(data, slot, { state: STATE_CODES.complete, flags });
    return;
  }
  const { tasks } = data;
  const record = task << TASK_BITS;
  // a step without an instant never waits
  if ((word & WORD.ready) !== 0) leaveReady(data, slot, word, record);
  const counter = record + counterOf(data.state[slot] as number);
  tasks[counter] = (tasks[counter] as number) - 1;
  tasks[record + TASK.completed] = (tasks[record + TASK.completed] as number) + 1;
  data.state[slot] = STATE_CODES.complete;
  data.flags[slot] = flags;
  data.words[slot] = (word & ~(WORD.mayRun | WORD.ready | WORD.taken)) | WORD.done;
  passOn(data, slot, -1);
}

function writeRow(data: ResidentData, slot: number, change: StepChange): void {
  const stateBefore = data.state[slot] as number;
  const state = change.state ?? stateBefore;
  data.state[slot] = state;
  if (change.attempts !== undefined) data.attempts[slot] = change.attempts;
  if (change.retryLimit !== undefined) data.retryLimit[slot] = change.retryLimit;
  if (change.flags !== undefined) data.flags[slot] = change.flags;
  if (change.nextAttemptAt !== undefined) data.nextAttemptAt[slot] = change.nextAttemptAt;
  if (change.explicitUntil !== undefined) data.explicitUntil[slot] = change.explicitUntil;
  if (state !== STATE_CODES.error) data.failedAt[slot] = NaN;
  else if (change.failedAt !== undefined) data.failedAt[slot] = change.failedAt;
  else if (stateBefore !== STATE_CODES.error) data.failedAt[slot] = data.now;
}

function recount(data: ResidentData, task: number, from: number, to: number): void {
  add(data, task, counterOf(from), -1);
  add(data, task, counterOf(to), 1);
}

function add(data: ResidentData, task: number, field: number, difference: number): void {
  const at = (task << TASK_BITS) + field;
  data.tasks[at] = (data.tasks[at] as number) + difference;
}
