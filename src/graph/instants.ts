/**
 * Instants are µs since the epoch, UTC, in a Float64 (exact from 1684 to 2255, to the millisecond or
 * better in all years that PostgreSQL knows, 4713 BC to 294276); infinite instants are ±Infinity
 * and null is NaN.
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
 * @returns µs since the epoch, or undefined for anything else (other zones included)
 */
export function parseInstant(text: string): number | undefined {
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
  return seconds * SECOND_MICROS + Number(fraction.padEnd(6, '0'));
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

function format(micros: number, zone: '' | 'Z'): string {
  if (micros === Infinity) return 'infinity';
  if (micros === -Infinity) return '-infinity';
  let seconds = Math.floor(micros / SECOND_MICROS);
  // where a double has no single microseconds left, the division may round up to the next second
  if (seconds * SECOND_MICROS > micros) seconds--;
  const days = Math.floor(seconds / DAY_SECONDS);
  const inDay = seconds - days * DAY_SECONDS;
  const { year, month, day } = dateOf(days);
  const clock = [Math.floor(inDay / 3600), Math.floor(inDay / 60) % 60, inDay % 60];
  const date = `${digits(year > 0 ? year : 1 - year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
  const time = clock.map((part) => digits(part, 2)).join(':');
  const fraction = digits(micros - seconds * SECOND_MICROS, 6);
  return `${date}T${time}.${fraction}${zone}${year > 0 ? '' : ' BC'}`;
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
