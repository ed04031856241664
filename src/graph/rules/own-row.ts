import { STEP_FLAGS } from '../snapshot/layout.ts';
import { STATE_CODES } from '../snapshot/state-codes.ts';
import { engineRetryLimit, failureWaitMicros, type Rules } from './rules.ts';

/** Rows of steps in columns, as far as readiness depends on them. */
export interface StepColumns {
  readonly rules: Rules;
  readonly state: Uint8Array;
  readonly flags: Uint8Array;
  readonly attempts: Int32Array;
  readonly retryLimit: Int32Array;
  /** When the step fell into its present `error`, µs since the epoch, NaN where it is in none. */
  readonly failedAt: Float64Array;
  /** Stored next attempt, µs since the epoch, NaN for none. */
  readonly nextAttemptAt: Float64Array;
  /** End of the explicit wait (last attempt plus backoff), µs since the epoch, NaN for none. */
  readonly explicitUntil: Float64Array;
}

/** What a step's own row says of it. */
export const OWN_ROW = {
  /** The row allows a run: state, flags, attempts left; its task is answered. */
  mayRun: 1,
  /** The row holds an instant that may make it wait. */
  timed: 2,
  done: 4,
  /** The row itself rules every further run out (`engine` only). */
  dead: 8,
  /** In `error` without an attempt left. */
  exhausted: 16,
} as const;
/** All bits of {@link OWN_ROW}. */
export const OWN_ROW_BITS = 31;

/**
 * What a slot's own row says, as bits of `OWN_ROW`: all of readiness but parents and clock. O(1).
 *
 * Source: contract readiness E, R1, R2, R5, R6; decisions, Rules, under `engine`. The kernels of
 * whole snapshots say the same four steps at a time (`step-conditions.ts`), held to this by a test.
 *
 * @param answered whether the step's task is answered at all
 */
export function ownRowBits(data: StepColumns, slot: number, answered: boolean): number {
  const state = data.state[slot] as number;
  if (state >= STATE_CODES.complete) return OWN_ROW.done;
  const timed = isTimed(data, slot) ? OWN_ROW.timed : 0;
  if (state === STATE_CODES.in_progress) return timed;
  const engine = data.rules === 'engine';
  const dead = engine && isDead(data, slot, 'engine') ? OWN_ROW.dead : 0;
  if (state > STATE_CODES.error) return timed | dead;
  const stored = data.retryLimit[slot] as number;
  const limit = engine ? engineRetryLimit(stored) : stored;
  const flags = data.flags[slot] as number;
  const failed = state === STATE_CODES.error;
  const left = (data.attempts[slot] as number) < limit;
  const processed = (flags & STEP_FLAGS.processed) !== 0;
  const retryable = (flags & STEP_FLAGS.notRetryable) === 0;
  let bits = timed | dead;
  if (failed && !left) bits |= OWN_ROW.exhausted;
  const held = processed || (flags & STEP_FLAGS.inProcess) !== 0;
  const allowed = retryable || (engine && !failed);
  if (answered && left && !held && allowed) bits |= OWN_ROW.mayRun;
  return bits;
}

function isTimed(data: StepColumns, slot: number): boolean {
  const { failedAt, nextAttemptAt, explicitUntil } = data;
  return !(
    Number.isNaN(failedAt[slot]) &&
    Number.isNaN(nextAttemptAt[slot]) &&
    Number.isNaN(explicitUntil[slot])
  );
}

/** The columns that say whether a step has failed for good; a snapshot has them too. */
type FateColumns = Pick<StepColumns, 'state' | 'flags' | 'attempts' | 'retryLimit'>;

/**
 * True when the row alone keeps a step from ever running or completing again without an operator:
 * cancelled, failed for good, out of attempts, marked processed without being done, or in a state
 * that nobody knows. O(1).
 *
 * Under `rails` a step that is not retryable never runs, under `engine` its first attempt is free.
 *
 * Source: contract readiness R1, R2, R4, R5; decisions, Rules, under `engine`.
 */
export function isDead(rows: FateColumns, slot: number, rules: Rules): boolean {
  const state = rows.state[slot] as number;
  if (state >= STATE_CODES.complete || state === STATE_CODES.in_progress) return false;
  if (state > STATE_CODES.error) return true;
  const engine = rules === 'engine';
  const stored = rows.retryLimit[slot] as number;
  const limit = engine ? engineRetryLimit(stored) : stored;
  if ((rows.attempts[slot] as number) >= limit) return true;
  const flags = rows.flags[slot] as number;
  const free = engine && state === STATE_CODES.pending;
  const final = free ? STEP_FLAGS.processed : STEP_FLAGS.processed | STEP_FLAGS.notRetryable;
  return (flags & final) !== 0;
}

/**
 * When a slot's wait ends, µs since the epoch; -Infinity where it has none. O(1).
 *
 * Source: contract readiness R7, R8; under `engine` a stored next attempt decides alone.
 */
export function waitEnd(data: StepColumns, slot: number): number {
  if (data.rules === 'engine') {
    const stored = data.nextAttemptAt[slot] as number;
    if (!Number.isNaN(stored)) return stored;
  }
  const explicit = data.explicitUntil[slot] as number;
  const attemptsNull = ((data.flags[slot] as number) & STEP_FLAGS.attemptsNull) !== 0;
  const failure =
    (data.failedAt[slot] as number) +
    failureWaitMicros(data.attempts[slot] as number, attemptsNull);
  let end = -Infinity;
  // a comparison with NaN is false: no such wait
  if (explicit > end) end = explicit;
  if (failure > end) end = failure;
  return end;
}

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

/**
 * Changes a row; a step that falls into `error` without an instant does so at `clock`, µs since the
 * epoch, and any other state has none. O(1).
 */
export function writeRow(rows: StepColumns, slot: number, change: StepChange, clock: number): void {
  const stateBefore = rows.state[slot] as number;
  const state = change.state ?? stateBefore;
  rows.state[slot] = state;
  if (change.attempts !== undefined) rows.attempts[slot] = change.attempts;
  if (change.retryLimit !== undefined) rows.retryLimit[slot] = change.retryLimit;
  if (change.flags !== undefined) rows.flags[slot] = change.flags;
  if (change.nextAttemptAt !== undefined) rows.nextAttemptAt[slot] = change.nextAttemptAt;
  if (change.explicitUntil !== undefined) rows.explicitUntil[slot] = change.explicitUntil;
  if (state !== STATE_CODES.error) rows.failedAt[slot] = NaN;
  else if (change.failedAt !== undefined) rows.failedAt[slot] = change.failedAt;
  else if (stateBefore !== STATE_CODES.error) rows.failedAt[slot] = clock;
}
