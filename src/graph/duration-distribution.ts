/**
 * How long a step takes, seconds. Every kind is drawn with additions, multiplications, divisions
 * and square roots alone, so that all languages draw the same to the last bit.
 */
export type DurationDistribution =
  /** Always the same. */
  | { readonly kind: 'fixed'; readonly seconds: number }
  /** Any length between two, equally likely. */
  | { readonly kind: 'uniform'; readonly least: number; readonly most: number }
  /** Between two, likeliest at a third. */
  | {
      readonly kind: 'triangular';
      readonly least: number;
      readonly likeliest: number;
      readonly most: number;
    }
  /** One of the lengths seen before, equally likely. */
  | { readonly kind: 'seen'; readonly seconds: ArrayLike<number> }
  /**
   * Through known quantiles, straight between them: `shares` rise from 0 to 1, `seconds` with them
   * (p50 of 2 s and p95 of 9 s: shares 0, 0.5, 0.95, 1; seconds 0, 2, 9, 12).
   */
  | {
      readonly kind: 'quantiles';
      readonly shares: ArrayLike<number>;
      readonly seconds: ArrayLike<number>;
    };

/** What is wrong with a distribution, or undefined. O(its values). */
export function distributionProblem(distribution: DurationDistribution): string | undefined {
  switch (distribution.kind) {
    case 'fixed':
      return risingProblem([distribution.seconds]);
    case 'uniform':
      return risingProblem([distribution.least, distribution.most]);
    case 'triangular':
      return risingProblem([distribution.least, distribution.likeliest, distribution.most]);
    case 'seen': {
      if (distribution.seconds.length === 0) return 'has no length to draw from';
      return risingProblem(Array.from(distribution.seconds).sort((a, b) => a - b));
    }
    case 'quantiles': {
      const { shares, seconds } = distribution;
      if (shares.length !== seconds.length || shares.length < 2) {
        return 'needs two quantiles or more, each with its seconds';
      }
      if (shares[0] !== 0 || shares[shares.length - 1] !== 1) return 'does not go from 0 to 1';
      return risingProblem(Array.from(shares)) ?? risingProblem(Array.from(seconds));
    }
  }
}

/** Numbers must be finite, from 0, and not fall. */
function risingProblem(values: readonly number[]): string | undefined {
  let before = 0;
  for (const value of values) {
    if (!Number.isFinite(value) || value < before) {
      return `has ${value} where at least ${before} and a finite number is needed`;
    }
    before = value;
  }
  return undefined;
}

/**
 * The length at a share of a sound distribution, seconds.
 *
 * @param share from 0 to below 1
 * O(1); `quantiles` O(log of their count).
 */
export function durationAt(distribution: DurationDistribution, share: number): number {
  switch (distribution.kind) {
    case 'fixed':
      return distribution.seconds;
    case 'uniform':
      return distribution.least + share * (distribution.most - distribution.least);
    case 'triangular':
      return triangular(distribution.least, distribution.likeliest, distribution.most, share);
    case 'seen': {
      const { seconds } = distribution;
      return seconds[Math.floor(share * seconds.length)] as number;
    }
    case 'quantiles':
      return between(distribution.shares, distribution.seconds, share);
  }
}

function triangular(least: number, likeliest: number, most: number, share: number): number {
  const span = most - least;
  if (span === 0) return least;
  const turn = (likeliest - least) / span;
  if (share < turn) return least + Math.sqrt(share * span * (likeliest - least));
  return most - Math.sqrt((1 - share) * span * (most - likeliest));
}

function between(shares: ArrayLike<number>, seconds: ArrayLike<number>, share: number): number {
  let low = 0;
  let high = shares.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((shares[middle] as number) <= share) low = middle;
    else high = middle;
  }
  const from = shares[low] as number;
  const to = shares[high] as number;
  const least = seconds[low] as number;
  if (to === from) return least;
  return least + ((share - from) / (to - from)) * ((seconds[high] as number) - least);
}
