import { EXECUTION_STATUSES, HEALTH_STATUSES } from '../snapshot/layout.ts';
import type { Rules } from './rules.ts';

/** What of a task's counts its status and health depend on; `taskFacts` sets the bits. */
const FACT = {
  ready: 1,
  inProgress: 2,
  failed: 4,
  exhausted: 8,
  /** A step is neither done nor at a dead end (`engine` only). */
  alive: 16,
  unfinished: 32,
  empty: 64,
} as const;
const FACTS = 128;

type ExecutionStatus = (typeof EXECUTION_STATUSES)[number]['status'];
type HealthStatus = (typeof HEALTH_STATUSES)[number];
/** What is said where the facts hold all bits of `all` and none of `none`. */
type Row<Status> = readonly [status: Status, all: number, none: number];

/** The first row that holds decides. */
interface StatusRules {
  readonly execution: readonly Row<ExecutionStatus>[];
  readonly health: readonly Row<HealthStatus>[];
}

/**
 * Under `engine` a task is blocked when no step is alive: by induction over the order of the DAG, as
 * long as one is, one can run, now, later, or after another task's step.
 *
 * Source: contract readiness §3; the `engine` rows of decisions, Rules.
 */
const STATUS_RULES: Readonly<Record<Rules, StatusRules>> = {
  rails: {
    execution: [
      ['has_ready_steps', FACT.ready, 0],
      ['processing', FACT.inProgress, 0],
      ['blocked_by_failures', FACT.exhausted, 0],
      ['all_complete', 0, FACT.unfinished | FACT.empty],
      ['waiting_for_dependencies', 0, 0],
    ],
    health: [
      ['healthy', 0, FACT.failed],
      ['blocked', FACT.exhausted, FACT.ready],
      ['recovering', 0, 0],
    ],
  },
  engine: {
    execution: [
      ['has_ready_steps', FACT.ready, 0],
      ['processing', FACT.inProgress, 0],
      ['all_complete', 0, FACT.unfinished],
      ['blocked_by_failures', 0, FACT.alive],
      ['waiting_for_dependencies', 0, 0],
    ],
    health: [
      ['blocked', FACT.unfinished, FACT.ready | FACT.inProgress | FACT.alive],
      ['healthy', 0, FACT.failed],
      ['recovering', 0, 0],
    ],
  },
};

/** Where the health begins in a verdict; the execution status stands below. */
const HEALTH_SHIFT = 4;

/** By `taskFacts`: the verdict of each rule set, which `executionOf` and `healthOf` take apart. */
export const TASK_VERDICTS = { rails: verdicts('rails'), engine: verdicts('engine') } as const;

function verdicts(rules: Rules): Uint8Array {
  const { execution, health } = STATUS_RULES[rules];
  return Uint8Array.from({ length: FACTS }, (_, facts) => {
    const status = decide(execution, facts);
    const code = EXECUTION_STATUSES.findIndex((entry) => entry.status === status);
    return code | (HEALTH_STATUSES.indexOf(decide(health, facts)) << HEALTH_SHIFT);
  });
}

function decide<Status>(rows: readonly Row<Status>[], facts: number): Status {
  return rows.find(([, all, none]) => (facts & all) === all && (facts & none) === 0)![0];
}

/**
 * Sums a task's counts up for `TASK_VERDICTS`. O(1), no allocation.
 *
 * @param deadEnds steps that are dead or unreachable; 0 under `rails`
 */
export function taskFacts(
  total: number,
  inProgress: number,
  completed: number,
  failed: number,
  ready: number,
  exhausted: number,
  deadEnds: number,
): number {
  // no branch: tasks are too mixed for a predictor, and no count reaches 2^31
  return (
    ((0 - ready) >>> 31) |
    (((0 - inProgress) >>> 31) << 1) |
    (((0 - failed) >>> 31) << 2) |
    (((0 - exhausted) >>> 31) << 3) |
    (((completed + deadEnds - total) >>> 31) << 4) |
    (((completed - total) >>> 31) << 5) |
    (((total - 1) >>> 31) << 6)
  );
}

/** Position of a verdict's status in `EXECUTION_STATUSES`. */
export function executionOf(verdict: number): number {
  return verdict & ((1 << HEALTH_SHIFT) - 1);
}

/** Position of a verdict's health in `HEALTH_STATUSES`. */
export function healthOf(verdict: number): number {
  return verdict >>> HEALTH_SHIFT;
}
