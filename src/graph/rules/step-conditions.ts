import { STEP_FLAGS, type SnapshotViews } from '../snapshot/layout.ts';
import type { Rules } from './rules.ts';
import { STATE_CODES } from '../snapshot/state-codes.ts';

/** Fewer steps than this are not worth the views over words. */
const LEAST_FOR_WORDS = 256;
/** Whether the lowest byte of a word is the first one: only then are words lanes of four steps. */
export const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

const PASSED = STEP_FLAGS.processed | STEP_FLAGS.inProcess;
const NEVER = PASSED | STEP_FLAGS.notRetryable;

/** Bit 0: the state may run from `pending`; bit 1: from `error`. */
const RUNNABLE = new Uint8Array(256);
RUNNABLE[STATE_CODES.pending] = 1;
RUNNABLE[STATE_CODES.error] = 2;

/** By flag byte, the same bits where the flags allow it. */
function allowedStates(rules: Rules): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, flags) => {
    if ((flags & PASSED) !== 0) return 0;
    if ((flags & STEP_FLAGS.notRetryable) === 0) return 3;
    return rules === 'engine' ? 1 : 0;
  });
}
const ALLOWED = { rails: allowedStates('rails'), engine: allowedStates('engine') } as const;

/** By state code: 2 where nothing brings the step back, 1 where its row may say so, else 0. */
const MORTAL = Uint8Array.from({ length: 256 }, (_, code) => {
  if (code >= STATE_CODES.complete || code === STATE_CODES.in_progress) return 0;
  return code === STATE_CODES.pending || code === STATE_CODES.error ? 1 : 2;
});

/**
 * Completes the result bits of steps `first` to `end - 1`, which so far hold 1 where all parents
 * are done and 0 elsewhere: retry eligibility, readiness with the waits left out, exhaustion, and
 * under `engine` which steps are dead for their own sake (see `isDead` in `own-row.ts`).
 *
 * O(steps). States are too mixed for a branch predictor, hence arithmetic: the bytes of four steps
 * are worked on in one word, each in its lane, which takes half the time of tables step by step.
 *
 * Source: contract readiness E and R1-R6; under `engine` the limit 0 is 1 and a step that is not
 * retryable may run while it is pending (decisions, Rules).
 */
export function combineConditions(
  views: SnapshotViews,
  rules: Rules,
  first: number,
  end: number,
): void {
  const { state, flags, bits } = views;
  // all three sections start at a multiple of 8; a view over a part of one need not
  const aligned = ((state.byteOffset | flags.byteOffset | bits.byteOffset) & 3) === 0;
  let middle = first;
  let last = first;
  if (LITTLE_ENDIAN && aligned && end - first >= LEAST_FOR_WORDS) {
    middle = Math.min(end, (first + 3) & ~3);
    last = end & ~3;
  }
  combineSteps(views, rules, first, middle);
  if (last > middle) combineWords(views, rules === 'engine', middle, last);
  combineSteps(views, rules, last, end);
}

/** Step by step: for few steps, and those before and behind the words. */
function combineSteps(views: SnapshotViews, rules: Rules, first: number, end: number): void {
  const { state, flags, attempts, retryLimit, bits } = views;
  const allowed = ALLOWED[rules];
  const engine = rules === 'engine' ? 1 : 0;
  for (let step = first; step < end; step++) {
    const code = state[step] as number;
    const flag = flags[step] as number;
    const satisfied = bits[step] as number;
    const eligible = isLeft(attempts[step] as number, retryLimit[step] as number, engine);
    const runnable = RUNNABLE[code] as number;
    const failed = runnable >> 1;
    const allowance = runnable & (allowed[flag] as number);
    const run = satisfied & eligible & (allowance | (allowance >> 1));
    const exhausted = failed & (eligible ^ 1);
    const mortal = (MORTAL[code] as number) * engine;
    const dying = flag | (eligible ^ 1) | (failed & (flag >> 2));
    const dead = (mortal >> 1) | (mortal & dying & 1);
    bits[step] = satisfied | (eligible << 1) | (run << 2) | (dead << 4) | (exhausted << 7);
  }
}

/** 1 where attempts are left; `zero` is what the limit 0 stands for. */
function isLeft(attempts: number, limit: number, zero: number): number {
  return attempts < (limit === 0 ? zero : limit) ? 1 : 0;
}

/** Bit 0 of every lane. */
const ONES = 0x01_01_01_01;
const LOW = 0x7f_7f_7f_7f;

/** In bit 0 of each lane whether the byte is zero; the other bits are anything. */
function isZero(word: number): number {
  // the sum carries into bit 7 of its own lane at most
  return ~((((word & LOW) + LOW) | word) >>> 7);
}

/** Four steps at a time; `first` and `end` are multiples of 4. */
function combineWords(views: SnapshotViews, engine: boolean, first: number, end: number): void {
  const { attempts, retryLimit } = views;
  const states = wordsOf(views.state, first, end);
  const allFlags = wordsOf(views.flags, first, end);
  const results = wordsOf(views.bits, first, end);
  const zero = engine ? 1 : 0;
  const holding = engine ? PASSED * ONES : NEVER * ONES;
  for (let word = 0, at = first; word < results.length; word++, at += 4) {
    const eligible =
      isLeft(attempts[at] as number, retryLimit[at] as number, zero) |
      (isLeft(attempts[at + 1] as number, retryLimit[at + 1] as number, zero) << 8) |
      (isLeft(attempts[at + 2] as number, retryLimit[at + 2] as number, zero) << 16) |
      (isLeft(attempts[at + 3] as number, retryLimit[at + 3] as number, zero) << 24);
    const state = states[word] as number;
    const flags = allFlags[word] as number;
    const satisfied = results[word] as number;
    const failed = isZero(state ^ (STATE_CODES.error * ONES)) & ONES;
    const fresh = isZero(state) & isZero(flags & holding);
    const again = failed & isZero(flags & (NEVER * ONES));
    const run = satisfied & eligible & (fresh | again);
    const exhausted = failed & ~eligible;
    let dead = 0;
    if (engine) {
      const open = ~(state >>> 7) & ~isZero(state ^ (STATE_CODES.in_progress * ONES));
      // codes from cancelled on reach bit 7
      const stopped = ((state & LOW) + (0x80 - STATE_CODES.cancelled) * ONES) >>> 7;
      dead = open & (stopped | flags | ~eligible | (failed & (flags >>> 2))) & ONES;
    }
    results[word] = satisfied | (eligible << 1) | (run << 2) | (dead << 4) | (exhausted << 7);
  }
}

/** A section's bytes as words, from a multiple of 4 to another. */
function wordsOf(bytes: Uint8Array<SharedArrayBuffer>, first: number, end: number): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset + first, (end - first) >> 2);
}
