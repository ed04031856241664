/** A length of time: a number of seconds, or text such as `250ms`, `10s`, `1.5m`, `2h`, `1d`. */
export type Duration = number | string;

/** Seconds of each unit. */
const UNITS = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 } as const;

const FORM = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/;

/** What is said of a value that is no duration. */
export const DURATION_FORM = 'seconds as a number, or text such as "250ms", "10s", "2m", "1h"';

/**
 * Seconds of a duration; undefined for what is none, negative or not finite. O(1).
 *
 * @example
 * secondsOf('1.5m'); // 90
 * secondsOf(10); // 10
 * secondsOf('soon'); // undefined
 */
export function secondsOf(duration: unknown): number | undefined {
  if (typeof duration === 'number') {
    return Number.isFinite(duration) && duration >= 0 ? duration : undefined;
  }
  const parts = typeof duration === 'string' ? FORM.exec(duration) : null;
  if (parts === null) return undefined;
  const [, amount, unit] = parts;
  const seconds = Number(amount) * UNITS[unit as keyof typeof UNITS];
  // a whole number of microseconds, as everything that is stored
  return Math.round(seconds * 1e6) / 1e6;
}
