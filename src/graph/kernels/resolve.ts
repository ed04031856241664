import { resolveContexts } from './contexts.ts';
import { findCycles, type Cycle } from './cycles.ts';
import type { SnapshotViews } from '../snapshot/layout.ts';
import { resolveLevels } from './levels.ts';
import { resolveReachability } from './reachability.ts';
import { resolveDependencies, resolveWaits } from './readiness.ts';
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
