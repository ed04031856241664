import type { DurationDistribution } from '../../graph/analysis/duration-distribution.ts';
import { durationAt, packDurations } from '../../graph/analysis/packed-durations.ts';

/** Where the length of a step is known from. */
export type LengthSource = 'file' | 'history' | 'assumed';

/** What is known of a step's length. */
export interface StepLength {
  readonly distribution: DurationDistribution;
  /** The median, seconds: what the schedule counts with. */
  readonly median: number;
  readonly source: LengthSource;
}

/** Lengths of the steps of a task by name. */
export interface StepLengths {
  of(name: string): StepLength;
  /** Seconds that a step in progress has been running. */
  elapsed(stepId: bigint): number;
}

/** What {@link stepLengths} chooses from. */
export interface KnownLengths {
  readonly file: ReadonlyMap<string, DurationDistribution>;
  /** Seconds of completed attempts. */
  readonly seen: ReadonlyMap<string, readonly number[]>;
  readonly running: ReadonlyMap<bigint, number>;
  /** Seconds of a step of which nothing is known. */
  readonly assumed: number;
}

/** Lengths by name: what a file says comes before history, and history before an assumption. */
export function stepLengths({ file, seen, running, assumed }: KnownLengths): StepLengths {
  const known = new Map<string, StepLength>();
  const find = (name: string): StepLength => {
    const said = file.get(name);
    if (said !== undefined) return lengthOf(said, 'file');
    const seconds = seen.get(name);
    if (seconds !== undefined)
      return lengthOf({ kind: 'seen', seconds: sorted(seconds) }, 'history');
    return lengthOf({ kind: 'fixed', seconds: assumed }, 'assumed');
  };
  return {
    of(name) {
      const length = known.get(name) ?? find(name);
      known.set(name, length);
      return length;
    },
    elapsed: (stepId) => running.get(stepId) ?? 0,
  };
}

const sorted = (seconds: readonly number[]): number[] => seconds.toSorted((a, b) => a - b);

/** The share of one half of a sorted distribution is its median, upper of two. */
function lengthOf(distribution: DurationDistribution, source: LengthSource): StepLength {
  const inOrder: DurationDistribution =
    distribution.kind === 'seen'
      ? { kind: 'seen', seconds: sorted(Array.from(distribution.seconds)) }
      : distribution;
  return { distribution, median: durationAt(packDurations([inOrder]), 0, 0.5), source };
}
