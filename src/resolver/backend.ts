import type { Cycle } from '../graph/kernels/cycles.ts';
import type { SnapshotViews } from '../graph/snapshot/layout.ts';
import type { ResolveParameters } from '../graph/kernels/resolve.ts';

/** Where a resolution runs. */
export type BackendName = 'inline' | 'pool' | 'native';

/** One way to run the kernels; all backends give the same bytes. */
export interface Backend {
  readonly name: BackendName;
  /**
   * Fills the output sections of a checked snapshot. Once the promise is settled, nothing writes to
   * them any more.
   *
   * @param ticket with which the caller has taken the snapshot; the addon takes one without itself
   * @returns the cycles, by task
   * Errors: TASKER_WORKER_LOST, TASKER_RESOLVER_CLOSED; the signal's reason when aborted.
   */
  resolve(
    views: SnapshotViews,
    parameters: ResolveParameters,
    signal: AbortSignal | undefined,
    ticket?: number,
  ): Promise<Cycle[]>;
  /** Releases what the backend holds; idempotent. */
  close(): Promise<void>;
}

/** Steps that a worker thread takes at once: short enough to notice a cancellation. */
const STRETCH_STEPS = 65_536;

/** How many stretches a snapshot is shared out in; an ordinary chunk is one. */
export function stretchCount(views: SnapshotViews): number {
  const { tasks, steps } = views.counts;
  return Math.max(1, Math.min(tasks, Math.floor(steps / STRETCH_STEPS)));
}
