import { RESULT_BITS, type SnapshotViews } from '../snapshot/layout.ts';
import type { Pieces } from '../snapshot/pieces.ts';
import type { Rules } from '../rules/rules.ts';
import { executionOf, healthOf, TASK_VERDICTS, taskFacts } from '../rules/task-status.ts';
import { STATE_CODES } from '../snapshot/state-codes.ts';

/** Steps that can be counted in one byte of a packed word. */
const PACKED_STEPS = 255;

/** By state code, one in a byte: pending, in progress, completed, failed. */
const BY_STATE = Int32Array.from({ length: 256 }, (_, code) => {
  if (code === STATE_CODES.pending) return 1;
  if (code === STATE_CODES.in_progress) return 1 << 8;
  if (code >= STATE_CODES.complete) return 1 << 16;
  return code === STATE_CODES.error ? 1 << 24 : 0;
});

/** By result bits, one in a byte: ready, exhausted, at a dead end. */
const BY_BITS = Int32Array.from({ length: 256 }, (_, bits) => {
  const deadEnd = (bits & (RESULT_BITS.dead | RESULT_BITS.unreachable)) !== 0;
  return (
    ((bits & RESULT_BITS.ready) === 0 ? 0 : 1) |
    ((bits & RESULT_BITS.exhausted) === 0 ? 0 : 1 << 8) |
    (deadEnd ? 1 << 16 : 0)
  );
});

/**
 * Execution contexts of tasks `firstTask` to `endTask - 1`, after readiness.
 *
 * Writes the five counts, `executionStatus` and `healthStatus`. O(steps), no allocation: a step is
 * two table look-ups, which count seven things in two words.
 * The rules stand in `task-status.ts`.
 */
export function resolveContexts(
  views: SnapshotViews,
  rules: Rules,
  firstTask: number,
  endTask: number,
): void {
  // taken out of the loop: a store through `views` takes twice the time
  const { taskSteps, state, bits, executionStatus, healthStatus } = views;
  const { pendingSteps, inProgressSteps, completedSteps, failedSteps } = views;
  const readyCounts = views.readySteps;
  const verdicts = TASK_VERDICTS[rules];
  let step = taskSteps[firstTask] as number;
  for (let task = firstTask; task < endTask; task++) {
    const first = step;
    const end = taskSteps[task + 1] as number;
    let pending = 0;
    let inProgress = 0;
    let completed = 0;
    let failed = 0;
    let readySteps = 0;
    let exhausted = 0;
    let deadEnds = 0;
    while (step < end) {
      const stop = end - step > PACKED_STEPS ? step + PACKED_STEPS : end;
      let byState = 0;
      let byBits = 0;
      for (; step < stop; step++) {
        byState = (byState + (BY_STATE[state[step] as number] as number)) | 0;
        byBits = (byBits + (BY_BITS[bits[step] as number] as number)) | 0;
      }
      pending += byState & 0xff;
      inProgress += (byState >>> 8) & 0xff;
      completed += (byState >>> 16) & 0xff;
      failed += byState >>> 24;
      readySteps += byBits & 0xff;
      exhausted += (byBits >>> 8) & 0xff;
      deadEnds += byBits >>> 16;
    }
    pendingSteps[task] = pending;
    inProgressSteps[task] = inProgress;
    completedSteps[task] = completed;
    failedSteps[task] = failed;
    readyCounts[task] = readySteps;
    const total = end - first;
    const facts = taskFacts(total, inProgress, completed, failed, readySteps, exhausted, deadEnds);
    const verdict = verdicts[facts] as number;
    executionStatus[task] = executionOf(verdict);
    healthStatus[task] = healthOf(verdict);
  }
}

/**
 * {@link resolveContexts} for one task, in pieces of `visits` steps. How often each state code and
 * each result byte occurs is all that a piece leaves to the next.
 */
export function* contextPieces(
  views: SnapshotViews,
  rules: Rules,
  task: number,
  visits: number,
): Pieces<void> {
  const { taskSteps, state, bits } = views;
  const first = taskSteps[task] as number;
  const end = taskSteps[task + 1] as number;
  const states = new Uint32Array(256);
  const results = new Uint32Array(256);
  for (let from = first; from < end; from += visits) {
    if (from > first) yield;
    count(state, from, Math.min(from + visits, end), states);
    count(bits, from, Math.min(from + visits, end), results);
  }
  const [pending, inProgress, completed, failed] = sums(states, BY_STATE);
  const [ready, exhausted, deadEnds] = sums(results, BY_BITS);
  const total = end - first;
  views.pendingSteps[task] = pending;
  views.inProgressSteps[task] = inProgress;
  views.completedSteps[task] = completed;
  views.failedSteps[task] = failed;
  views.readySteps[task] = ready;
  const facts = taskFacts(total, inProgress, completed, failed, ready, exhausted, deadEnds);
  const verdict = TASK_VERDICTS[rules][facts] as number;
  views.executionStatus[task] = executionOf(verdict);
  views.healthStatus[task] = healthOf(verdict);
}

/** Adds how often each byte occurs in rows `from` to `end - 1`. */
function count(bytes: Uint8Array, from: number, end: number, into: Uint32Array): void {
  for (let at = from; at < end; at++) {
    const byte = bytes[at] as number;
    into[byte] = (into[byte] as number) + 1;
  }
}

/** What a table of packed words counts: one sum for each byte of them. */
function sums(
  occurrences: Uint32Array,
  packed: Int32Array,
): [first: number, second: number, third: number, fourth: number] {
  const sum = (shift: number): number =>
    occurrences.reduce(
      (all, often, at) => all + often * (((packed[at] as number) >>> shift) & 1),
      0,
    );
  return [sum(0), sum(8), sum(16), sum(24)];
}

/**
 * Completed share of a task as the SQL prints it: hundredths, rounded half away from zero.
 *
 * @returns `0.0` for a task without steps, else text with two decimals (`33.33`)
 */
export function completionPercentage(completed: number, total: number): string {
  if (total === 0) return '0.0';
  const hundredths = Math.floor((completed * 20_000 + total) / (2 * total));
  const whole = Math.floor(hundredths / 100);
  return `${whole}.${String(hundredths % 100).padStart(2, '0')}`;
}
