import { STEP_FLAGS } from '../layout.ts';
import { WORD } from './words.ts';
import { engineRetryLimit, failureWaitMicros, type Rules } from '../rules.ts';
import { STATE_CODES } from '../state-codes.ts';

/** The rows of a resident graph, by slot. */
export interface ResidentRows {
  readonly rules: Rules;
  readonly words: Uint32Array;
  readonly state: Uint8Array;
  readonly flags: Uint8Array;
  readonly attempts: Int32Array;
  readonly retryLimit: Int32Array;
  readonly blocked: Uint32Array;
  /** When the step fell into its present `error`, µs since the epoch, NaN where it is in none. */
  readonly failedAt: Float64Array;
  /** Stored next attempt, µs since the epoch, NaN for none. */
  readonly nextAttemptAt: Float64Array;
  /** End of the explicit wait (last attempt plus backoff), µs since the epoch, NaN for none. */
  readonly explicitUntil: Float64Array;
}

/** Bits of a step's word that its own row decides. */
export const OWN_ROW_BITS: number =
  WORD.mayRun | WORD.timed | WORD.done | WORD.dead | WORD.exhausted;

/**
 * What a slot's own row says, as bits of its word: all of readiness but parents and clock. O(1).
 *
 * Source: contract readiness E, R1, R2, R5, R6; decisions, Rules, under `engine`. The kernels of
 * whole snapshots say the same over columns (`readiness.ts`, `reachability.ts`).
 *
 * @param answered whether the step's task is answered at all
 */
export function ownRowBits(data: ResidentRows, slot: number, answered: boolean): number {
  const state = data.state[slot] as number;
  if (state >= STATE_CODES.complete) return WORD.done;
  const timed = isTimed(data, slot) ? WORD.timed : 0;
  if (state === STATE_CODES.in_progress) return timed;
  const engine = data.rules === 'engine';
  const dead = engine ? WORD.dead : 0;
  if (state > STATE_CODES.error) return timed | dead;
  const stored = data.retryLimit[slot] as number;
  const limit = engine ? engineRetryLimit(stored) : stored;
  const flags = data.flags[slot] as number;
  const failed = state === STATE_CODES.error;
  const left = (data.attempts[slot] as number) < limit;
  const processed = (flags & STEP_FLAGS.processed) !== 0;
  const retryable = (flags & STEP_FLAGS.notRetryable) === 0;
  let bits = timed;
  if (failed && !left) bits |= WORD.exhausted;
  if (processed || !left || (failed && !retryable)) bits |= dead;
  const held = processed || (flags & STEP_FLAGS.inProcess) !== 0;
  const allowed = retryable || (engine && !failed);
  if (answered && left && !held && allowed) bits |= WORD.mayRun;
  return bits;
}

function isTimed(data: ResidentRows, slot: number): boolean {
  const { failedAt, nextAttemptAt, explicitUntil } = data;
  return !(
    Number.isNaN(failedAt[slot]) &&
    Number.isNaN(nextAttemptAt[slot]) &&
    Number.isNaN(explicitUntil[slot])
  );
}

/**
 * When a slot's wait ends, µs since the epoch; -Infinity where it has none. O(1).
 *
 * Source: contract readiness R7, R8; under `engine` a stored next attempt decides alone.
 */
export function waitEnd(data: ResidentRows, slot: number): number {
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

/** True where the slot's step can never complete, for its own sake or an ancestor's (`engine`). O(1). */
export function isDeadEnd(data: ResidentRows, slot: number): boolean {
  const word = data.words[slot] as number;
  if ((word & WORD.dead) !== 0) return true;
  if ((word & WORD.done) !== 0 || data.blocked[slot] === 0) return false;
  return data.state[slot] !== STATE_CODES.in_progress;
}
