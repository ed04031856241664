const CLASSES = 32;
/** Free blocks of one size class that are tried before a larger class is cut. */
const TRIES = 16;

/**
 * Hands out blocks of consecutive numbers from 0 to a top, and takes them back: neighbouring free
 * blocks are joined, a free block at the top lowers the top.
 *
 * Allocation and release are O(1) expected: blocks are kept by power of two of their size, a few
 * of the fitting class are tried for their size, any of a larger class fits. About 100 bytes a free
 * block, none for a used one.
 */
export class BlockAllocator {
  /** One more than the highest number in use. */
  top = 0;
  /** Numbers below the top that are free. */
  free = 0;
  /** Start of the block, used or free, at which the next slice of compaction begins. */
  #cursor = 0;
  readonly #sizeAt = new Map<number, number>();
  readonly #startOfEnd = new Map<number, number>();
  readonly #classes: Set<number>[] = Array.from({ length: CLASSES }, () => new Set<number>());

  /** First number of a block of `size` (1 or more); it may lie at the top, which then rises. */
  allocate(size: number): number {
    const found = this.#find(size);
    if (found === -1) {
      const start = this.top;
      this.top += size;
      return start;
    }
    const room = this.#sizeAt.get(found) as number;
    this.#forget(found, room);
    if (room > size) this.#remember(found + size, room - size);
    return found;
  }

  /** Takes back the block of `size` at `start`. */
  release(start: number, size: number): void {
    let first = start;
    let end = start + size;
    const before = this.#startOfEnd.get(start);
    if (before !== undefined) {
      this.#forget(before, start - before);
      first = before;
    }
    const after = this.#sizeAt.get(end);
    if (after !== undefined) {
      this.#forget(end, after);
      end += after;
    }
    // a cursor inside a free block would end up inside the next used one
    if (this.#cursor > first && this.#cursor <= end) this.#cursor = first;
    if (end === this.top) this.top = first;
    else this.#remember(first, end - first);
  }

  /** Size of the free block at `start`, 0 where there is none. O(1). */
  freeAt(start: number): number {
    return this.#sizeAt.get(start) ?? 0;
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

  /** True where `size` consecutive numbers are free below the top. O(1) expected. */
  fits(size: number): boolean {
    return this.#find(size) !== -1;
  }

  #find(size: number): number {
    const own = 31 - Math.clz32(size);
    let tries = TRIES;
    for (const start of this.#classes[own] as Set<number>) {
      if ((this.#sizeAt.get(start) as number) >= size) return start;
      if (--tries === 0) break;
    }
    for (let larger = own + 1; larger < CLASSES; larger++) {
      for (const start of this.#classes[larger] as Set<number>) return start;
    }
    return -1;
  }

  #remember(start: number, size: number): void {
    this.#sizeAt.set(start, size);
    this.#startOfEnd.set(start + size, start);
    (this.#classes[31 - Math.clz32(size)] as Set<number>).add(start);
    this.free += size;
  }

  #forget(start: number, size: number): void {
    this.#sizeAt.delete(start);
    this.#startOfEnd.delete(start + size);
    (this.#classes[31 - Math.clz32(size)] as Set<number>).delete(start);
    this.free -= size;
  }
}
