import { allocated, requireCountable } from './too-large.ts';

/** 64-bit ids. */
export type IdArray = BigInt64Array<ArrayBuffer>;

/** A growable column of 64-bit ids with a view of their 32-bit words (low word first). */
export class IdColumn {
  ids: IdArray;
  words: Uint32Array<ArrayBuffer>;

  constructor(capacity: number) {
    this.ids = new BigInt64Array(capacity);
    this.words = new Uint32Array(this.ids.buffer);
  }

  grow(capacity: number): void {
    requireCountable('ids', capacity / 2);
    const ids = allocated(capacity * 8, () => new BigInt64Array(capacity));
    ids.set(this.ids);
    this.ids = ids;
    this.words = new Uint32Array(ids.buffer);
  }
}

/** A column of numbers. */
export type Column = Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

/** A longer copy of a column, the new part zero. */
export function grown<A extends Column>(array: A, capacity: number): A {
  const Kind = array.constructor as new (length: number) => A;
  const larger = allocated(capacity * array.BYTES_PER_ELEMENT, () => new Kind(capacity));
  larger.set(array);
  return larger;
}
