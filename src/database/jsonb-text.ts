/** Arrays and objects within each other; PostgreSQL's parser gives up some thousands further down. */
const DEEPEST = 1000;

/** A NUL or half a surrogate pair, escaped by an odd number of backslashes: `jsonb` holds neither. */
const REFUSED_ESCAPE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i;

/** The JSON text of a value, or why `jsonb` cannot hold it. */
export type JsonbText =
  | { readonly text: string }
  /** Bytes that the text has at least. */
  | { readonly bytes: number }
  | { readonly reason: string; readonly cause?: unknown };

/**
 * The JSON text under which a value is stored; undefined gives `null`.
 *
 * As `JSON.stringify`, which leaves functions inside objects out. A function, a symbol, a bigint, a
 * circle, a `toJSON` or getter that throws, a NUL or half a surrogate pair in a text, and nesting
 * deeper than 1,000 have none. O(text).
 *
 * @param maxBytes bound on the UTF-8 text
 */
export function jsonbText(value: unknown, maxBytes: number): JsonbText {
  const least = leastBytes(value);
  if (least > maxBytes) return { bytes: least };
  let text: string | undefined;
  try {
    text = JSON.stringify(value === undefined ? null : value);
  } catch (error) {
    return { reason: error instanceof Error ? error.message : 'unknown', cause: error };
  }
  if (text === undefined) return { reason: `a ${typeof value} has no JSON form` };
  // three bytes are the most that one unit of UTF-16 needs
  if (text.length * 3 > maxBytes) {
    const bytes = text.length > maxBytes ? text.length : Buffer.byteLength(text);
    if (bytes > maxBytes) return { bytes };
  }
  if (text.includes('\\u') && REFUSED_ESCAPE.test(text)) {
    return { reason: 'a text in it holds a NUL character or half a surrogate pair' };
  }
  if (text.length > 2 * DEEPEST && depthOf(text) > DEEPEST) {
    return { reason: `it is nested deeper than ${DEEPEST}` };
  }
  return { text };
}

/** Bytes at sight: spares the writing of what is too large whatever its text. */
function leastBytes(value: unknown): number {
  if (typeof value === 'string') return value.length + 2;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  return Array.isArray(value) ? 2 * value.length + 1 : 0;
}

/** Deepest nesting of a JSON text. O(length). */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x22) {
      at = endOfText(text, at);
    } else if (unit === 0x5b || unit === 0x7b) {
      if (++depth > deepest) deepest = depth;
    } else if (unit === 0x5d || unit === 0x7d) {
      depth--;
    }
  }
  return deepest;
}

/** Where the text that opens at `from` closes. */
function endOfText(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text.charCodeAt(at) !== 0x22)
    at += text.charCodeAt(at) === 0x5c ? 2 : 1;
  return at;
}
