import { RESULT_BITS, STEP_FLAGS, type SnapshotViews } from './layout.ts';
import { failureWaitMicros, type Rules } from './rules.ts';
import { STATE_CODES } from './state-codes.ts';

const { dependenciesSatisfied, retryEligible, ready, waiting } = RESULT_BITS;
const BLOCKING = STEP_FLAGS.processed | STEP_FLAGS.inProcess | STEP_FLAGS.notRetryable;
const BLOCKING_ENGINE = STEP_FLAGS.processed | STEP_FLAGS.inProcess;

/**
 * Everything of readiness that no clock can change, for the steps of tasks `firstTask` to
 * `endTask - 1`: dependencies, retry eligibility, and readiness with the waits left out.
 *
 * Writes `bits` and `completedParents`. O(steps + edges), no allocation.
 * Source: contract readiness D, E and R1-R6; under `engine` the limit 0 is 1 and a step that is
 * not retryable may run while it is pending (decisions, Rules).
 */
export function resolveDependencies(
  views: SnapshotViews,
  rules: Rules,
  firstTask: number,
  endTask: number,
): void {
  const { taskSteps, parentOffsets, parents, state, flags, attempts, retryLimit } = views;
  const { bits, completedParents } = views;
  const first = taskSteps[firstTask] as number;
  const end = taskSteps[endTask] as number;
  const engine = rules === 'engine';
  const blocking = engine ? BLOCKING_ENGINE : BLOCKING;
  let edge = parentOffsets[first] as number;
  for (let step = first; step < end; step++) {
    const start = edge;
    const last = parentOffsets[step + 1] as number;
    let done = 0;
    for (; edge < last; edge++) done += (state[parents[edge] as number] as number) >> 7;
    completedParents[step] = done;
    const code = state[step] as number;
    const flag = flags[step] as number;
    let limit = retryLimit[step] as number;
    if (engine && limit === 0) limit = 1;
    let result = done === last - start ? dependenciesSatisfied : 0;
    if ((attempts[step] as number) < limit) result |= retryEligible;
    // pending (0) or error (2); bit 1 of the code tells them apart
    if (result === 3 && (code & 0xfd) === 0 && (flag & blocking) === 0) {
      if (!engine || code === 0 || (flag & STEP_FLAGS.notRetryable) === 0) result |= ready;
    }
    bits[step] = result;
  }
}

/** Index of the first timed row at or after `step`; O(log W). */
export function firstTimed(views: SnapshotViews, step: number): number {
  const { timedStep } = views;
  let low = 0;
  let high = timedStep.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((timedStep[middle] as number) < step) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The waits of the timed steps of these tasks: writes `nextRetryAt` and turns `ready` into
 * `waiting` where a wait is not over at `nowMicros` (µs since the epoch). A wait that ends now is
 * over. O(log W + timed steps), no allocation.
 *
 * Source: contract readiness R7, R8 and N; under `engine` a stored next attempt decides alone.
 */
export function resolveWaits(
  views: SnapshotViews,
  rules: Rules,
  nowMicros: number,
  firstTask: number,
  endTask: number,
): void {
  const { taskSteps, timedStep, failedAt, nextAttemptAt, nextRetryAt } = views;
  const { bits, flags, attempts, lastAttemptedAt, backoffSeconds } = views;
  const end = taskSteps[endTask] as number;
  const engine = rules === 'engine';
  for (let at = firstTimed(views, taskSteps[firstTask] as number); at < timedStep.length; at++) {
    const step = timedStep[at] as number;
    if (step >= end) break;
    const flag = flags[step] as number;
    const explicitEnd =
      (flag & STEP_FLAGS.backoffNull) === 0
        ? (lastAttemptedAt[step] as number) + (backoffSeconds[step] as number) * 1_000_000
        : NaN;
    const failed = failedAt[at] as number;
    const failureEnd =
      failed + failureWaitMicros(attempts[step] as number, (flag & STEP_FLAGS.attemptsNull) !== 0);
    const stored = engine ? (nextAttemptAt[at] as number) : NaN;
    let over: boolean;
    if (Number.isNaN(stored)) {
      // a comparison with NaN is false: no such wait, nothing to wait for
      over = !(explicitEnd > nowMicros) && !(failureEnd > nowMicros);
      nextRetryAt[at] = Number.isNaN(explicitEnd) ? failureEnd : explicitEnd;
    } else {
      over = stored <= nowMicros;
      nextRetryAt[at] = stored;
    }
    const result = bits[step] as number;
    if (!over && (result & ready) !== 0) bits[step] = (result & ~ready) | waiting;
  }
}

/** True for a state code that is neither known nor done: a text outside the contract. */
export function isForeignState(code: number): boolean {
  return code > STATE_CODES.cancelled && code < STATE_CODES.complete;
}
