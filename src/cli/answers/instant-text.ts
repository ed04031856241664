import { formatNaive } from '../../graph/snapshot/instants.ts';

const TWO_DIGITS = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, '0'));
const THREE_DIGITS = Array.from({ length: 1000 }, (_, value) => String(value).padStart(3, '0'));
const DAY_MICROS = 86_400_000_000;
/** From the year 1 to where a double still has every microsecond. */
const FIRST_FAST = -62_135_596_800_000_000;
const LAST_FAST = Number.MAX_SAFE_INTEGER;

let cachedDay = Number.NaN;
let cachedDate = '';

/**
 * An instant (µs since the epoch) as a quoted naive UTC timestamp with six digits, or `null` for
 * NaN. Rows of one run lie close together, so the text of the latest day is kept.
 */
export function instantJson(micros: number): string {
  if (micros !== micros) return 'null';
  if (!(micros >= FIRST_FAST && micros <= LAST_FAST)) return `"${formatNaive(micros)}"`;
  const day = Math.floor(micros / DAY_MICROS);
  if (day !== cachedDay) {
    const text = formatNaive(day * DAY_MICROS);
    cachedDate = `"${text.slice(0, text.indexOf('T') + 1)}`;
    cachedDay = day;
  }
  const inDay = micros - day * DAY_MICROS;
  const seconds = Math.floor(inDay / 1_000_000);
  const rest = inDay - seconds * 1_000_000;
  const hours = (seconds / 3600) | 0;
  const minutes = ((seconds - hours * 3600) / 60) | 0;
  const millis = (rest / 1000) | 0;
  return `${cachedDate}${TWO_DIGITS[hours]}:${TWO_DIGITS[minutes]}:${TWO_DIGITS[seconds % 60]}.${THREE_DIGITS[millis]}${THREE_DIGITS[rest - millis * 1000]}"`;
}
