/**
 * Instants are µs since the epoch, UTC, in a Float64; infinite instants are ±Infinity and null is NaN.
 *
 * From 1684 to 2255 a double holds every microsecond. In the other years that PostgreSQL knows (4713 BC to
 * 294276) it holds some of them only, whole seconds up to the year 20000 among them: an instant that it
 * does not hold is refused ({@link parseInstant}), never rounded, but where it is only compared
 * ({@link nearestInstant}) or only printed ({@link instantText}). Ends of waits are sums, and in those years the
 * nearest that a double holds; whole seconds up to the year 20000 again are exact.
 */
const PATTERN =
  /^(\d{4,6})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?(?:Z|\+00(?::?00)?)?( BC)?$/;

const SECOND_MICROS = 1_000_000;
const DAY_SECONDS = 86_400;
/** Days of 400 Gregorian years. */
const CYCLE_DAYS = 146_097;
/** Days from the first of March of the year 0 to the epoch. */
const EPOCH_DAYS = 719_468;

/**
 * Reads a UTC timestamp, naive or marked as UTC (`2026-11-23T03:53:17.824585`, blank or `T`, with
 * or without `Z`, years before 1 with ` BC` at the end), or `infinity` / `-infinity`.
 *
 * @returns µs since the epoch, or undefined for anything else (other zones included), also for an
 *   instant that a double does not hold exactly, such as 9999-12-31T23:59:59.999999
 */
export function parseInstant(text: string): number | undefined {
  return instantOf(text, true);
}

/** As {@link parseInstant}, but the nearest instant that a double holds: to be compared, never to be printed. */
export function nearestInstant(text: string): number | undefined {
  return instantOf(text, false);
}

/** True where a double holds this many µs since the epoch. */
export function isHeldExactly(micros: bigint): boolean {
  return BigInt(Number(micros)) === micros;
}

/**
 * The text of {@link formatInstant} for a UTC timestamp that {@link nearestInstant} reads, exact in all years;
 * any other text comes back as it is.
 */
export function instantText(text: string): string {
  const match = PATTERN.exec(text);
  if (match === null) return text;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', era = ''] =
    match;
  return `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(6, '0')}Z${era}`;
}

function instantOf(text: string, exactly: boolean): number | undefined {
  if (text === 'infinity') return Infinity;
  if (text === '-infinity') return -Infinity;
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const [, yearText, month, day, hour = '0', minute = '0', second = '0', fraction = '', era] =
    match;
  const namedYear = Number(yearText);
  if (namedYear === 0) return undefined; // 1 BC is followed by 1 AD
  const year = era === undefined ? namedYear : 1 - namedYear;
  const days = daysOf(year, +month!, +day!);
  const date = dateOf(days);
  const valid =
    date.day === +day! && date.month === +month! && +hour < 24 && +minute < 60 && +second < 60;
  if (!valid) return undefined;
  const seconds = days * DAY_SECONDS + +hour * 3600 + +minute * 60 + +second;
  const parts = Number(fraction.padEnd(6, '0'));
  const micros = seconds * SECOND_MICROS + parts;
  if (Number.isSafeInteger(micros)) return micros;
  const exact = BigInt(seconds) * 1_000_000n + BigInt(parts);
  return exactly && !isHeldExactly(exact) ? undefined : Number(exact);
}

/**
 * Naive UTC text of an instant with six digits, as the Rails tables print it; ` BC` follows where
 * the year lies before 1.
 *
 * @param micros µs since the epoch; must not be NaN
 */
export function formatNaive(micros: number): string {
  return format(micros, '');
}

/** As {@link formatNaive}, marked as UTC by a `Z`: the form of rows and JSON. */
export function formatInstant(micros: number): string {
  return format(micros, 'Z');
}

/** As {@link formatInstant}, of any number of µs. */
export function formatExactly(micros: bigint): string {
  return formatParts(...exactSeconds(micros), 'Z');
}

function format(micros: number, zone: '' | 'Z'): string {
  if (micros === Infinity) return 'infinity';
  if (micros === -Infinity) return '-infinity';
  return formatParts(...wholeSeconds(micros), zone);
}

function formatParts(seconds: number, parts: number, zone: '' | 'Z'): string {
  const days = Math.floor(seconds / DAY_SECONDS);
  const inDay = seconds - days * DAY_SECONDS;
  const { year, month, day } = dateOf(days);
  const clock = [Math.floor(inDay / 3600), Math.floor(inDay / 60) % 60, inDay % 60];
  const date = `${digits(year > 0 ? year : 1 - year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
  const time = clock.map((part) => digits(part, 2)).join(':');
  const fraction = digits(parts, 6);
  return `${date}T${time}.${fraction}${zone}${year > 0 ? '' : ' BC'}`;
}

/** Whole seconds since the epoch and the µs behind them, exact also where a double's products are not. */
function wholeSeconds(micros: number): [seconds: number, parts: number] {
  if (!Number.isInteger(micros) || Number.isSafeInteger(micros)) {
    const seconds = Math.floor(micros / SECOND_MICROS);
    return [seconds, micros - seconds * SECOND_MICROS];
  }
  return exactSeconds(BigInt(micros));
}

function exactSeconds(exact: bigint): [seconds: number, parts: number] {
  const parts = ((exact % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return [Number((exact - parts) / 1_000_000n), Number(parts)];
}

const digits = (value: number, length: number): string => String(value).padStart(length, '0');

/**
 * Days since the epoch of a Gregorian date; years count from March, so that the leap day is their
 * last. A day or month out of range runs over into the next. Year 0 is 1 BC. O(1).
 */
function daysOf(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const cycle = Math.floor(marchYear / 400);
  const inCycle = marchYear - cycle * 400;
  const inYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const leapDays = Math.floor(inCycle / 4) - Math.floor(inCycle / 100);
  return cycle * CYCLE_DAYS + inCycle * 365 + leapDays + inYear - EPOCH_DAYS;
}

/** The Gregorian date of a day since the epoch: the inverse of {@link daysOf}. O(1). */
function dateOf(days: number): { year: number; month: number; day: number } {
  const shifted = days + EPOCH_DAYS;
  const cycle = Math.floor(shifted / CYCLE_DAYS);
  const inCycle = shifted - cycle * CYCLE_DAYS;
  // days without the leap days that have passed: one in 4 years, none in 100, one in 400
  const even =
    inCycle -
    Math.floor(inCycle / 1460) +
    Math.floor(inCycle / 36_524) -
    Math.floor(inCycle / (CYCLE_DAYS - 1));
  const yearOfCycle = Math.floor(even / 365);
  const leapDays = Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100);
  const inYear = inCycle - yearOfCycle * 365 - leapDays;
  const marchMonth = Math.floor((5 * inYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return {
    year: cycle * 400 + yearOfCycle + (month > 2 ? 0 : 1),
    month,
    day: inYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  };
}
