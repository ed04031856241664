import { TaskerError } from '../errors.ts';
import { parseInstant } from '../graph/snapshot/instants.ts';

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
    const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const bound = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
    throw badOption(option, text, `a whole number ${bound}`);
  };
}

/** A parser for seconds from 0 to `most`, with up to nine digits behind the point. */
export function secondsValue(option: string, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
    if (value <= most) return value;
    throw badOption(option, text, `seconds from 0 to ${most}, such as 0.25`);
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
    throw badOption(
      option,
      text,
      'a UTC timestamp such as 2026-11-23T03:53:17.824585Z (whole seconds before 1684 and after 2255)',
    );
  };
}

/** A JSON text; the value is boxed, since `null` is one too. */
export function jsonValue(option: string): (text: string) => { readonly value: unknown } {
  return (text) => {
    try {
      return { value: JSON.parse(text) as unknown };
    } catch {
      throw badOption(option, text.slice(0, 200), `JSON such as {"invoice": 17}`);
    }
  };
}

/** Names parted by commas or blanks. */
export function nameList(option: string): (text: string) => string[] {
  return (text) => {
    const names = text.split(/[\s,]+/).filter((part) => part !== '');
    if (names.length === 0)
      throw badOption(option, text, 'a list of names such as task.*,step.failed');
    return names;
  };
}

/** A number above 0. */
export function positiveNumber(option: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (value > 0 && Number.isFinite(value)) return value;
    throw badOption(option, text, 'a number above 0');
  };
}

/** How long ago, or when; µs. */
export type Age = { readonly ago: number } | { readonly at: number };

const UNIT_MICROS = { d: 86_400e6, h: 3_600e6, m: 60e6, s: 1e6 } as const;

/** A parser for an age such as 30d, 12h, 90m or 45s, or a UTC timestamp. */
export function ageOrInstant(option: string): (text: string) => Age {
  return (text) => {
    const match = /^(\d{1,6})([dhms])$/.exec(text);
    if (match !== null) {
      return { ago: Number(match[1]) * UNIT_MICROS[match[2] as keyof typeof UNIT_MICROS] };
    }
    const at = parseInstant(text);
    if (at !== undefined && Number.isFinite(at)) return { at };
    throw badOption(option, text, 'an age such as 30d or 12h, nor a UTC timestamp');
  };
}
