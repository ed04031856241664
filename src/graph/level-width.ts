import type { SnapshotViews } from './layout.ts';

/** How many steps stand at each dependency level of one task. */
export interface LevelWidths {
  /** Steps of level 0, 1, and so on. */
  readonly widths: Uint32Array;
  /** Most steps of one level: a lower bound of what can run at a time. */
  readonly widest: number;
  /** Steps without a level: no root leads to them, or only through a cycle. */
  readonly unreached: number;
}

/** Counts the steps of each level of a task, after `resolveLevels`. O(steps). */
export function levelWidths(views: SnapshotViews, task: number): LevelWidths {
  const { taskSteps, level } = views;
  const first = taskSteps[task] as number;
  const end = taskSteps[task + 1] as number;
  let deepest = -1;
  for (let step = first; step < end; step++) deepest = Math.max(deepest, level[step] as number);
  const widths = new Uint32Array(deepest + 1);
  let widest = 0;
  let unreached = 0;
  for (let step = first; step < end; step++) {
    const at = level[step] as number;
    if (at < 0) {
      unreached++;
      continue;
    }
    const width = (widths[at] as number) + 1;
    widths[at] = width;
    if (width > widest) widest = width;
  }
  return { widths, widest, unreached };
}
