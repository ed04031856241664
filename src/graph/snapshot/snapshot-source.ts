import type { GraphSnapshot } from './snapshot.ts';
import type { RowProblem } from './row-problem.ts';

/** How far a source has come. */
export interface LoadProgress {
  /** Work done so far, in `unit`s. */
  readonly done: number;
  /** Expected total, where it is known. */
  readonly total: number | undefined;
  readonly unit: 'tasks' | 'bytes' | 'rows';
}

/** What a source is asked for. */
export interface LoadOptions {
  /**
   * Steps a chunk should hold; a chunk is cut behind the task that reaches it. Larger chunks cost
   * memory, smaller ones a round trip each.
   */
  readonly chunkSteps: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: LoadProgress) => void) | undefined;
}

/** What a source has read; complete once its chunks are at an end. */
export interface SourceTotals {
  readonly tasks: number;
  readonly steps: number;
  readonly edges: number;
  /** Task ids that were asked for and do not exist. */
  readonly unknownTasks: readonly bigint[];
  /** Row problems that belong to no chunk. */
  readonly problems: readonly RowProblem[];
}

/** An opened source: chunks of whole tasks, in order of task id, one at a time. */
export interface SnapshotStream extends AsyncIterable<GraphSnapshot> {
  totals(): SourceTotals;
  /** The instant the source itself names as now, µs since the epoch. */
  readonly now: number | undefined;
}

/** Anything that snapshots can be loaded from: a database query, a directory, rows in memory. */
export interface SnapshotSource {
  open(options: LoadOptions): Promise<SnapshotStream>;
}
