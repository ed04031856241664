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

/**
 * A zeroed column over a growable SharedArrayBuffer of its own.
 *
 * The address space of `limit` elements is reserved at once and memory is committed as the column
 * grows, in place: no growth ever copies. The view has a fixed length, because a view that tracks
 * the buffer's length is read 13 times slower. O(1).
 *
 * @param capacity elements at the start
 * @param limit elements it can ever grow to
 */
export function sharedColumn<K extends keyof SharedArrays>(
  kind: K,
  capacity: number,
  limit: number,
): SharedArrays[K] {
  const Kind = KINDS[kind] as unknown as SharedConstructor<SharedArrays[K]>;
  const size = KINDS[kind].BYTES_PER_ELEMENT;
  const buffer = new SharedArrayBuffer(capacity * size, { maxByteLength: limit * size });
  return new Kind(buffer, 0, capacity);
}

/** The same column with more elements, the new ones zero; earlier views stay valid. O(1). */
export function longerColumn<A extends SharedColumn>(column: A, capacity: number): A {
  column.buffer.grow(capacity * column.BYTES_PER_ELEMENT);
  const Kind = column.constructor as SharedConstructor<A>;
  return new Kind(column.buffer, 0, capacity);
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
