import { TaskerError } from '../errors.ts';
import { parseInstant } from '../graph/instants.ts';

const INT64_MAX = 2n ** 63n - 1n;

/** The error for an option whose value cannot be taken; names both. */
function badOption(option: string, value: string, wanted: string): TaskerError {
  return new TaskerError('TASKER_BAD_ARGUMENT', `${option} is "${value}", not ${wanted}.`, {
    data: { option, value },
  });
}

/** A parser for whole numbers from `least` to `most`. */
export function wholeNumber(
  option: string,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const bound = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
    throw badOption(option, text, `a whole number ${bound}`);
  };
}

/** A 64-bit id. */
export function idValue(option: string, text: string): bigint {
  const id = /^-?\d{1,19}$/.test(text) ? BigInt(text) : undefined;
  if (id === undefined || id > INT64_MAX || id < -INT64_MAX - 1n) {
    throw badOption(option, text, 'a 64-bit id');
  }
  return id;
}

/** Ids parted by commas or blanks, in the order given. */
export function idList(option: string): (text: string) => bigint[] {
  return (text) => {
    const parts = text.split(/[\s,]+/).filter((part) => part !== '');
    if (parts.length === 0) throw badOption(option, text, 'a list of ids such as 17,18');
    return parts.map((part) => idValue(option, part));
  };
}

/** A UTC timestamp as µs since the epoch. */
export function instantValue(option: string): (text: string) => number {
  return (text) => {
    const micros = parseInstant(text);
    if (micros !== undefined && Number.isFinite(micros)) return micros;
    throw badOption(option, text, 'a UTC timestamp such as 2026-11-23T03:53:17.824585Z');
  };
}
