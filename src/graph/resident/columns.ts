const KINDS = {
  u8: Uint8Array,
  u32: Uint32Array,
  i32: Int32Array,
  f64: Float64Array,
  i64: BigInt64Array,
} as const;

/** Element types of shared columns. */
export interface SharedArrays {
  u8: Uint8Array<SharedArrayBuffer>;
  u32: Uint32Array<SharedArrayBuffer>;
  i32: Int32Array<SharedArrayBuffer>;
  f64: Float64Array<SharedArrayBuffer>;
  i64: BigInt64Array<SharedArrayBuffer>;
}

type SharedConstructor<A> = new (of: SharedArrayBuffer, from: number, length: number) => A;

/** Any shared column. */
export type SharedColumn = SharedArrays[keyof SharedArrays];

/** Address space that is reserved for a column, as a multiple of its length when it is made. */
const RESERVE = 4;
const LEAST_RESERVED = 4096;

/**
 * A zeroed column over a SharedArrayBuffer of its own.
 *
 * Address space for four times the elements is reserved, so that most growth happens in place and
 * costs no copy. The view has a fixed length, because a view that tracks the buffer's length is read
 * 13 times slower. O(1).
 *
 * @throws RangeError where the memory cannot be had
 */
export function sharedColumn<K extends keyof SharedArrays>(
  kind: K,
  capacity: number,
): SharedArrays[K] {
  const Kind = KINDS[kind] as unknown as SharedConstructor<SharedArrays[K]>;
  return new Kind(reserved(capacity, KINDS[kind].BYTES_PER_ELEMENT), 0, capacity);
}

/**
 * The column with more elements, the new ones zero. In place where it was reserved, else a copy; what
 * is written after that through an earlier view may be lost. O(1) amortised an element.
 *
 * @throws RangeError where the memory cannot be had; the column stays as it is
 */
export function longerColumn<A extends SharedColumn>(column: A, capacity: number): A {
  const Kind = column.constructor as SharedConstructor<A>;
  const bytes = capacity * column.BYTES_PER_ELEMENT;
  if (bytes <= column.buffer.maxByteLength) {
    if (bytes > column.buffer.byteLength) column.buffer.grow(bytes);
    return new Kind(column.buffer, 0, capacity);
  }
  const longer = new Kind(reserved(capacity, column.BYTES_PER_ELEMENT), 0, capacity);
  longer.set(column as never);
  return longer;
}

function reserved(capacity: number, size: number): SharedArrayBuffer {
  const most = Math.max(capacity * RESERVE, LEAST_RESERVED);
  return new SharedArrayBuffer(capacity * size, { maxByteLength: most * size });
}

/**
 * Next capacity for at least `needed` elements: half as much again, within `limit`.
 *
 * @returns 0 where `needed` exceeds the limit
 */
export function nextCapacity(capacity: number, needed: number, limit: number): number {
  if (needed > limit) return 0;
  return Math.min(limit, Math.max(needed, Math.ceil(capacity * 1.5), 64));
}
