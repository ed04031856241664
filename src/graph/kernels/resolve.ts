import { contextPieces, resolveContexts } from './contexts.ts';
import { cyclePieces, findCycles, type Cycle } from './cycles.ts';
import type { SnapshotViews } from '../snapshot/layout.ts';
import { levelPieces, resolveLevels } from './levels.ts';
import { PIECE_VISITS, pieceEnd, type Pieces } from '../snapshot/pieces.ts';
import { reachabilityPieces, resolveReachability } from './reachability.ts';
import {
  dependenciesOfSteps,
  resolveDependencies,
  resolveWaits,
  waitsOfSteps,
} from './readiness.ts';
import type { Rules } from '../rules/rules.ts';
import type { Scratch } from '../snapshot/topological-order.ts';

/** What a resolution depends on besides the snapshot. */
export interface ResolveParameters {
  readonly rules: Rules;
  /** The clock, µs since the epoch. */
  readonly nowMicros: number;
  /** Which outputs are wanted; readiness always is. */
  readonly contexts: boolean;
  readonly levels: boolean;
}

/**
 * Resolves tasks `firstTask` to `endTask - 1` of a snapshot in the calling thread: all output
 * sections of these tasks are written, none is read before it is written.
 *
 * @returns the cycles found, in task order
 * Complexity: O(steps + edges) of these tasks.
 */
export function resolveTaskRange(
  views: SnapshotViews,
  parameters: ResolveParameters,
  firstTask: number,
  endTask: number,
  scratch: Scratch,
): Cycle[] {
  const { rules, nowMicros } = parameters;
  resolveDependencies(views, rules, firstTask, endTask);
  resolveWaits(views, rules, nowMicros, firstTask, endTask);
  const cycles = findCycles(views, firstTask, endTask, scratch);
  if (rules === 'engine') resolveReachability(views, firstTask, endTask, scratch);
  if (parameters.levels) resolveLevels(views, firstTask, endTask, scratch);
  if (parameters.contexts) resolveContexts(views, rules, firstTask, endTask);
  return cycles;
}

/**
 * {@link resolveTaskRange} of all tasks in pieces: the same bytes, whatever happens between two
 * pieces to anything but the snapshot and `scratch`. Tasks are resolved together as long as they make
 * up `visits` steps and edges; a larger task is given way to others within each kernel. A snapshot
 * given up in between holds outputs of both runs.
 *
 * @param visits how many steps and edges one piece visits, about; each kernel by itself
 * Complexity: O(steps + edges), O(log steps) more a piece.
 */
export function* resolvePieces(
  views: SnapshotViews,
  parameters: ResolveParameters,
  scratch: Scratch,
  visits = PIECE_VISITS,
): Pieces<Cycle[]> {
  const { tasks } = views.counts;
  const cycles: Cycle[] = [];
  for (let task = 0, end = 0; task < tasks; task = end) {
    if (task > 0) yield;
    end = rangeEnd(views, task, visits);
    const isLarge = end === task + 1 && weightOf(views, task, end) > visits;
    const found = isLarge
      ? yield* taskPieces(views, parameters, task, scratch, visits)
      : resolveTaskRange(views, parameters, task, end, scratch);
    // not spread: a task may hold more cycles than a call takes arguments
    for (const cycle of found) cycles.push(cycle);
  }
  return cycles;
}

/** One large task; the kernels and their order are those of {@link resolveTaskRange}. */
function* taskPieces(
  views: SnapshotViews,
  { rules, nowMicros, levels, contexts }: ResolveParameters,
  task: number,
  scratch: Scratch,
  visits: number,
): Pieces<Cycle[]> {
  const { taskSteps, parentOffsets } = views;
  const end = taskSteps[task + 1] as number;
  for (let from = taskSteps[task] as number; from < end; yield) {
    const to = pieceEnd(parentOffsets, from, end, visits);
    dependenciesOfSteps(views, rules, from, to);
    waitsOfSteps(views, rules, nowMicros, from, to);
    from = to;
  }
  const cycles = yield* cyclePieces(views, task, scratch, visits);
  yield;
  if (rules === 'engine') yield* reachabilityPieces(views, task, scratch, visits);
  if (levels) yield* levelPieces(views, task, scratch, visits);
  if (contexts) yield* contextPieces(views, rules, task, visits);
  return cycles;
}

/** Tasks, steps and edges of tasks `task` to `end - 1`. */
function weightOf({ taskSteps, parentOffsets }: SnapshotViews, task: number, end: number): number {
  const first = taskSteps[task] as number;
  const last = taskSteps[end] as number;
  return (
    end - task + last - first + (parentOffsets[last] as number) - (parentOffsets[first] as number)
  );
}

/** End of the tasks that are resolved together from `task` on: one at least. O(log tasks). */
function rangeEnd(views: SnapshotViews, task: number, visits: number): number {
  let low = task + 1;
  let high = Math.min(views.counts.tasks, task + visits);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (weightOf(views, task, middle) <= visits) low = middle;
    else high = middle - 1;
  }
  return low;
}
