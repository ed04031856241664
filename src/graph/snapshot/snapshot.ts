import { SECTIONS, TASK_FLAGS, type SnapshotViews } from './layout.ts';
import type { RowProblem } from './row-problem.ts';

/** What a snapshot's numbers stand for; stays on the main thread. */
export interface SnapshotTexts {
  /** Name of each named step id. */
  readonly stepNames: ReadonlyMap<number, string>;
  /** State texts outside the contract, by code from `FIRST_FOREIGN_STATE` on. */
  readonly foreignStates: readonly string[];
}

/** Whole tasks as typed arrays over one SharedArrayBuffer, with what is needed to print them. */
export interface GraphSnapshot {
  readonly views: SnapshotViews;
  readonly texts: SnapshotTexts;
  /** Rows of these tasks that contradict each other. */
  readonly problems: readonly RowProblem[];
  /** NOW() of the transaction that loaded the rows, µs since the epoch, where there was one. */
  readonly loadedAt: number | undefined;
}

/** True where the task is answered: neither refused for its rows nor, under `engine`, cyclic. */
export function isAnswered(views: SnapshotViews, task: number, cyclicToo: boolean): boolean {
  const apart = cyclicToo ? TASK_FLAGS.refused : TASK_FLAGS.refused | TASK_FLAGS.cyclic;
  return ((views.taskFlags[task] as number) & apart) === 0;
}

/** Names of the sections, for readers that walk over all of them. */
export const SECTION_NAMES = Object.keys(SECTIONS) as readonly (keyof typeof SECTIONS)[];
