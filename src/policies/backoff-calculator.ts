import type { Backoff } from './retry-policy.ts';

/** A number from 0 to below 1. */
export type RandomSource = () => number;

/**
 * The wait after a failed attempt, in seconds with at most six digits.
 *
 * Base by the strategy, moved by jitter, then capped by `maxSeconds`. The default policy moves by
 * whole seconds, r = round(base × jitter) either way, and waits at least 1 second (contract,
 * orchestration §7.1, with the cap last); every other one moves evenly within ± base × jitter. O(1).
 *
 * @param attempt number of the attempt that failed, from 1; 0 and less wait 0
 */
export function backoffSeconds(
  backoff: Backoff,
  attempt: number,
  random: RandomSource = Math.random,
): number {
  if (!(attempt > 0)) return 0;
  const base = baseSeconds(backoff, attempt);
  const moved = withJitter(backoff, base, random);
  return Math.round(Math.min(moved, backoff.maxSeconds) * 1e6) / 1e6;
}

/** The wait before jitter and cap; finite. */
function baseSeconds(backoff: Backoff, attempt: number): number {
  switch (backoff.strategy) {
    case 'list': {
      const { seconds, power } = backoff;
      const listed = seconds[attempt - 1];
      if (listed !== undefined) return listed;
      if (power === null) return seconds[seconds.length - 1] ?? 0;
      return Math.min(Math.floor(attempt ** power), Number.MAX_SAFE_INTEGER);
    }
    case 'exponential': {
      const grown = backoff.initialSeconds * backoff.factor ** (attempt - 1);
      // nothing times infinity is no number
      return Number.isNaN(grown) ? 0 : Math.min(grown, Number.MAX_SAFE_INTEGER);
    }
    case 'constant':
      return backoff.seconds;
  }
}

function withJitter(backoff: Backoff, base: number, random: RandomSource): number {
  const { jitter } = backoff;
  if (jitter === 0) return base;
  if (backoff.strategy === 'list' && backoff.wholeSeconds) {
    const reach = Math.round(base * jitter);
    return Math.max(1, base - reach + Math.floor(random() * (2 * reach + 1)));
  }
  return base * (1 + jitter * (2 * random() - 1));
}
