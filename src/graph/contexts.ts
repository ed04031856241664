import { RESULT_BITS, type SnapshotViews } from './layout.ts';
import type { Rules } from './rules.ts';
import { STATE_CODES } from './state-codes.ts';

const HAS_READY = 0;
const PROCESSING = 1;
const BLOCKED = 2;
const ALL_COMPLETE = 3;
const WAITING = 4;

const HEALTHY = 0;
const RECOVERING = 1;
const BLOCKED_HEALTH = 2;

/**
 * Execution contexts of tasks `firstTask` to `endTask - 1`, after readiness.
 *
 * Writes the five counts, `executionStatus` and `healthStatus`. O(steps), no allocation.
 * Source: contract readiness §3; the `engine` rows of decisions, Rules.
 */
export function resolveContexts(
  views: SnapshotViews,
  rules: Rules,
  firstTask: number,
  endTask: number,
): void {
  const { taskSteps, state, bits } = views;
  const engine = rules === 'engine';
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
    let alive = 0;
    for (; step < end; step++) {
      const code = state[step] as number;
      const result = bits[step] as number;
      completed += code >> 7;
      readySteps += (result >> 2) & 1;
      if (code === STATE_CODES.pending) pending++;
      else if (code === STATE_CODES.in_progress) inProgress++;
      else if (code === STATE_CODES.error) {
        failed++;
        exhausted += ((result >> 1) & 1) ^ 1;
      }
      if (engine && code < 0x80 && (result & (RESULT_BITS.dead | RESULT_BITS.unreachable)) === 0) {
        alive++;
      }
    }
    views.pendingSteps[task] = pending;
    views.inProgressSteps[task] = inProgress;
    views.completedSteps[task] = completed;
    views.failedSteps[task] = failed;
    views.readySteps[task] = readySteps;
    const total = end - first;
    if (engine) {
      const status = engineStatus(total, completed, inProgress, readySteps, alive);
      views.executionStatus[task] = status;
      views.healthStatus[task] = engineHealth(status, failed);
    } else {
      views.executionStatus[task] = railsStatus(
        total,
        completed,
        inProgress,
        readySteps,
        exhausted,
      );
      views.healthStatus[task] = railsHealth(failed, readySteps, exhausted);
    }
  }
}

function railsStatus(
  total: number,
  completed: number,
  inProgress: number,
  readySteps: number,
  exhausted: number,
): number {
  if (readySteps > 0) return HAS_READY;
  if (inProgress > 0) return PROCESSING;
  if (exhausted > 0) return BLOCKED;
  return total > 0 && completed === total ? ALL_COMPLETE : WAITING;
}

function railsHealth(failed: number, readySteps: number, exhausted: number): number {
  if (failed === 0) return HEALTHY;
  if (readySteps > 0) return RECOVERING;
  return exhausted > 0 ? BLOCKED_HEALTH : RECOVERING;
}

/**
 * A task is blocked when no step that is neither done nor dead nor unreachable is left: by
 * induction over the order of the DAG, as long as one is left, one can run, now, later, or after
 * another task's step.
 */
function engineStatus(
  total: number,
  completed: number,
  inProgress: number,
  readySteps: number,
  alive: number,
): number {
  if (readySteps > 0) return HAS_READY;
  if (inProgress > 0) return PROCESSING;
  if (completed === total) return ALL_COMPLETE;
  return alive > 0 ? WAITING : BLOCKED;
}

function engineHealth(status: number, failed: number): number {
  if (status === BLOCKED) return BLOCKED_HEALTH;
  return failed === 0 ? HEALTHY : RECOVERING;
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
