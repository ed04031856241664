/** Longest length that can be given to a step, seconds: far from where sums overflow. */
export const MOST_SECONDS = 1e15;

/**
 * How long a step takes, seconds, at most {@link MOST_SECONDS}. Every kind is drawn with additions,
 * multiplications, divisions and square roots alone, so that all languages draw the same to the last
 * bit.
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

/**
 * What is wrong with a distribution, or undefined; callers in plain JavaScript may hand over anything.
 * O(its values).
 */
export function distributionProblem(distribution: DurationDistribution): string | undefined {
  if (typeof distribution !== 'object' || distribution === null) return 'is none';
  switch (distribution.kind) {
    case 'fixed':
      return risingProblem([distribution.seconds]);
    case 'uniform':
      return risingProblem([distribution.least, distribution.most]);
    case 'triangular':
      return risingProblem([distribution.least, distribution.likeliest, distribution.most]);
    case 'seen': {
      if (!(distribution.seconds?.length > 0)) return 'has no length to draw from';
      return risingProblem(Array.from(distribution.seconds).sort((a, b) => a - b));
    }
    case 'quantiles': {
      const { shares, seconds } = distribution;
      if (!(shares?.length >= 2) || shares.length !== seconds?.length) {
        return 'needs two quantiles or more, each with its seconds';
      }
      if (shares[0] !== 0 || shares[shares.length - 1] !== 1) return 'does not go from 0 to 1';
      return risingProblem(Array.from(shares)) ?? risingProblem(Array.from(seconds));
    }
    default:
      return 'is of no known kind';
  }
}

/** Numbers must lie between 0 and {@link MOST_SECONDS} and not fall. */
function risingProblem(values: readonly number[]): string | undefined {
  let before = 0;
  for (const value of values) {
    if (typeof value !== 'number' || !(value >= before && value <= MOST_SECONDS)) {
      return `has ${String(value)} where a number from ${before} to ${MOST_SECONDS} is needed`;
    }
    before = value;
  }
  return undefined;
}
