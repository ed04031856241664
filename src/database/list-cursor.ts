import { TaskerError } from '../errors.ts';

/** A part that is a 64-bit id, or the number of an entry. */
export function isCursorId(part: string): boolean {
  return /^-?\d{1,19}$/.test(part) && BigInt.asIntN(64, BigInt(part)) === BigInt(part);
}

/** The place in a list after which the next page begins, as opaque text. */
export function encodeCursor(parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/**
 * The parts of a cursor, each of which passes its test.
 *
 * Errors: TASKER_BAD_ARGUMENT for a text that no list of this kind gave.
 */
export function decodeCursor(
  cursor: string,
  tests: readonly ((part: string) => boolean)[],
): string[] {
  const parts = parse(Buffer.from(cursor, 'base64url').toString());
  const fits =
    Array.isArray(parts) &&
    parts.length === tests.length &&
    parts.every((part, at) => typeof part === 'string' && tests[at]?.(part) === true);
  if (fits) return parts as string[];
  throw new TaskerError('TASKER_BAD_ARGUMENT', `The cursor "${cursor.slice(0, 60)}" is none.`, {
    remedy: 'Give the "next" of the page before, unchanged.',
    data: { field: 'cursor', value: cursor.slice(0, 200) },
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The number of rows of a page.
 *
 * Errors: TASKER_BAD_ARGUMENT unless it is a whole number from 1 to 10,000.
 */
export function pageLimit(limit: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= 10_000) return limit;
  throw new TaskerError('TASKER_BAD_ARGUMENT', `The limit is ${limit}.`, {
    remedy: 'It must be a whole number from 1 to 10000.',
    data: { field: 'limit', value: String(limit) },
  });
}
