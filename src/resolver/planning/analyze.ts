import { TaskerError } from '../../errors.ts';
import type { DurationDistribution } from '../../graph/analysis/duration-distribution.ts';
import { finishNow } from '../../graph/snapshot/pieces.ts';
import type { GraphSnapshot } from '../../graph/snapshot/snapshot.ts';
import {
  blastRadiusRows,
  finishEstimate,
  taskAnalysis,
  type BlastRadius,
  type FinishEstimate,
  type TaskAnalysis,
} from './analysis-answer.ts';
import { finishInTurns, inlineAnalysis, type AnalysisBackend } from './analysis-backend.ts';
import {
  cyclicTask,
  etaQuestion,
  secondsOfSteps,
  stepNumbers,
  taskNumber,
  type AnalyzedStep,
} from './analysis-question.ts';
import { nativeAnalysis } from './native-analysis.ts';
import { loadNative, nativeUnavailable } from '../native.ts';

/** Where an analysis runs, and how it ends early. */
export interface AnalysisOptions {
  /**
   * `auto` takes the native addon where there is one, but for tiny tasks; `inline` the kernels in
   * TypeScript; `native` insists. The numbers are the same to the last bit. Default `auto`.
   */
  readonly backend?: 'auto' | 'inline' | 'native';
  /** Ends an asynchronous form early; the others do not look at it. */
  readonly signal?: AbortSignal;
}

/** Options of {@link analyzeTask}. */
export interface AnalyzeOptions extends AnalysisOptions {
  /** Seconds that a step takes, from 0 to 1e15; default 1 for every step. */
  readonly secondsOf?: (step: AnalyzedStep) => number;
}

/** Options of {@link estimateFinish}. */
export interface EstimateOptions extends AnalysisOptions {
  /**
   * How long a step takes; see {@link DurationDistribution}. The same object for several steps is
   * checked and stored once.
   */
  readonly distributionOf: (step: AnalyzedStep) => DurationDistribution;
  /** Seconds that a step in progress has been running; default 0. */
  readonly elapsedOf?: (step: AnalyzedStep) => number;
  /** Default 10,000: the median is then right within about 1 % of the spread. At most 10 million. */
  readonly runs?: number;
  /** Default 1; the same seed gives the same answer. */
  readonly seed?: number;
  /** Shares from 0 to 1; default 0.5, 0.9, 0.95, 0.99. */
  readonly shares?: readonly number[];
  /**
   * Most threads of the addon for large simulations; the answer does not depend on it. Default: the
   * cores this process may use, at most 8.
   */
  readonly threads?: number;
}

/** Steps from which `auto` takes the addon: below, calling it costs more than it saves. */
const NATIVE_STEPS = 20;

/**
 * Critical path, slack, widths of the levels and redundant edges of one task, whatever the state of
 * its steps. Edges from other tasks are left out. Writes nothing into the snapshot.
 *
 * Errors: TASKER_UNKNOWN_TASK, TASKER_CYCLE, TASKER_BAD_ARGUMENT (a duration that is negative or
 * too long), TASKER_BACKEND_UNAVAILABLE. Complexity: O(steps + edges), but for the redundant edges,
 * which may take O(steps x edges) in graphs that are not layered.
 */
export function analyzeTask(
  snapshot: GraphSnapshot,
  taskId: bigint,
  options: AnalyzeOptions = {},
): TaskAnalysis {
  const task = taskNumber(snapshot, taskId);
  const backend = chosen(options, stepsOf(snapshot, task));
  const durations = finishNow(secondsOfSteps(snapshot, task, 'secondsOf', options.secondsOf, 1));
  const shape = backend.shapeNow(snapshot.views, task, durations);
  if (shape === undefined) throw cyclicTask(taskId);
  return finishNow(taskAnalysis(snapshot, task, shape));
}

/**
 * {@link analyzeTask} for large tasks: the addon works off the event loop, the kernels in TypeScript
 * give it turns (a pass over the task is one turn: up to 40 ms at a million steps). The snapshot may be
 * resolved meanwhile, but not changed.
 *
 * Errors: as there, and the signal's reason.
 */
export async function analyzeTaskAsync(
  snapshot: GraphSnapshot,
  taskId: bigint,
  options: AnalyzeOptions = {},
): Promise<TaskAnalysis> {
  const { signal } = options;
  const task = taskNumber(snapshot, taskId);
  const backend = chosen(options, stepsOf(snapshot, task));
  const asked = secondsOfSteps(snapshot, task, 'secondsOf', options.secondsOf, 1);
  const durations = await finishInTurns(asked, signal);
  const shape = await backend.shape(snapshot.views, task, durations, signal);
  if (shape === undefined) throw cyclicTask(taskId);
  return finishInTurns(taskAnalysis(snapshot, task, shape), signal);
}

/**
 * When one task may be done, by simulation of what is left of it; see `EtaSimulation` for what is
 * taken into account.
 *
 * Errors: TASKER_UNKNOWN_TASK, TASKER_CYCLE, TASKER_BAD_ARGUMENT, TASKER_BACKEND_UNAVAILABLE.
 * O(runs x (steps + edges)).
 */
export function estimateFinish(
  snapshot: GraphSnapshot,
  taskId: bigint,
  options: EstimateOptions,
): FinishEstimate {
  const task = taskNumber(snapshot, taskId);
  const backend = chosen(options, Infinity);
  const question = finishNow(etaQuestion(snapshot, task, options));
  const result = backend.etaNow(snapshot.views, task, question);
  if (result === undefined) throw cyclicTask(taskId);
  return finishNow(finishEstimate(snapshot, task, question.shares, result));
}

/**
 * {@link estimateFinish} for many runs: the addon works off the event loop on `threads` threads, the
 * kernels in TypeScript give it turns after some milliseconds.
 *
 * Errors: as there, and the signal's reason.
 */
export async function estimateFinishAsync(
  snapshot: GraphSnapshot,
  taskId: bigint,
  options: EstimateOptions,
): Promise<FinishEstimate> {
  const { signal } = options;
  const task = taskNumber(snapshot, taskId);
  const backend = chosen(options, Infinity);
  const question = await finishInTurns(etaQuestion(snapshot, task, options), signal);
  const result = await backend.eta(snapshot.views, task, question, signal);
  if (result === undefined) throw cyclicTask(taskId);
  return finishInTurns(finishEstimate(snapshot, task, question.shares, result), signal);
}

/**
 * Steps of the snapshot that can no longer run if these steps fail for good; see `blastRadius`.
 *
 * Errors: TASKER_NOT_FOUND for a step that is not in the snapshot, TASKER_BAD_ARGUMENT for no list,
 * TASKER_BACKEND_UNAVAILABLE.
 * O(steps + edges).
 */
export function blastRadiusOf(
  snapshot: GraphSnapshot,
  stepIds: readonly bigint[],
  options: AnalysisOptions = {},
): BlastRadius {
  const starts = stepNumbers(snapshot, stepIds);
  const backend = chosen(options, snapshot.views.counts.steps);
  return finishNow(blastRadiusRows(snapshot, backend.blastRadiusNow(snapshot.views, starts)));
}

/**
 * {@link blastRadiusOf} for large snapshots: the addon works off the event loop, the kernels in
 * TypeScript give it turns. The snapshot may be resolved meanwhile, but not changed.
 *
 * Errors: as there, and the signal's reason.
 */
export async function blastRadiusOfAsync(
  snapshot: GraphSnapshot,
  stepIds: readonly bigint[],
  options: AnalysisOptions = {},
): Promise<BlastRadius> {
  const { signal } = options;
  const starts = stepNumbers(snapshot, stepIds);
  const backend = chosen(options, snapshot.views.counts.steps);
  const stopped = await backend.blastRadius(snapshot.views, starts, signal);
  return finishInTurns(blastRadiusRows(snapshot, stopped), signal);
}

function stepsOf({ views }: GraphSnapshot, task: number): number {
  return (views.taskSteps[task + 1] as number) - (views.taskSteps[task] as number);
}

function chosen({ backend = 'auto' }: AnalysisOptions, steps: number): AnalysisBackend {
  if (!['auto', 'inline', 'native'].includes(backend)) {
    const message = `Option backend is ${backend as string}, not auto, inline or native.`;
    throw new TaskerError('TASKER_BAD_ARGUMENT', message, { data: { field: 'backend' } });
  }
  const { addon, attempts } = loadNative(process.env);
  if (addon === undefined) {
    if (backend !== 'native') return inlineAnalysis;
    throw nativeUnavailable(attempts, 'Or leave the choice to backend auto.');
  }
  const tiny = backend === 'auto' && steps < NATIVE_STEPS;
  return backend === 'inline' || tiny ? inlineAnalysis : nativeAnalysis(addon);
}
