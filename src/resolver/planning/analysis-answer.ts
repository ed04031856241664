import type { EtaResult } from '../../graph/analysis/eta.ts';
import type { Pieces } from '../../graph/snapshot/pieces.ts';
import { isDead } from '../../graph/rules/own-row.ts';
import { REDUNDANCY_CODES } from '../../graph/analysis/redundant-edges.ts';
import type { GraphSnapshot } from '../../graph/snapshot/snapshot.ts';
import type { ShapeOfTask } from '../../graph/analysis/task-analysis.ts';

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

/** Rows made in one piece: about a millisecond. */
const PIECE_ROWS = 8192;

/** The rows of an analysis. O(steps + redundant edges). */
export function* taskAnalysis(
  { views }: GraphSnapshot,
  task: number,
  shape: ShapeOfTask,
): Pieces<TaskAnalysis> {
  const { start, totalSlack, freeSlack, path, widths, redundant } = shape;
  const first = views.taskSteps[task] as number;
  const idOf = (step: number): bigint => views.stepId[step] as bigint;
  const slack: TaskAnalysis['slack'][number][] = [];
  for (let at = 0; at < start.length; at++) {
    if (at % PIECE_ROWS === PIECE_ROWS - 1) yield;
    slack.push({
      stepId: idOf(first + at),
      startSeconds: start[at] as number,
      totalSeconds: totalSlack[at] as number,
      freeSeconds: freeSlack[at] as number,
    });
  }
  const redundantEdges: TaskAnalysis['redundantEdges'][number][] = [];
  for (let at = 0; at < redundant.length; at += 3) {
    if (at % PIECE_ROWS === 0) yield;
    redundantEdges.push({
      fromStepId: idOf(redundant[at] as number),
      toStepId: idOf(redundant[at + 1] as number),
      reason: redundant[at + 2] === REDUNDANCY_CODES.repeated ? 'repeated' : 'implied',
    });
  }
  const criticalPath: bigint[] = [];
  for (const step of path) {
    if (criticalPath.length % PIECE_ROWS === PIECE_ROWS - 1) yield;
    criticalPath.push(idOf(step));
  }
  return {
    taskId: views.taskId[task] as bigint,
    steps: start.length,
    seconds: shape.seconds,
    criticalPath,
    slack,
    levelWidths: [...widths],
    redundantEdges,
  };
}

/** The rows of an estimate. O(steps log steps). */
export function* finishEstimate(
  { views }: GraphSnapshot,
  task: number,
  shares: Float64Array,
  { mean, percentiles, criticality }: EtaResult,
): Pieces<FinishEstimate> {
  const first = views.taskSteps[task] as number;
  let canComplete = true;
  const rows: FinishEstimate['criticality'][number][] = [];
  for (const [at, share] of criticality.entries()) {
    if (at % PIECE_ROWS === PIECE_ROWS - 1) yield;
    if (isDead(views, first + at, 'engine')) canComplete = false;
    rows.push({ stepId: views.stepId[first + at] as bigint, share });
  }
  yield;
  return {
    taskId: views.taskId[task] as bigint,
    canComplete,
    meanSeconds: mean,
    percentiles: Array.from(shares, (share, at) => ({
      share,
      seconds: percentiles[at] as number,
    })),
    criticality: yield* sorted(rows, (a, b) => b.share - a.share),
  };
}

/** A stable sort in pieces: of parts, which are then merged two by two. O(rows log rows). */
function* sorted<Row>(rows: readonly Row[], compare: (a: Row, b: Row) => number): Pieces<Row[]> {
  let parts: Row[][] = [];
  for (let from = 0; from < rows.length; from += PIECE_ROWS) {
    yield;
    parts.push(rows.slice(from, from + PIECE_ROWS).sort(compare));
  }
  while (parts.length > 1) {
    const merged: Row[][] = [];
    for (let at = 0; at < parts.length; at += 2) {
      merged.push(yield* mergedOf(parts[at] as Row[], parts[at + 1] ?? [], compare));
    }
    parts = merged;
  }
  return parts[0] ?? [];
}

function* mergedOf<Row>(
  left: readonly Row[],
  right: readonly Row[],
  compare: (a: Row, b: Row) => number,
): Pieces<Row[]> {
  const merged: Row[] = [];
  let [fromLeft, fromRight] = [0, 0];
  while (fromLeft + fromRight < left.length + right.length) {
    if (merged.length % PIECE_ROWS === PIECE_ROWS - 1) yield;
    const [a, b] = [left[fromLeft], right[fromRight]];
    const takesLeft = b === undefined || (a !== undefined && compare(a, b) <= 0);
    merged.push((takesLeft ? left[fromLeft++] : right[fromRight++]) as Row);
  }
  return merged;
}

/** The rows of a blast radius. O(tasks + its steps). */
export function* blastRadiusRows(
  { views }: GraphSnapshot,
  stopped: Uint32Array,
): Pieces<BlastRadius> {
  const tasks: bigint[] = [];
  const steps: BlastRadius['steps'][number][] = [];
  let task = 0;
  for (const step of stopped) {
    if (steps.length % PIECE_ROWS === PIECE_ROWS - 1) yield;
    while ((views.taskSteps[task + 1] as number) <= step) task++;
    const taskId = views.taskId[task] as bigint;
    // steps ascend, and with them their tasks
    if (tasks.at(-1) !== taskId) tasks.push(taskId);
    steps.push({ stepId: views.stepId[step] as bigint, taskId });
  }
  return { steps, tasks };
}
