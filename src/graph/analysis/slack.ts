import type { EarliestSchedule } from './earliest-schedule.ts';
import type { SnapshotViews } from '../snapshot/layout.ts';

/** How much later each step of one task can end, seconds, by position in the task. */
export interface Slack {
  /** Without the task ending later; 0 on a critical path, but for rounding. */
  readonly total: Float64Array;
  /** Without any child starting later. */
  readonly free: Float64Array;
}

/**
 * The backward pass of the critical path method: latest ends from the task's end, and what lies
 * between them and the earliest ones. Never negative.
 *
 * @param durations seconds of each step of the task, the same as for the schedule
 * Complexity: O(steps + edges). Source: Kelley and Walker, 1959.
 */
export function slackOf(
  views: SnapshotViews,
  schedule: EarliestSchedule,
  durations: Float64Array,
): Slack {
  const { childOffsets, children } = views;
  const { first, start, finish, order, seconds } = schedule;
  const steps = order.length;
  const latest = new Float64Array(steps);
  const total = new Float64Array(steps);
  const free = new Float64Array(steps);
  for (let at = steps - 1; at >= 0; at--) {
    const position = order[at] as number;
    let latestEnd = seconds;
    let nextStart = seconds;
    const last = childOffsets[first + position + 1] as number;
    for (let edge = childOffsets[first + position] as number; edge < last; edge++) {
      const child = (children[edge] as number) - first;
      if (child < 0 || child >= steps) continue;
      const childLatest = (latest[child] as number) - (durations[child] as number);
      if (childLatest < latestEnd) latestEnd = childLatest;
      const childStart = start[child] as number;
      if (childStart < nextStart) nextStart = childStart;
    }
    latest[position] = latestEnd;
    const end = finish[position] as number;
    if (latestEnd > end) total[position] = latestEnd - end;
    if (nextStart > end) free[position] = nextStart - end;
  }
  return { total, free };
}
