/**
 * Instants are µs since the epoch, UTC, in a Float64 (exact to the year 2255); infinite instants
 * are ±Infinity and null is NaN.
 */
const PATTERN =
  /^(\d{4,6})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?(?:Z|\+00(?::?00)?)?$/;

/**
 * Reads a UTC timestamp, naive or marked as UTC (`2026-11-23T03:53:17.824585`, blank or `T`, with
 * or without `Z`), or `infinity` / `-infinity`.
 *
 * @returns µs since the epoch, or undefined for anything else (other zones included)
 */
export function parseInstant(text: string): number | undefined {
  if (text === 'infinity') return Infinity;
  if (text === '-infinity') return -Infinity;
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = ''] = match;
  // Date.UTC would take a year below 100 for one of the twentieth century
  const back = new Date(0);
  back.setUTCFullYear(+year!, +month! - 1, +day!);
  const millis = back.setUTCHours(+hour, +minute, +second);
  const valid =
    back.getUTCDate() === +day! &&
    back.getUTCMonth() === +month! - 1 &&
    +hour < 24 &&
    +minute < 60 &&
    +second < 60;
  return valid ? millis * 1000 + Number(fraction.padEnd(6, '0')) : undefined;
}

/**
 * Naive UTC text of an instant with six digits, as the Rails tables print it.
 *
 * @param micros µs since the epoch; must not be NaN
 */
export function formatNaive(micros: number): string {
  if (micros === Infinity) return 'infinity';
  if (micros === -Infinity) return '-infinity';
  let seconds = Math.floor(micros / 1_000_000);
  // beyond 2255 the division may round up to the next second
  if (seconds * 1_000_000 > micros) seconds--;
  const fraction = String(micros - seconds * 1_000_000).padStart(6, '0');
  const text = new Date(seconds * 1000).toISOString().replace(/^\+0*/, '');
  return `${text.slice(0, text.indexOf('.'))}.${fraction}`;
}

/** As {@link formatNaive}, marked as UTC by a `Z`: the form of rows and JSON. */
export function formatInstant(micros: number): string {
  return Number.isFinite(micros) ? `${formatNaive(micros)}Z` : formatNaive(micros);
}
