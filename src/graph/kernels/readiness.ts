import { RESULT_BITS, STEP_FLAGS, type SnapshotViews } from '../snapshot/layout.ts';
import { failureWaitMicros, type Rules } from '../rules/rules.ts';
import { combineConditions } from '../rules/step-conditions.ts';

const { ready, waiting } = RESULT_BITS;

/** Steps worked off at a time: their edges' running count stays in the first-level cache. */
const BLOCK_STEPS = 4096;
/** A block with more edges than this is counted step by step. */
const BLOCK_EDGES = 32_768;
const runningDone = new Int32Array(BLOCK_EDGES + 1);

/**
 * Everything of readiness that no clock can change, for the steps of tasks `firstTask` to
 * `endTask - 1`: dependencies, retry eligibility, readiness with the waits left out, and under
 * `engine` which steps are dead for their own sake.
 *
 * Writes `bits` and `completedParents`. O(steps + edges). Finished parents are the difference of a
 * running count at both ends of a step's edges, which takes half the time of a loop a step.
 *
 * Source: contract readiness D; the conditions of a step's own row stand in `step-conditions.ts`.
 */
export function resolveDependencies(
  views: SnapshotViews,
  rules: Rules,
  firstTask: number,
  endTask: number,
): void {
  const { taskSteps } = views;
  dependenciesOfSteps(views, rules, taskSteps[firstTask] as number, taskSteps[endTask] as number);
}

/** {@link resolveDependencies} for steps `first` to `end - 1`. */
export function dependenciesOfSteps(
  views: SnapshotViews,
  rules: Rules,
  first: number,
  end: number,
): void {
  for (let block = first; block < end; block += BLOCK_STEPS) {
    const blockEnd = Math.min(block + BLOCK_STEPS, end);
    countDoneParents(views, block, blockEnd);
    combineConditions(views, rules, block, blockEnd);
  }
}

/** Writes `completedParents` of a block of steps, and into `bits` whether these are all. */
function countDoneParents(views: SnapshotViews, first: number, end: number): void {
  const { parentOffsets, parents, state, completedParents, bits } = views;
  const firstEdge = parentOffsets[first] as number;
  const edges = (parentOffsets[end] as number) - firstEdge;
  if (edges > BLOCK_EDGES) {
    let edge = firstEdge;
    for (let step = first; step < end; step++) {
      const last = parentOffsets[step + 1] as number;
      const parentCount = last - edge;
      let done = 0;
      for (; edge < last; edge++) done += (state[parents[edge] as number] as number) >> 7;
      completedParents[step] = done;
      bits[step] = done === parentCount ? 1 : 0;
    }
    return;
  }
  let done = 0;
  for (let edge = 0; edge < edges; edge++) {
    done += (state[parents[firstEdge + edge] as number] as number) >> 7;
    runningDone[edge + 1] = done;
  }
  let before = 0;
  let edge = 0;
  for (let step = first; step < end; step++) {
    const last = (parentOffsets[step + 1] as number) - firstEdge;
    const after = runningDone[last] as number;
    completedParents[step] = after - before;
    bits[step] = after - before === last - edge ? 1 : 0;
    before = after;
    edge = last;
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
  const { taskSteps } = views;
  const first = taskSteps[firstTask] as number;
  waitsOfSteps(views, rules, nowMicros, first, taskSteps[endTask] as number);
}

/** {@link resolveWaits} for steps `first` to `end - 1`. */
export function waitsOfSteps(
  views: SnapshotViews,
  rules: Rules,
  nowMicros: number,
  first: number,
  end: number,
): void {
  const { timedStep, failedAt, nextAttemptAt, nextRetryAt } = views;
  const { bits, flags, attempts, lastAttemptedAt, backoffSeconds } = views;
  const engine = rules === 'engine';
  for (let at = firstTimed(views, first); at < timedStep.length; at++) {
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
