import { jsonbText } from '../database/jsonb-text.ts';
import { TaskerError } from '../errors.ts';

/** Default for the size of one step's results: 1 MiB. */
export const DEFAULT_RESULT_BYTES = 1_048_576;

/**
 * The JSON text under which a handler's output is stored; undefined gives `null`.
 *
 * As `JSON.stringify`, which leaves functions inside objects out, and with what PostgreSQL refuses
 * refused here, where it is one step's failure and not that of everything written with it.
 *
 * @param maxBytes bound on the UTF-8 text
 * @throws TaskerError `TASKER_RESULT_TOO_LARGE`; `TASKER_RESULT_NOT_SERIALISABLE` for a function, a
 *   symbol, a bigint, a circle, a `toJSON` or getter that throws, a NUL or half a surrogate pair in
 *   a text, and nesting deeper than 1,000
 */
export function resultText(value: unknown, maxBytes: number = DEFAULT_RESULT_BYTES): string {
  const stored = jsonbText(value, maxBytes);
  if ('text' in stored) return stored.text;
  if ('bytes' in stored) throw tooLarge(stored.bytes, maxBytes);
  throw notSerialisable(stored.reason, stored.cause);
}

function tooLarge(bytes: number, maxBytes: number): TaskerError {
  return new TaskerError(
    'TASKER_RESULT_TOO_LARGE',
    `The result has at least ${bytes} bytes as JSON, ${maxBytes} are allowed.`,
    { remedy: 'Store it elsewhere and return where it is.', data: { bytes, maxBytes } },
  );
}

function notSerialisable(why: string, cause?: unknown): TaskerError {
  return new TaskerError(
    'TASKER_RESULT_NOT_SERIALISABLE',
    `The result cannot be stored as JSON: ${why.slice(0, 500)}.`,
    { remedy: 'Return plain data.', cause },
  );
}
