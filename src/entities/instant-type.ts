import { Type } from '@mikro-orm/core';

/**
 * A naive UTC timestamp as ISO text with six digits and `Z`, e.g. `2026-03-01T09:30:00.000125Z`.
 *
 * A JavaScript `Date` would lose the microseconds and read the naive text in the host's zone.
 * `infinity` and `-infinity` stay these words. Written values may carry an offset; it is applied.
 */
export class InstantType extends Type<string, string> {
  override convertToJSValue(value: string | null | undefined): string {
    return value === null || value === undefined ? (value as unknown as string) : fromNaive(value);
  }

  override convertToDatabaseValue(value: string | null | undefined): string {
    return value === null || value === undefined ? (value as unknown as string) : toNaive(value);
  }

  override compareAsType(): string {
    return 'string';
  }
}

const NAIVE = /^(\d{4,})-(\d\d)-(\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?( BC)?$/;
const ISO = /^(\d{4,}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:([+-]\d\d:?\d\d)|Z?( BC)?)$/;

const EXAMPLE = '2026-03-01T09:30:00.000125Z';

/** True for text that {@link toNaive} takes. */
export function isInstant(text: string): boolean {
  return text === 'infinity' || text === '-infinity' || ISO.test(text);
}

/** ISO text of the server's text for a naive timestamp; anything else comes back unchanged. */
export function fromNaive(text: string): string {
  const parts = NAIVE.exec(text);
  if (parts === null) return text;
  const [, year, month, day, time, fraction = '', era = ''] = parts;
  return `${year}-${month}-${day}T${time}.${fraction.padEnd(6, '0')}Z${era}`;
}

/**
 * The server's text for an instant in ISO form; without a zone it is taken as UTC.
 *
 * @throws RangeError for text that is no instant; the repositories check with {@link isInstant} first.
 */
export function toNaive(text: string): string {
  if (text === 'infinity' || text === '-infinity') return text;
  const parts = ISO.exec(text);
  if (parts === null) throw new RangeError(`"${text}" is no instant such as ${EXAMPLE}.`);
  const [, date = '', time = '', fraction = '', zone = '', era = ''] = parts;
  const micros = fraction === '' ? '' : `.${fraction}`;
  if (zone === '') return `${date} ${time}${micros}${era}`;
  // Offsets are whole minutes, so the fraction passes by unchanged.
  const shifted = new Date(`${date}T${time}${zone}`).toISOString();
  return `${shifted.slice(0, 19).replace('T', ' ')}${micros}`;
}
