import type { SnapshotViews } from '../snapshot/layout.ts';

/**
 * Counts the steps at each dependency level of one task: the longest path, in edges, from a step
 * without any parent along edges inside the task. Steps that no such path leads to (their only roots
 * are in other tasks) have no level and are not counted.
 *
 * The greatest width is a lower bound of what can run at a time.
 *
 * @param order positions of all steps of the task in topological order, so that there is no cycle
 * @returns steps of level 0, 1, and so on
 * Complexity: O(steps + edges). Source: contract readiness §6.
 */
export function levelWidths(views: SnapshotViews, task: number, order: Int32Array): Uint32Array {
  const { taskSteps, parentOffsets, parents } = views;
  const first = taskSteps[task] as number;
  const level = new Int32Array(order.length).fill(-1);
  const widths = new Uint32Array(order.length);
  let deepest = -1;
  for (const position of order) {
    const from = parentOffsets[first + position] as number;
    const last = parentOffsets[first + position + 1] as number;
    let own = from === last ? 0 : -1;
    for (let edge = from; edge < last; edge++) {
      const through = level[(parents[edge] as number) - first] ?? -1;
      if (through >= 0 && through >= own) own = through + 1;
    }
    level[position] = own;
    if (own < 0) continue;
    widths[own] = (widths[own] as number) + 1;
    if (own > deepest) deepest = own;
  }
  return widths.slice(0, deepest + 1);
}
