import { criticalPath } from './critical-path.ts';
import { earliestSchedule } from './earliest-schedule.ts';
import { EtaSimulation, type EtaParameters, type EtaResult } from './eta.ts';
import type { EtaPlan } from './eta-plan.ts';
import type { SnapshotViews } from '../snapshot/layout.ts';
import { levelWidths } from './level-width.ts';
import type { Pieces } from '../snapshot/pieces.ts';
import { RedundantEdgeSearch } from './redundant-edges.ts';
import { slackOf } from './slack.ts';
import type { Scratch } from '../snapshot/topological-order.ts';

/** Steps visited, or drawn for, in one piece: some milliseconds. */
const PIECE_VISITS = 200_000;

/** Shape of one task and what decides its length; arrays by position in the task have length S. */
export interface ShapeOfTask {
  /** Seconds from first start to last end; 0 for a task without steps. */
  readonly seconds: number;
  /** Earliest start of each step, seconds from the start of the task. */
  readonly start: Float64Array;
  /** How much later each step may end without the task ending later, seconds. */
  readonly totalSlack: Float64Array;
  /** How much later each step may end without any child starting later, seconds. */
  readonly freeSlack: Float64Array;
  /** Step numbers of a longest chain, first to last. */
  readonly path: Uint32Array;
  /** Steps at each dependency level. */
  readonly widths: Uint32Array;
  /** Parent, child, code of `REDUNDANCY_CODES` for each redundant edge. */
  readonly redundant: Uint32Array;
}

/**
 * Earliest schedule, slack, critical path, level widths and redundant edges of one task. Reads the
 * graph alone: states do not matter and no output is written.
 *
 * @param durations seconds of each step of the task, by position
 * @returns undefined for a task with a cycle
 * Complexity: O(steps + edges), but for the redundant edges (see `RedundantEdgeSearch`).
 */
export function* shapeOfTask(
  views: SnapshotViews,
  task: number,
  durations: Float64Array,
  scratch: Scratch,
): Pieces<ShapeOfTask | undefined> {
  const schedule = earliestSchedule(views, task, durations, scratch);
  if (schedule === undefined) return undefined;
  const { seconds, start, order } = schedule;
  yield;
  const { total: totalSlack, free: freeSlack } = slackOf(views, schedule, durations);
  yield;
  const path = criticalPath(views, schedule);
  yield;
  const widths = levelWidths(views, task, order);
  yield;
  const search = new RedundantEdgeSearch(views, task, order);
  while (search.advance(PIECE_VISITS) > 0) yield;
  return { seconds, start, totalSlack, freeSlack, path, widths, redundant: search.result() };
}

/** A whole simulation; see `EtaSimulation`. */
export function* simulateEta(
  plan: EtaPlan,
  parameters: EtaParameters,
  shares: ArrayLike<number>,
): Pieces<EtaResult> {
  const simulation = new EtaSimulation(plan, parameters);
  const runs = Math.ceil(PIECE_VISITS / (plan.positions.length + 1));
  while (simulation.advance(runs) > 0) yield;
  yield;
  return simulation.result(shares);
}
