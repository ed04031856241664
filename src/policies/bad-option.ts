import { TaskerError } from '../errors.ts';

/** Refuses an option: `TASKER_BAD_ARGUMENT` naming field and value, and saying what would do. */
export function badOption(field: string, value: unknown, wanted: string): TaskerError {
  const shown = show(value);
  return new TaskerError('TASKER_BAD_ARGUMENT', `Option ${field} is ${shown}.`, {
    remedy: `It must be ${wanted}.`,
    data: { field, value: shown },
  });
}

/** A finite number within bounds, or `absent` where it is not given. */
export function numberOption(
  field: string,
  value: unknown,
  absent: number,
  from: number,
  to: number,
): number {
  if (value === undefined) return absent;
  if (typeof value === 'number' && value >= from && value <= to) return value;
  throw badOption(field, value, `a number from ${from} to ${to}`);
}

/** As {@link numberOption}, whole. */
export function wholeOption(
  field: string,
  value: unknown,
  absent: number,
  from: number,
  to: number,
): number {
  const number = numberOption(field, value, absent, from, to);
  if (Number.isInteger(number)) return number;
  throw badOption(field, value, `a whole number from ${from} to ${to}`);
}

/** A plain object; null, arrays and everything else are refused. */
export function objectOption(field: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw badOption(field, value, 'an object');
}

/** Refuses keys that mean nothing, because a misspelt option would be one without effect. */
export function knownKeys(field: string, value: object, known: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    throw badOption(
      `${field}.${key}`,
      (value as Record<string, unknown>)[key],
      'absent: there is no such option',
    );
  }
}

function show(value: unknown): string {
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'number' || value === undefined) return String(value);
  try {
    return JSON.stringify(value).slice(0, 60);
  } catch {
    return 'an object without a JSON form';
  }
}
