import { TaskerError } from '../../errors.ts';
import { parseInstant } from '../../graph/snapshot/instants.ts';
import { wholeNumber, writtenNumber } from './exact-json.ts';

/** One row of input, as JSON or as a plain object. */
export type InputRecord = Readonly<Record<string, unknown>>;

/** Where a row stands: a file and its line, or an array and its index. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

const INT32_MIN = -(2 ** 31);
const INT32_MAX = 2 ** 31 - 1;
const INT64_LIMIT = 2n ** 63n;

/** The error for a field that cannot be read; names file, line, field and value. */
export function badField(place: Place, field: string, value: unknown, wanted: string): TaskerError {
  const shown = shownValue(value);
  return new TaskerError(
    'TASKER_BAD_INPUT',
    `${place.file}:${place.line}: field "${field}" is ${shown.slice(0, 80)}, not ${wanted}.`,
    { data: { file: place.file, line: place.line, field, value: shown.slice(0, 200) } },
  );
}

/** A value as JSON, numbers as they were written; only its kind where it nests too deep to be shown. */
function shownValue(value: unknown): string {
  const digits = (_key: string, part: unknown): unknown =>
    typeof part === 'bigint' ? String(part) : (writtenNumber(part) ?? part);
  const number = typeof value === 'bigint' ? String(value) : writtenNumber(value);
  if (number !== undefined) return number;
  try {
    return JSON.stringify(value, digits) ?? 'nothing';
  } catch {
    return Array.isArray(value) ? 'an array' : 'an object';
  }
}

/** A 64-bit id: bigint, safe integer or decimal text; TASKER_BAD_INPUT otherwise. */
export function idField(row: InputRecord, field: string, place: Place): bigint {
  // a number with a fraction or an exponent is no id, whatever it may come to
  const value = writtenNumber(row[field]) ?? row[field];
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === 'bigint' && value < INT64_LIMIT && value >= -INT64_LIMIT) return value;
  if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) {
    const id = BigInt(value);
    if (id < INT64_LIMIT && id >= -INT64_LIMIT) return id;
  }
  throw badField(place, field, row[field], 'a 64-bit id');
}

/** A 32-bit integer, or null where it may be absent; TASKER_BAD_INPUT otherwise. */
export function integerOrNull(row: InputRecord, field: string, place: Place): number | null {
  const written = writtenNumber(row[field]);
  const value = written === undefined ? row[field] : wholeNumber(written);
  if (value === null || row[field] === undefined) return null;
  if (
    typeof value === 'number' &&
    Number.isInteger(value) &&
    value >= INT32_MIN &&
    value <= INT32_MAX
  ) {
    return value;
  }
  throw badField(place, field, row[field], 'a 32-bit integer or null');
}

/** A 32-bit integer that must be there. */
export function integerField(row: InputRecord, field: string, place: Place): number {
  const value = integerOrNull(row, field, place);
  if (value === null) throw badField(place, field, row[field], 'a 32-bit integer');
  return value;
}

/** A boolean, or what null stands for. */
export function booleanField(
  row: InputRecord,
  field: string,
  place: Place,
  whenNull: boolean,
): boolean {
  const value = row[field];
  if (value === null || value === undefined) return whenNull;
  if (typeof value === 'boolean') return value;
  throw badField(place, field, value, 'true, false or null');
}

/** A text that must be there. */
export function textField(row: InputRecord, field: string, place: Place): string {
  const value = row[field];
  if (typeof value === 'string') return value;
  throw badField(place, field, value, 'a text');
}

/** A UTC timestamp that must be there, as µs since the epoch. */
export function requiredInstantField(row: InputRecord, field: string, place: Place): number {
  const micros = instantField(row, field, place);
  if (Number.isNaN(micros)) throw badField(place, field, row[field], 'a UTC timestamp');
  return micros;
}

/** A boolean that must be there. */
export function requiredBooleanField(row: InputRecord, field: string, place: Place): boolean {
  const value = row[field];
  if (typeof value === 'boolean') return value;
  throw badField(place, field, value, 'true or false');
}

/** A UTC timestamp as µs since the epoch, NaN for null. */
export function instantField(row: InputRecord, field: string, place: Place): number {
  const value = row[field];
  if (value === null || value === undefined) return NaN;
  const micros = typeof value === 'string' ? parseInstant(value) : undefined;
  if (micros === undefined) {
    throw badField(
      place,
      field,
      value,
      'a UTC timestamp such as 2026-11-23T03:53:17.824585, exact in microseconds from 1684 to 2255',
    );
  }
  return micros;
}
