import { TaskerError } from '../errors.ts';
import { blastRadius } from '../graph/blast-radius.ts';
import { criticalPath } from '../graph/critical-path.ts';
import { distributionProblem, type DurationDistribution } from '../graph/duration-distribution.ts';
import { earliestSchedule, type EarliestSchedule } from '../graph/earliest-schedule.ts';
import { percentiles, simulateEta } from '../graph/eta.ts';
import { levelWidths } from '../graph/level-width.ts';
import { resolveLevels } from '../graph/levels.ts';
import { isDead } from '../graph/reachability.ts';
import { redundantEdges } from '../graph/redundant-edges.ts';
import { slackOf } from '../graph/slack.ts';
import type { GraphSnapshot } from '../graph/snapshot.ts';
import { Scratch } from '../graph/topological-order.ts';

/** A step as the callbacks of an analysis get it. */
export interface AnalyzedStep {
  readonly stepId: bigint;
  readonly name: string;
}

/** Options of {@link analyzeTask}. */
export interface AnalyzeOptions {
  /** Seconds that a step takes, 0 or more; default 1 for every step. */
  readonly secondsOf?: (step: AnalyzedStep) => number;
}

/** Shape of a task and what decides its length. */
export interface TaskAnalysis {
  readonly taskId: bigint;
  readonly steps: number;
  /** Seconds from first start to last end with as many workers as there are steps. */
  readonly seconds: number;
  /** A longest chain, first to last. */
  readonly criticalPath: readonly bigint[];
  /** By step: earliest start, and how much later it may end (see `Slack`). */
  readonly slack: readonly {
    readonly stepId: bigint;
    readonly startSeconds: number;
    readonly totalSeconds: number;
    readonly freeSeconds: number;
  }[];
  /** Steps of each dependency level. */
  readonly levelWidths: readonly number[];
  readonly redundantEdges: readonly {
    readonly fromStepId: bigint;
    readonly toStepId: bigint;
    readonly reason: 'repeated' | 'implied';
  }[];
}

/** Options of {@link estimateFinish}. */
export interface EstimateOptions {
  /** How long a step takes; see {@link DurationDistribution}. */
  readonly distributionOf: (step: AnalyzedStep) => DurationDistribution;
  /** Seconds that a step in progress has been running; default 0. */
  readonly elapsedOf?: (step: AnalyzedStep) => number;
  /** Default 10,000: the median is then right within about 1 % of the spread. */
  readonly runs?: number;
  /** Default 1; the same seed gives the same answer. */
  readonly seed?: number;
  /** Shares from 0 to 1; default 0.5, 0.9, 0.95, 0.99. */
  readonly shares?: readonly number[];
}

/** When a task may be done at the earliest, seconds from now. */
export interface FinishEstimate {
  readonly taskId: bigint;
  /** False where a step is cancelled or failed for good: the task then never completes. */
  readonly canComplete: boolean;
  readonly meanSeconds: number;
  readonly percentiles: readonly { readonly share: number; readonly seconds: number }[];
  /** Share of the runs in which the step was on the path that decided the end, greatest first. */
  readonly criticality: readonly { readonly stepId: bigint; readonly share: number }[];
}

/** Steps that can no longer run, with their task. */
export interface BlastRadius {
  readonly steps: readonly { readonly stepId: bigint; readonly taskId: bigint }[];
  readonly tasks: readonly bigint[];
}

/**
 * Critical path, slack, widths of the levels and redundant edges of one task, whatever the state of
 * its steps. Edges from other tasks are left out.
 *
 * Errors: TASKER_UNKNOWN_TASK, TASKER_CYCLE, TASKER_BAD_ARGUMENT (a duration that is negative or
 * not finite). Complexity: that of `redundantEdges`, else O(steps + edges).
 */
export function analyzeTask(
  snapshot: GraphSnapshot,
  taskId: bigint,
  options: AnalyzeOptions = {},
): TaskAnalysis {
  const { views } = snapshot;
  const task = taskNumber(snapshot, taskId);
  const scratch = new Scratch();
  const secondsOf = options.secondsOf ?? ((): number => 1);
  const durations = numbersOf(snapshot, task, 'secondsOf', secondsOf);
  const schedule = earliestSchedule(views, task, durations, scratch) ?? cyclic(taskId);
  const { total, free } = slackOf(views, schedule, durations);
  const redundant = redundantEdges(views, task, scratch) ?? cyclic(taskId);
  resolveLevels(views, task, task + 1, scratch);
  const idOf = (step: number): bigint => views.stepId[step] as bigint;
  return {
    taskId,
    steps: durations.length,
    seconds: schedule.seconds,
    criticalPath: criticalPath(views, schedule).map(idOf),
    slack: Array.from(durations, (_, at) => slackRow(idOf, schedule, total, free, at)),
    levelWidths: [...levelWidths(views, task).widths],
    redundantEdges: redundant.map(({ parent, child, reason }) => ({
      fromStepId: idOf(parent),
      toStepId: idOf(child),
      reason,
    })),
  };
}

function slackRow(
  idOf: (step: number) => bigint,
  { first, start }: EarliestSchedule,
  total: Float64Array,
  free: Float64Array,
  at: number,
): TaskAnalysis['slack'][number] {
  return {
    stepId: idOf(first + at),
    startSeconds: start[at] as number,
    totalSeconds: total[at] as number,
    freeSeconds: free[at] as number,
  };
}

/**
 * When one task may be done, by simulation of what is left of it; see `simulateEta` for what is
 * taken into account.
 *
 * Errors: TASKER_UNKNOWN_TASK, TASKER_CYCLE, TASKER_BAD_ARGUMENT. O(runs x (steps + edges)).
 */
export function estimateFinish(
  snapshot: GraphSnapshot,
  taskId: bigint,
  options: EstimateOptions,
): FinishEstimate {
  const { views } = snapshot;
  const task = taskNumber(snapshot, taskId);
  const runs = options.runs ?? 10_000;
  if (!Number.isInteger(runs) || runs < 1) throw badArgument('runs', runs, 'a whole number from 1');
  const shares = options.shares ?? [0.5, 0.9, 0.95, 0.99];
  for (const share of shares) {
    if (!(share >= 0 && share <= 1)) throw badArgument('shares', share, 'from 0 to 1');
  }
  const distributions = stepsOf(snapshot, task).map((step) => {
    const distribution = options.distributionOf(step);
    const problem = distributionProblem(distribution);
    if (problem === undefined) return distribution;
    throw new TaskerError(
      'TASKER_BAD_ARGUMENT',
      `The distribution of step ${step.stepId} (${distribution.kind}) ${problem}.`,
      { data: { field: 'distributionOf', stepId: String(step.stepId) } },
    );
  });
  const elapsed = numbersOf(snapshot, task, 'elapsedOf', options.elapsedOf ?? ((): number => 0));
  const parameters = { distributions, elapsed, runs, seed: options.seed ?? 1 };
  const result = simulateEta(views, task, parameters, new Scratch()) ?? cyclic(taskId);
  const first = views.taskSteps[task] as number;
  let canComplete = true;
  for (let at = 0; at < elapsed.length; at++) if (isDead(views, first + at)) canComplete = false;
  const seconds = percentiles(result.finishes, shares);
  const criticality = Array.from(result.criticality, (share, at) => ({
    stepId: views.stepId[first + at] as bigint,
    share,
  }));
  return {
    taskId,
    canComplete,
    meanSeconds: result.mean,
    percentiles: shares.map((share, at) => ({ share, seconds: seconds[at] as number })),
    criticality: criticality.sort((a, b) => b.share - a.share),
  };
}

/**
 * Steps of the snapshot that can no longer run if these steps fail for good; see `blastRadius`.
 *
 * Errors: TASKER_NOT_FOUND for a step that is not in the snapshot. O(steps + edges).
 */
export function blastRadiusOf(snapshot: GraphSnapshot, stepIds: readonly bigint[]): BlastRadius {
  const { views } = snapshot;
  const nodes = stepIds.map((stepId) => {
    const node = views.stepId.indexOf(stepId);
    if (node !== -1) return node;
    throw new TaskerError('TASKER_NOT_FOUND', `Step ${stepId} is not in the snapshot.`, {
      data: { stepId: String(stepId) },
    });
  });
  const tasks = new Set<bigint>();
  let task = 0;
  const steps = Array.from(blastRadius(views, nodes), (step) => {
    while ((views.taskSteps[task + 1] as number) <= step) task++;
    const taskId = views.taskId[task] as bigint;
    tasks.add(taskId);
    return { stepId: views.stepId[step] as bigint, taskId };
  });
  return { steps, tasks: [...tasks] };
}

function taskNumber({ views }: GraphSnapshot, taskId: bigint): number {
  const task = views.taskId.indexOf(taskId);
  if (task !== -1) return task;
  throw new TaskerError('TASKER_UNKNOWN_TASK', `Task ${taskId} is not in the snapshot.`, {
    data: { taskId: String(taskId) },
  });
}

function stepsOf({ views, texts }: GraphSnapshot, task: number): AnalyzedStep[] {
  const first = views.taskSteps[task] as number;
  const end = views.taskSteps[task + 1] as number;
  return Array.from({ length: end - first }, (_, at) => ({
    stepId: views.stepId[first + at] as bigint,
    name: texts.stepNames.get(views.namedStepId[first + at] as number) ?? '',
  }));
}

/** What a callback says of each step, checked. */
function numbersOf(
  snapshot: GraphSnapshot,
  task: number,
  field: string,
  ask: (step: AnalyzedStep) => number,
): Float64Array {
  return Float64Array.from(stepsOf(snapshot, task), (step) => {
    const value = ask(step);
    if (value >= 0 && value < Infinity) return value;
    throw badArgument(field, value, `finite seconds from 0 (step ${step.stepId})`);
  });
}

function badArgument(field: string, value: number, wanted: string): TaskerError {
  return new TaskerError('TASKER_BAD_ARGUMENT', `${field} is ${value}, not ${wanted}.`, {
    data: { field, value: String(value) },
  });
}

function cyclic(taskId: bigint): never {
  throw new TaskerError(
    'TASKER_CYCLE',
    `The steps of task ${taskId} depend on each other in a circle: no order leads through them.`,
    { data: { taskId: String(taskId) }, remedy: 'Resolve the task to see the circle.' },
  );
}
