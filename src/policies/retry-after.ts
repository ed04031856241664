const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

// RFC 9110 §5.6.7: the form to send, and the two old ones a recipient still takes.
const IMF_DATE = /^[a-z]{3}, (\d\d) ([a-z]{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/i;
const RFC850_DATE = /^[a-z]{6,9}, (\d\d)-([a-z]{3})-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/i;
const ASCTIME_DATE = /^[a-z]{3} ([a-z]{3}) +(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4})$/i;
const ISO_DATE = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/i;

/**
 * Seconds that a Retry-After value asks to wait (RFC 9110 §10.2.3): whole seconds, or a date.
 *
 * Null, undefined and blank text are 0. A date gives the whole seconds until it, rounded up so that
 * no attempt comes early, and 0 when it is past. No bound: the caller caps.
 *
 * @param nowMs milliseconds since the epoch, against which a date is held
 * @returns seconds, or undefined for what is neither; never throws
 */
export function parseRetryAfter(value: unknown, nowMs: number = Date.now()): number | undefined {
  if (value === null || value === undefined) return 0;
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string') return undefined;
  // a header of megabytes is no date
  const text = value.slice(0, 400).trim();
  if (text === '') return 0;
  if (/^\d+$/.test(text)) return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
  const at = httpDate(text, nowMs);
  return at === undefined ? undefined : Math.max(0, Math.ceil((at - nowMs) / 1000));
}

/**
 * What the Retry-After header of a response asks for; its name in any case, the first value of a list.
 *
 * @returns seconds, or undefined without a header, for a blank one, and for what cannot be read
 */
export function retryAfterOf(headers: unknown, nowMs: number = Date.now()): number | undefined {
  let value = headerOf(headers, 'retry-after');
  if (Array.isArray(value)) value = value[0];
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'string' && value.trim() === '') return undefined;
  return parseRetryAfter(value, nowMs);
}

/** The value of a header whose name is given in lower case; undefined when absent or unreadable. */
function headerOf(headers: unknown, name: string): unknown {
  if (typeof headers !== 'object' || headers === null) return undefined;
  try {
    const entries =
      Symbol.iterator in headers
        ? (headers as Iterable<readonly [string, unknown]>)
        : Object.entries(headers);
    for (const [key, value] of entries) if (key.toLowerCase() === name) return value;
    return undefined;
  } catch {
    return undefined;
  }
}

/** Milliseconds since the epoch of an HTTP date, or of an ISO instant with its zone. */
function httpDate(text: string, nowMs: number): number | undefined {
  let match = IMF_DATE.exec(text);
  if (match) return utc(match[3], match[2], match[1], match.slice(4));
  match = RFC850_DATE.exec(text);
  if (match)
    return utc(String(fullYear(Number(match[3]), nowMs)), match[2], match[1], match.slice(4));
  match = ASCTIME_DATE.exec(text);
  if (match) return utc(match[6], match[1], match[2], match.slice(3, 6));
  if (!ISO_DATE.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

/** A two-digit year that would lie more than 50 years ahead is one of the past (RFC 9110 §5.6.7). */
function fullYear(short: number, nowMs: number): number {
  const current = new Date(nowMs).getUTCFullYear();
  const year = current - (current % 100) + short;
  return year > current + 50 ? year - 100 : year;
}

function utc(
  year: string | undefined,
  month: string | undefined,
  day: string | undefined,
  clock: readonly string[],
): number | undefined {
  const at = MONTHS.indexOf((month ?? '').toLowerCase());
  const [hour, minute, second] = clock.map(Number) as [number, number, number];
  const dayOfMonth = Number(day);
  // 60 is a leap second
  if (at < 0 || hour > 23 || minute > 59 || second > 60) return undefined;
  if (new Date(Date.UTC(Number(year), at, dayOfMonth)).getUTCDate() !== dayOfMonth)
    return undefined;
  return Date.UTC(Number(year), at, dayOfMonth, hour, minute, second);
}
