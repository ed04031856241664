/** Rule sets: `rails` answers as the Rails engine's SQL does, `engine` corrects what strands tasks. */
export type Rules = 'rails' | 'engine';

/** Longest failure wait, µs. */
const FAILURE_WAIT_CAP_MICROS = 30_000_000;

/** Rounds half to even, as PostgreSQL rounds an interval product to whole microseconds. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/**
 * Wait after a failure: `least(2^attempts, 30)` seconds, in µs; null attempts count as 1.
 *
 * Source: contract readiness R8. Saturates for any attempts, where the SQL raises from 44 on;
 * negative attempts give a fraction of a second. O(1).
 */
export function failureWaitMicros(attempts: number, attemptsNull: boolean): number {
  const exponent = attemptsNull ? 1 : attempts;
  if (exponent >= 5) return FAILURE_WAIT_CAP_MICROS;
  return exponent >= 0 ? 1_000_000 * (1 << exponent) : roundHalfEven(1_000_000 * 2 ** exponent);
}

/** Limit of attempts that the `engine` rules read from a stored limit (null is 3 already). */
export function engineRetryLimit(limit: number): number {
  return limit === 0 ? 1 : limit;
}
