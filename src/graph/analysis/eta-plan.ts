import type { SnapshotViews } from '../snapshot/layout.ts';
import { STATE_CODES } from '../snapshot/state-codes.ts';
import { orderTask, type Scratch } from '../snapshot/topological-order.ts';

/**
 * What is left of one task: its steps that are not done, in topological order, and the parents among
 * them. A simulation reads nothing else, so that the snapshot may change meanwhile. U steps left.
 */
export interface EtaPlan {
  /** Steps of the whole task. */
  readonly steps: number;
  /** Position in the task of each step left; length U. */
  readonly positions: Uint32Array;
  /** Seconds that a step in progress has been running, -1 for one that has not begun; length U. */
  readonly elapsed: Float64Array;
  /** First of each step's parents; length U + 1. */
  readonly parentOffsets: Uint32Array;
  /** Parents as indices into this plan, smaller than their child's; none for a step in progress. */
  readonly parents: Uint32Array;
}

/**
 * Picks what is left of one task; edges from other tasks are left out.
 *
 * @param elapsed seconds that each step of the task has been running, by position; read for steps in
 * progress
 * @returns undefined for a task with a cycle
 * Complexity: O(steps + edges).
 */
export function planEta(
  views: SnapshotViews,
  task: number,
  elapsed: Float64Array,
  scratch: Scratch,
): EtaPlan | undefined {
  const { state, taskSteps, parentOffsets, parents } = views;
  const first = taskSteps[task] as number;
  const steps = (taskSteps[task + 1] as number) - first;
  if (orderTask(views, task, scratch) < steps) return undefined;
  const { order } = scratch;
  const end = first + steps;
  const positions = new Uint32Array(steps);
  const running = new Float64Array(steps);
  const offsets = new Uint32Array(steps + 1);
  const kept = new Uint32Array((parentOffsets[end] as number) - (parentOffsets[first] as number));
  // parents come earlier in the order, so that their place is known
  const place = new Int32Array(steps).fill(-1);
  let left = 0;
  let edges = 0;
  for (let at = 0; at < steps; at++) {
    const position = order[at] as number;
    const step = first + position;
    const code = state[step] as number;
    if (code >= STATE_CODES.complete) continue;
    positions[left] = position;
    running[left] = -1;
    if (code === STATE_CODES.in_progress) running[left] = elapsed[position] as number;
    else {
      const last = parentOffsets[step + 1] as number;
      for (let edge = parentOffsets[step] as number; edge < last; edge++) {
        const parent = (parents[edge] as number) - first;
        if (parent < 0 || parent >= steps || place[parent] === -1) continue;
        kept[edges++] = place[parent] as number;
      }
    }
    place[position] = left++;
    offsets[left] = edges;
  }
  return {
    steps,
    positions: positions.slice(0, left),
    elapsed: running.slice(0, left),
    parentOffsets: offsets.slice(0, left + 1),
    parents: kept.slice(0, edges),
  };
}
