import type { SnapshotViews } from '../snapshot/layout.ts';
import { orderTask, type Scratch } from '../snapshot/topological-order.ts';

/** When each step of one task starts and ends if it starts as soon as its parents have ended. */
export interface EarliestSchedule {
  readonly task: number;
  /** First step of the task; the arrays below begin with it. */
  readonly first: number;
  /** Seconds from the start of the task; length S. */
  readonly start: Float64Array;
  readonly finish: Float64Array;
  /** Positions of the steps in the task in topological order; length S. */
  readonly order: Int32Array;
  /** When the last step ends, seconds; 0 for a task without steps. */
  readonly seconds: number;
}

/**
 * The forward pass of the critical path method over one task: as many steps at a time as the edges
 * allow, edges from other tasks left out.
 *
 * @param durations seconds of each step of the task (length S, 0 or more), by position
 * @returns undefined for a task with a cycle
 * Complexity: O(steps + edges). Source: Kelley and Walker, "Critical-Path Planning and Scheduling",
 * 1959.
 */
export function earliestSchedule(
  views: SnapshotViews,
  task: number,
  durations: Float64Array,
  scratch: Scratch,
): EarliestSchedule | undefined {
  const { taskSteps, parentOffsets, parents } = views;
  const first = taskSteps[task] as number;
  const steps = (taskSteps[task + 1] as number) - first;
  if (orderTask(views, task, scratch) < steps) return undefined;
  const order = scratch.order.slice(0, steps);
  const start = new Float64Array(steps);
  const finish = new Float64Array(steps);
  let seconds = 0;
  for (const position of order) {
    let begin = 0;
    const last = parentOffsets[first + position + 1] as number;
    for (let edge = parentOffsets[first + position] as number; edge < last; edge++) {
      const parent = (parents[edge] as number) - first;
      if (parent < 0 || parent >= steps) continue;
      const end = finish[parent] as number;
      if (end > begin) begin = end;
    }
    const end = begin + (durations[position] as number);
    start[position] = begin;
    finish[position] = end;
    if (end > seconds) seconds = end;
  }
  return { task, first, start, finish, order, seconds };
}
