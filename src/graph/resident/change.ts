import { STEP_FLAGS } from '../snapshot/layout.ts';
import { STATE_CODES } from '../snapshot/state-codes.ts';
import type { Outcome } from './handles.ts';
import { OWN_ROW_BITS, writeRow, type StepChange } from '../rules/own-row.ts';
import {
  isDeadEnd,
  leaveReady,
  ownBits,
  passOn,
  passOnDeath,
  passOnForeign,
  settle,
  spreadDeadEnd,
} from './settle.ts';
import type { ResidentStore } from './store.ts';
import { NO_TASK, PLACE, TASK, TASK_BITS, WORD } from './words.ts';

/** Field of a task's record that counts the steps of a state. */
export function counterOf(state: number): number {
  if (state >= STATE_CODES.complete) return TASK.completed;
  if (state === STATE_CODES.pending) return TASK.pending;
  if (state === STATE_CODES.in_progress) return TASK.inProgress;
  return state === STATE_CODES.error ? TASK.failed : TASK.other;
}

/**
 * Writes the row of a step or ghost, whatever it was before, and everything that follows from it.
 * O(out-degree), plus what lies behind a step that comes to a dead end or leaves it.
 */
export function writeStep(store: ResidentStore, slot: number, change: StepChange): void {
  const before = store.words[slot] as number;
  const stateBefore = store.state[slot] as number;
  const deadEndBefore = isDeadEnd(store, slot);
  writeRow(store, slot, change, store.now);
  const task = store.taskOf[slot] as number;
  const word = (before & ~OWN_ROW_BITS) | ownBits(store, slot);
  store.words[slot] = word;
  if (task !== NO_TASK) {
    const record = task << TASK_BITS;
    add(store, record + counterOf(stateBefore), -1);
    add(store, record + counterOf(store.state[slot] as number), 1);
    const exhausted = (word & WORD.exhausted) - (before & WORD.exhausted);
    if (exhausted !== 0) add(store, record + TASK.exhausted, Math.sign(exhausted));
    store.changed(record);
  }
  if (((before ^ word) & WORD.done) !== 0) {
    const step = (word & WORD.done) === 0 ? 1 : -1;
    if (task !== NO_TASK) passOn(store, slot, step);
    passOnForeign(store, slot, step);
  }
  if (((before ^ word) & WORD.dead) !== 0) {
    passOnDeath(store, slot, (word & WORD.dead) === 0 ? -1 : 1);
  }
  const deadEnd = isDeadEnd(store, slot);
  if (deadEnd !== deadEndBefore) spreadDeadEnd(store, slot, deadEnd ? 1 : -1);
  settle(store, slot);
}

/** The same, but what is done stays done: a change that comes too late is `stale`. */
export function changeStep(store: ResidentStore, slot: number, change: StepChange): Outcome {
  if (((store.words[slot] as number) & WORD.done) !== 0) return 'stale';
  writeStep(store, slot, change);
  return 'ok';
}

/** What {@link completeStep} and {@link startStep} cannot do in passing. */
const UNUSUAL = WORD.timed | WORD.dead | WORD.exhausted | WORD.foreign;

/**
 * Completes a step: state `complete`, processed, not in process; its other fields stay. One that is
 * done already is `stale`. O(out-degree).
 */
export function completeStep(store: ResidentStore, slot: number): Outcome {
  const word = store.words[slot] as number;
  if ((word & WORD.done) !== 0) return 'stale';
  const flags = ((store.flags[slot] as number) | STEP_FLAGS.processed) & ~STEP_FLAGS.inProcess;
  const task = store.taskOf[slot] as number;
  if ((word & UNUSUAL) !== 0 || task === NO_TASK || store.blocked[slot] !== 0) {
    writeStep(store, slot, { state: STATE_CODES.complete, flags });
    return 'ok';
  }
  const record = task << TASK_BITS;
  // a step without an instant never waits
  if ((word & WORD.ready) !== 0) leaveReady(store, slot, word, record);
  else store.changed(record);
  add(store, record + counterOf(store.state[slot] as number), -1);
  add(store, record + TASK.completed, 1);
  store.state[slot] = STATE_CODES.complete;
  store.flags[slot] = flags;
  store.words[slot] = (word & ~(WORD.mayRun | WORD.ready | PLACE.mask)) | WORD.done;
  passOn(store, slot, -1);
  return 'ok';
}

/**
 * Begins an attempt of a ready step: state `in_progress`, waits cleared. One that is not ready is
 * `stale`. O(1), see `ReadyQueue`.
 */
export function startStep(store: ResidentStore, slot: number): Outcome {
  const word = store.words[slot] as number;
  if ((word & WORD.ready) === 0) return 'stale';
  if ((word & UNUSUAL) !== 0 || store.blocked[slot] !== 0) {
    writeStep(store, slot, {
      state: STATE_CODES.in_progress,
      nextAttemptAt: NaN,
      explicitUntil: NaN,
    });
    return 'ok';
  }
  const record = (store.taskOf[slot] as number) << TASK_BITS;
  leaveReady(store, slot, word, record);
  add(store, record + counterOf(store.state[slot] as number), -1);
  add(store, record + TASK.inProgress, 1);
  store.state[slot] = STATE_CODES.in_progress;
  store.words[slot] = word & ~(WORD.mayRun | WORD.ready | PLACE.mask);
  return 'ok';
}

function add(store: ResidentStore, at: number, difference: number): void {
  store.tasks[at] = (store.tasks[at] as number) + difference;
}
