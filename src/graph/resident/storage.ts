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

const CLASSES = 32;
/** Free blocks of one size class that are tried before a larger class is cut. */
const TRIES = 16;

/**
 * Hands out blocks of consecutive numbers from 0 to a top, and takes them back: neighbouring free
 * blocks are joined, a free block at the top lowers the top.
 *
 * Allocation and release are O(1): free blocks stand in lists by power of two of their size; a few
 * of the fitting class are tried for their size, any of a larger class fits. Sizes stand at both
 * ends of each free block, in columns of 12 bytes a number: a hash table would do as well, if it
 * did not stop for milliseconds when it grows or shrinks.
 * Source: boundary tags, Knuth, "The Art of Computer Programming", volume 1, section 2.5.
 */
export class BlockAllocator {
  /** One more than the highest number in use. */
  top = 0;
  /** Numbers below the top that are free. */
  free = 0;
  /** Start of the block, used or free, at which the next slice of compaction begins. */
  #cursor = 0;
  /** Size of the free block that begins or ends here, else 0. */
  #size: SharedArrays['u32'];
  /** Neighbours of a free block in the list of its class, by its start; -1 at the ends. */
  #next: SharedArrays['i32'];
  #previous: SharedArrays['i32'];
  readonly #heads = new Int32Array(CLASSES).fill(-1);
  readonly #limit: number;

  /** @param limit numbers there are at most */
  constructor(limit: number) {
    this.#limit = limit;
    const room = Math.min(64, limit);
    this.#size = sharedColumn('u32', room);
    this.#next = sharedColumn('i32', room);
    this.#previous = sharedColumn('i32', room);
  }

  get bytes(): number {
    return this.#size.byteLength + this.#next.byteLength + this.#previous.byteLength;
  }

  /** First number of a block of `size` (1 or more); it may lie at the top, which then rises. */
  allocate(size: number): number {
    const found = this.#find(size);
    if (found === -1) {
      const start = this.top;
      this.top += size;
      return start;
    }
    const room = this.freeAt(found);
    this.#forget(found, room);
    if (room > size) this.#remember(found + size, room - size);
    return found;
  }

  /** Takes back the block of `size` at `start`. */
  release(start: number, size: number): void {
    let first = start;
    let end = start + size;
    const before = start === 0 ? 0 : this.freeAt(start - 1);
    if (before > 0) {
      first = start - before;
      this.#forget(first, before);
    }
    const after = end < this.top ? this.freeAt(end) : 0;
    if (after > 0) {
      this.#forget(end, after);
      end += after;
    }
    // a cursor inside a free block would end up inside the next used one
    if (this.#cursor > first && this.#cursor <= end) this.#cursor = first;
    if (end === this.top) this.top = first;
    else this.#remember(first, end - first);
  }

  /** Size of the free block that begins or ends at `at`, 0 where there is none. O(1). */
  freeAt(at: number): number {
    return at < this.#size.length ? (this.#size[at] as number) : 0;
  }

  /**
   * One slice of compaction: moves used blocks down into free room before them, from where the last
   * slice stopped; blocks over `largest` stay, and so does the room before them.
   *
   * @param budget numbers moved plus blocks passed, about; one block may exceed it
   * @param sizeAt size of the used block that starts there
   * @param move carries a block's contents down; the ranges may overlap
   * @returns true when the slice came to the top, the next one starts anew
   */
  compact(
    budget: number,
    largest: number,
    sizeAt: (start: number) => number,
    move: (from: number, to: number, size: number) => void,
  ): boolean {
    if (this.free === 0) this.#cursor = this.top;
    for (let work = 0; work < budget && this.#cursor < this.top; work++) {
      const hole = this.#cursor;
      const room = this.freeAt(hole);
      const size = sizeAt(hole + room);
      this.#cursor = hole + size;
      if (room === 0) continue;
      if (size > largest) {
        this.#cursor += room;
        continue;
      }
      move(hole + room, hole, size);
      this.#forget(hole, room);
      this.release(hole + size, room);
      work += size;
    }
    if (this.#cursor < this.top) return false;
    this.#cursor = 0;
    return true;
  }

  /** True where `size` consecutive numbers are free below the top. O(1). */
  fits(size: number): boolean {
    return this.#find(size) !== -1;
  }

  #find(size: number): number {
    const own = classOf(size);
    let tries = TRIES;
    for (
      let start = this.#heads[own] as number;
      start !== -1;
      start = this.#next[start] as number
    ) {
      if (this.freeAt(start) >= size) return start;
      if (--tries === 0) break;
    }
    for (let larger = own + 1; larger < CLASSES; larger++) {
      const start = this.#heads[larger] as number;
      if (start !== -1) return start;
    }
    return -1;
  }

  #remember(start: number, size: number): void {
    const end = start + size;
    if (end > this.#size.length) this.#grow(end);
    this.#size[start] = size;
    this.#size[end - 1] = size;
    const at = classOf(size);
    const head = this.#heads[at] as number;
    this.#next[start] = head;
    this.#previous[start] = -1;
    if (head !== -1) this.#previous[head] = start;
    this.#heads[at] = start;
    this.free += size;
  }

  #forget(start: number, size: number): void {
    this.#size[start] = 0;
    this.#size[start + size - 1] = 0;
    const next = this.#next[start] as number;
    const previous = this.#previous[start] as number;
    if (next !== -1) this.#previous[next] = previous;
    if (previous === -1) this.#heads[classOf(size)] = next;
    else this.#next[previous] = next;
    this.free -= size;
  }

  #grow(needed: number): void {
    const capacity = nextCapacity(this.#size.length, needed, this.#limit);
    this.#size = longerColumn(this.#size, capacity);
    this.#next = longerColumn(this.#next, capacity);
    this.#previous = longerColumn(this.#previous, capacity);
  }
}

function classOf(size: number): number {
  return 31 - Math.clz32(size);
}
