import { availableParallelism } from 'node:os';

import { TaskerError } from '../../errors.ts';
import {
  distributionProblem,
  MOST_SECONDS,
  type DurationDistribution,
} from '../../graph/analysis/duration-distribution.ts';
import { DurationPacker } from '../../graph/analysis/packed-durations.ts';
import type { Pieces } from '../../graph/snapshot/pieces.ts';
import type { GraphSnapshot } from '../../graph/snapshot/snapshot.ts';
import type { EtaQuestion } from './analysis-backend.ts';

/** A step as the callbacks of an analysis get it. */
export interface AnalyzedStep {
  readonly stepId: bigint;
  readonly name: string;
}

/** Most runs of a simulation: 80 MB of ends. */
const MOST_RUNS = 10_000_000;
/** Steps asked about in one piece. */
const PIECE_STEPS = 8192;

/** What {@link etaQuestion} checks. */
export interface EtaInput {
  readonly distributionOf: (step: AnalyzedStep) => DurationDistribution;
  readonly elapsedOf?: (step: AnalyzedStep) => number;
  readonly runs?: number;
  readonly seed?: number;
  readonly shares?: readonly number[];
  readonly threads?: number;
}

/** The number of a task in its snapshot. Errors: TASKER_UNKNOWN_TASK. O(tasks). */
export function taskNumber({ views }: GraphSnapshot, taskId: bigint): number {
  const task = views.taskId.indexOf(taskId);
  if (task !== -1) return task;
  throw new TaskerError('TASKER_UNKNOWN_TASK', `Task ${taskId} is not in the snapshot.`, {
    data: { taskId: String(taskId) },
  });
}

/** Numbers of steps in their snapshot. Errors: TASKER_NOT_FOUND, TASKER_BAD_ARGUMENT. O(steps) each. */
export function stepNumbers({ views }: GraphSnapshot, stepIds: readonly bigint[]): Uint32Array {
  if (!Array.isArray(stepIds)) throw badArgument('stepIds', stepIds, 'a list of ids');
  return Uint32Array.from(stepIds as readonly bigint[], (stepId) => {
    const node = views.stepId.indexOf(stepId);
    if (node !== -1) return node;
    throw new TaskerError('TASKER_NOT_FOUND', `Step ${stepId} is not in the snapshot.`, {
      data: { stepId: String(stepId) },
    });
  });
}

/** Seconds of each step of a task, by position. Errors: TASKER_BAD_ARGUMENT. */
export function* secondsOfSteps(
  snapshot: GraphSnapshot,
  task: number,
  field: string,
  secondsOf: ((step: AnalyzedStep) => number) | undefined,
  otherwise: number,
): Pieces<Float64Array<ArrayBuffer>> {
  const seconds = new Float64Array(stepCount(snapshot, task)).fill(otherwise);
  if (secondsOf === undefined) return seconds;
  for (let at = 0; at < seconds.length; at++) {
    if (at % PIECE_STEPS === PIECE_STEPS - 1) yield;
    const step = stepAt(snapshot, task, at);
    const value = secondsOf(step);
    if (typeof value !== 'number' || !(value >= 0 && value <= MOST_SECONDS)) {
      const wanted = `seconds from 0 to ${MOST_SECONDS} (step ${step.stepId})`;
      throw badArgument(field, value, wanted);
    }
    seconds[at] = value;
  }
  return seconds;
}

/** What is asked of one task's end, checked. Errors: TASKER_BAD_ARGUMENT. */
export function* etaQuestion(
  snapshot: GraphSnapshot,
  task: number,
  input: EtaInput,
): Pieces<EtaQuestion> {
  const { runs = 10_000, shares = [0.5, 0.9, 0.95, 0.99], seed = 1 } = input;
  const { threads = Math.min(8, availableParallelism()) } = input;
  if (!Number.isInteger(runs) || runs < 1 || runs > MOST_RUNS) {
    throw badArgument('runs', runs, `a whole number from 1 to ${MOST_RUNS}`);
  }
  if (!Number.isSafeInteger(seed)) throw badArgument('seed', seed, 'a whole number');
  if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
    throw badArgument('threads', threads, 'a whole number from 1 to 256');
  }
  for (const share of shares) {
    if (!(share >= 0 && share <= 1)) throw badArgument('shares', share, 'from 0 to 1');
  }
  if (typeof input.distributionOf !== 'function') {
    throw badArgument('distributionOf', input.distributionOf, 'a function');
  }
  const steps = stepCount(snapshot, task);
  const packer = new DurationPacker(steps);
  for (let at = 0; at < steps; at++) {
    if (at % PIECE_STEPS === PIECE_STEPS - 1) yield;
    const step = stepAt(snapshot, task, at);
    const distribution = input.distributionOf(step);
    if (packer.set(at, distribution)) requireSound(distribution, step);
  }
  const durations = packer.packed();
  yield;
  const elapsed = yield* secondsOfSteps(snapshot, task, 'elapsedOf', input.elapsedOf, 0);
  return { durations, elapsed, runs, seed, shares: Float64Array.from(shares), threads };
}

function requireSound(distribution: DurationDistribution, { stepId }: AnalyzedStep): void {
  const problem = distributionProblem(distribution);
  if (problem === undefined) return;
  throw new TaskerError(
    'TASKER_BAD_ARGUMENT',
    `The distribution of step ${stepId} (${distribution?.kind}) ${problem}.`,
    { data: { field: 'distributionOf', stepId: String(stepId) } },
  );
}

function stepCount({ views }: GraphSnapshot, task: number): number {
  return (views.taskSteps[task + 1] as number) - (views.taskSteps[task] as number);
}

function stepAt({ views, texts }: GraphSnapshot, task: number, at: number): AnalyzedStep {
  const step = (views.taskSteps[task] as number) + at;
  return {
    stepId: views.stepId[step] as bigint,
    name: texts.stepNames.get(views.namedStepId[step] as number) ?? '',
  };
}

function badArgument(field: string, value: unknown, wanted: string): TaskerError {
  return new TaskerError('TASKER_BAD_ARGUMENT', `${field} is ${String(value)}, not ${wanted}.`, {
    data: { field, value: String(value) },
  });
}

/** The error for a task that no order leads through. */
export function cyclicTask(taskId: bigint): TaskerError {
  return new TaskerError(
    'TASKER_CYCLE',
    `The steps of task ${taskId} depend on each other in a circle: no order leads through them.`,
    { data: { taskId: String(taskId) }, remedy: 'Resolve the task to see the circle.' },
  );
}
