/** Instants for the oracle: no Date, days counted by the rules of the Gregorian calendar, one year at a time. */

const DAY_MICROS = 86_400_000_000;

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

const daysOfMonth = (year: number, month: number): number =>
  month === 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0');

/** µs since the epoch as naive UTC text with six digits; infinite ones as PostgreSQL writes them. */
export function oracleNaiveText(micros: number): string {
  if (!Number.isFinite(micros)) return micros > 0 ? 'infinity' : '-infinity';
  let days = Math.floor(micros / DAY_MICROS);
  const rest = micros - days * DAY_MICROS;
  let year = 1970;
  while (days < 0) days += isLeap(--year) ? 366 : 365;
  while (days >= (isLeap(year) ? 366 : 365)) days -= isLeap(year++) ? 366 : 365;
  let month = 1;
  while (days >= daysOfMonth(year, month)) days -= daysOfMonth(year, month++);
  const seconds = Math.floor(rest / 1_000_000);
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const date = `${pad(year > 0 ? year : 1 - year, 4)}-${pad(month, 2)}-${pad(days + 1, 2)}`;
  const era = year > 0 ? '' : ' BC';
  return `${date}T${clock.map((part) => pad(part, 2)).join(':')}.${pad(rest % 1_000_000, 6)}${era}`;
}

/** As {@link oracleNaiveText}, with the Z of rows and JSON where the instant is finite. */
export function oracleText(micros: number | null): string | null {
  if (micros === null) return null;
  const naive = oracleNaiveText(micros);
  return Number.isFinite(micros) ? naive.replace(/( BC)?$/, 'Z$1') : naive;
}

/** µs since the epoch of naive UTC text of the form that {@link oracleNaiveText} writes. */
export function oracleMicros(text: string | null | undefined): number | null {
  if (text === null || text === undefined) return null;
  if (text === 'infinity') return Infinity;
  if (text === '-infinity') return -Infinity;
  const [date = '', clock = '', era] = text.replace('Z', '').split(/[T ]/);
  const [years = 0, month = 0, day = 0] = date.split('-').map(Number);
  const year = era === undefined ? years : 1 - years;
  const [hour = 0, minute = 0, second = '0'] = clock.split(':');
  let days = day - 1;
  for (let at = 1970; at < year; at++) days += isLeap(at) ? 366 : 365;
  for (let at = year; at < 1970; at++) days -= isLeap(at) ? 366 : 365;
  for (let at = 1; at < month; at++) days += daysOfMonth(year, at);
  const [whole = '0', fraction = ''] = second.split('.');
  const micros = Number(whole) * 1_000_000 + Number(fraction.padEnd(6, '0'));
  return days * DAY_MICROS + (Number(hour) * 60 + Number(minute)) * 60_000_000 + micros;
}
