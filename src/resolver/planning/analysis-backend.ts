import { setImmediate } from 'node:timers/promises';

import { blastRadius } from '../../graph/analysis/blast-radius.ts';
import type { EtaParameters, EtaResult } from '../../graph/analysis/eta.ts';
import { planEta } from '../../graph/analysis/eta-plan.ts';
import type { SnapshotViews } from '../../graph/snapshot/layout.ts';
import { finishNow, type Pieces } from '../../graph/snapshot/pieces.ts';
import { shapeOfTask, simulateEta, type ShapeOfTask } from '../../graph/analysis/task-analysis.ts';
import { Scratch } from '../../graph/snapshot/topological-order.ts';

/** What is asked of one task's end. */
export interface EtaQuestion extends EtaParameters {
  /** Seconds that each step of the task has been running, by position. */
  readonly elapsed: Float64Array;
  /** Shares of the runs, from 0 to 1. */
  readonly shares: Float64Array;
  /** Most threads, where there are any. */
  readonly threads: number;
}

/**
 * One way to run the analysis kernels; all give the same numbers to the last bit. Undefined stands
 * for a task with a cycle. The forms with a signal leave the event loop to others in between and
 * raise the signal's reason.
 */
export interface AnalysisBackend {
  readonly name: 'inline' | 'native';
  shapeNow(
    views: SnapshotViews,
    task: number,
    durations: Float64Array<ArrayBuffer>,
  ): ShapeOfTask | undefined;
  shape(
    views: SnapshotViews,
    task: number,
    durations: Float64Array<ArrayBuffer>,
    signal: AbortSignal | undefined,
  ): Promise<ShapeOfTask | undefined>;
  etaNow(views: SnapshotViews, task: number, question: EtaQuestion): EtaResult | undefined;
  eta(
    views: SnapshotViews,
    task: number,
    question: EtaQuestion,
    signal: AbortSignal | undefined,
  ): Promise<EtaResult | undefined>;
  blastRadiusNow(views: SnapshotViews, starts: Uint32Array): Uint32Array;
  blastRadius(
    views: SnapshotViews,
    starts: Uint32Array,
    signal: AbortSignal | undefined,
  ): Promise<Uint32Array>;
}

/** How long the event loop is held before others have their turn, ms. */
const TURN_MILLIS = 5;

/** Does work in pieces with turns of the event loop in between; raises the signal's reason. */
export async function finishInTurns<Result>(
  pieces: Pieces<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  let turnEnd = performance.now() + TURN_MILLIS;
  for (;;) {
    signal?.throwIfAborted();
    const { done, value } = pieces.next();
    if (done === true) return value;
    if (performance.now() < turnEnd) continue;
    await setImmediate();
    turnEnd = performance.now() + TURN_MILLIS;
  }
}

/** Shared: nobody keeps anything in it from one piece to the next. */
const shared = new Scratch();
/** Steps of a task up to which the room stays for the next call: some hundred kilobytes. */
const KEPT_STEPS = 65_536;

function scratchFor({ taskSteps }: SnapshotViews, task: number): Scratch {
  const steps = (taskSteps[task + 1] as number) - (taskSteps[task] as number);
  return steps <= KEPT_STEPS ? shared : new Scratch();
}

function* etaPieces(
  views: SnapshotViews,
  task: number,
  question: EtaQuestion,
): Pieces<EtaResult | undefined> {
  const plan = planEta(views, task, question.elapsed, scratchFor(views, task));
  if (plan === undefined) return undefined;
  yield;
  return yield* simulateEta(plan, question, question.shares);
}

/** The kernels in TypeScript, in the calling thread. */
export const inlineAnalysis: AnalysisBackend = {
  name: 'inline',
  shapeNow: (views, task, durations) =>
    finishNow(shapeOfTask(views, task, durations, scratchFor(views, task))),
  shape: (views, task, durations, signal) =>
    finishInTurns(shapeOfTask(views, task, durations, scratchFor(views, task)), signal),
  etaNow: (views, task, question) => finishNow(etaPieces(views, task, question)),
  eta: (views, task, question, signal) => finishInTurns(etaPieces(views, task, question), signal),
  blastRadiusNow: (views, starts) => finishNow(blastRadius(views, starts)),
  blastRadius: (views, starts, signal) => finishInTurns(blastRadius(views, starts), signal),
};
