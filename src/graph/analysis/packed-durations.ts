import type { DurationDistribution } from './duration-distribution.ts';

/** Codes of the kinds, the same in every language. */
const KIND_CODES = { fixed: 0, uniform: 1, triangular: 2, seen: 3, quantiles: 4 } as const;

/**
 * Distributions as numbers alone: what the simulation draws from. Steps that were given the same
 * object share its values. D different distributions.
 */
export interface PackedDurations {
  /** Distribution of each step of the task, by position; length S. */
  readonly which: Uint32Array;
  /** Kind of each distribution, see {@link KIND_CODES}; length D. */
  readonly kinds: Uint8Array;
  /** First value of each distribution; `offsets[D]` is the number of values. */
  readonly offsets: Uint32Array;
  /** Seconds; of `quantiles` the shares, then as many seconds. */
  readonly values: Float64Array;
}

/** Packs distributions step by step; equal objects share their values. */
export class DurationPacker {
  readonly #which: Uint32Array;
  readonly #known = new Map<DurationDistribution, number>();

  /** @param steps steps of the task; the first distribution is that of each that is not set */
  constructor(steps: number) {
    this.#which = new Uint32Array(steps);
  }

  /** Gives a step its distribution, a sound one. Returns whether it is a new one. O(1). */
  set(position: number, distribution: DurationDistribution): boolean {
    const known = this.#known.get(distribution);
    this.#which[position] = known ?? this.#known.size;
    if (known === undefined) this.#known.set(distribution, this.#known.size);
    return known === undefined;
  }

  /** What was set. O(values of different distributions). */
  packed(): PackedDurations {
    const lists = Array.from(this.#known.keys(), valuesOf);
    const offsets = new Uint32Array(lists.length + 1);
    for (const [at, list] of lists.entries()) {
      offsets[at + 1] = (offsets[at] as number) + list.length;
    }
    const values = new Float64Array(offsets[lists.length] as number);
    for (const [at, list] of lists.entries()) {
      const first = offsets[at] as number;
      // adding 0 makes 0 of -0, which languages order differently
      for (let value = 0; value < list.length; value++) {
        values[first + value] = (list[value] as number) + 0;
      }
    }
    const kinds = Uint8Array.from(this.#known.keys(), ({ kind }) => KIND_CODES[kind]);
    return { which: this.#which, kinds, offsets, values };
  }
}

/** Packs sound distributions, one a step. O(steps + values of different distributions). */
export function packDurations(distributions: readonly DurationDistribution[]): PackedDurations {
  const packer = new DurationPacker(distributions.length);
  for (const [at, distribution] of distributions.entries()) packer.set(at, distribution);
  return packer.packed();
}

function valuesOf(distribution: DurationDistribution): ArrayLike<number> {
  switch (distribution.kind) {
    case 'fixed':
      return [distribution.seconds];
    case 'uniform':
      return [distribution.least, distribution.most];
    case 'triangular':
      return [distribution.least, distribution.likeliest, distribution.most];
    case 'seen':
      return distribution.seconds;
    case 'quantiles':
      return [...Array.from(distribution.shares), ...Array.from(distribution.seconds)];
  }
}

/**
 * The length at a share of a packed distribution, seconds. Additions, multiplications, divisions and
 * square roots alone, in an order that is part of the answer.
 *
 * @param which number of the distribution
 * @param share from 0 to below 1
 * O(1); `quantiles` O(log of their count).
 */
export function durationAt(durations: PackedDurations, which: number, share: number): number {
  const { values } = durations;
  const first = durations.offsets[which] as number;
  const count = (durations.offsets[which + 1] as number) - first;
  switch (durations.kinds[which]) {
    case KIND_CODES.fixed:
      return values[first] as number;
    case KIND_CODES.uniform: {
      const least = values[first] as number;
      return least + share * ((values[first + 1] as number) - least);
    }
    case KIND_CODES.triangular:
      return triangular(
        values[first] as number,
        values[first + 1] as number,
        values[first + 2] as number,
        share,
      );
    case KIND_CODES.seen:
      return values[first + Math.floor(share * count)] as number;
    default:
      return between(values, first, count / 2, share);
  }
}

function triangular(least: number, likeliest: number, most: number, share: number): number {
  const span = most - least;
  if (span === 0) return least;
  const turn = (likeliest - least) / span;
  if (share < turn) return least + Math.sqrt(share * span * (likeliest - least));
  return most - Math.sqrt((1 - share) * span * (most - likeliest));
}

/** Straight between `count` quantiles: shares from `first` on, their seconds behind them. */
function between(values: Float64Array, first: number, count: number, share: number): number {
  let low = first;
  let high = first + count - 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) <= share) low = middle;
    else high = middle;
  }
  const from = values[low] as number;
  const to = values[high] as number;
  const least = values[low + count] as number;
  if (to === from) return least;
  return least + ((share - from) / (to - from)) * ((values[high + count] as number) - least);
}
