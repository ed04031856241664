import type { EarliestSchedule } from './earliest-schedule.ts';
import type { SnapshotViews } from '../snapshot/layout.ts';

/**
 * A longest chain of steps of a task, first to last: no step of it can take longer without the task
 * taking longer. Of several such chains, the one through the smallest numbers, found from the end.
 *
 * @returns step numbers in the snapshot; empty for a task without steps
 * Complexity: O(steps + edges of the path).
 */
export function criticalPath(views: SnapshotViews, schedule: EarliestSchedule): Uint32Array {
  const { first, start, finish, seconds } = schedule;
  const end = first + finish.length;
  let step = first + finish.indexOf(seconds);
  if (step < first) return new Uint32Array(0);
  const path: number[] = [];
  // no longer than the task, even where the snapshot contradicts itself
  while (step !== -1 && path.length < finish.length) {
    path.push(step);
    step = decidingParent(views, step, first, end, start, finish);
  }
  return Uint32Array.from(path.reverse());
}

/** The parent whose end is the step's start, or -1 for a step that starts the task. */
function decidingParent(
  views: SnapshotViews,
  step: number,
  first: number,
  end: number,
  start: Float64Array,
  finish: Float64Array,
): number {
  const { parentOffsets, parents } = views;
  let deciding = -1;
  const last = parentOffsets[step + 1] as number;
  for (let edge = parentOffsets[step] as number; edge < last; edge++) {
    const parent = parents[edge] as number;
    if (parent < first || parent >= end) continue;
    if (finish[parent - first] !== start[step - first]) continue;
    if (deciding === -1 || parent < deciding) deciding = parent;
  }
  return deciding;
}
