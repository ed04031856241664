/** A value that JSON and PostgreSQL's `jsonb` hold as it is. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

/** An object of {@link JsonValue}. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Bounds of {@link boundedJson}. */
export interface JsonBounds {
  /** Objects within objects; default 6. */
  readonly depth?: number;
  /** Values in all, keys and items counted; default 500. */
  readonly values?: number;
  /** Characters of one text; default 2,000. */
  readonly text?: number;
}

/**
 * Text that `jsonb` takes, of at most `limit` UTF-16 units: NUL and lone surrogates become U+FFFD.
 * O(limit).
 */
export function storableText(text: string, limit: number): string {
  const cut = text.length > limit ? `${text.slice(0, Math.max(limit - 1, 0))}…` : text;
  return cut.toWellFormed().replaceAll('\0', '\u{FFFD}');
}

/**
 * A copy of anything as plain JSON data within bounds; never throws.
 *
 * Getters, `toJSON` and proxies may throw, structures may be circular or huge: what cannot be read
 * or has no place any more becomes a text in brackets. O(bounds).
 */
export function boundedJson(value: unknown, bounds: JsonBounds = {}): JsonValue {
  const { depth = 6, values = 500, text = 2000 } = bounds;
  const state = { left: values, text, open: new Set<object>() };
  return copy(value, depth, state);
}

interface CopyState {
  left: number;
  readonly text: number;
  readonly open: Set<object>;
}

function copy(value: unknown, depth: number, state: CopyState): JsonValue {
  state.left--;
  switch (typeof value) {
    case 'string':
      return storableText(value, state.text);
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
      // the text of a bigint without bound would cost the square of its length
      return BigInt.asIntN(256, value) === value ? String(value) : '[huge bigint]';
    case 'undefined':
      return null;
    case 'function':
    case 'symbol':
      return `[${typeof value}]`;
    case 'object':
      break;
  }
  if (value === null) return null;
  if (state.open.has(value)) return '[circular]';
  if (depth === 0 || state.left <= 0) return '[left out]';
  state.open.add(value);
  try {
    return copyObject(value, depth, state);
  } catch {
    return '[unreadable]';
  } finally {
    state.open.delete(value);
  }
}

function copyObject(value: object, depth: number, state: CopyState): JsonValue {
  if (value instanceof Error) return `${value.name}: ${storableText(value.message, state.text)}`;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    return `[${value.byteLength} bytes]`;
  }
  if (Array.isArray(value)) {
    const items: JsonValue[] = [];
    for (let at = 0; at < value.length && state.left > 0; at++) {
      items.push(copy(value[at], depth - 1, state));
    }
    if (items.length < value.length) items.push(`[${value.length - items.length} more left out]`);
    return items;
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    const written: unknown = (value.toJSON as () => unknown)();
    if (written !== value) return copy(written, depth - 1, state);
  }
  const fields: [string, JsonValue][] = [];
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    if (state.left <= 0) {
      fields.push(['…', '[left out]']);
      break;
    }
    fields.push([storableText(key, 200), field(value, key, depth, state)]);
  }
  return Object.fromEntries(fields);
}

function field(owner: object, key: string, depth: number, state: CopyState): JsonValue {
  try {
    return copy((owner as Record<string, unknown>)[key], depth - 1, state);
  } catch {
    return '[unreadable]';
  }
}
