/**
 * Finds the position of a 64-bit id: a plain table where the ids are nearly consecutive, open
 * addressing elsewhere. Ids are pairs of 32-bit words, so that no BigInt is made on the way.
 */
export class IdIndex {
  readonly #words: Uint32Array;
  readonly #table: Int32Array;
  readonly #mask: number;
  readonly #dense: boolean;
  readonly #base: number;
  readonly #high: number;
  /** Positions whose id had been taken by an earlier one. */
  readonly duplicates: number[] = [];

  /**
   * @param words low and high word of each id in turn (length 2n or more)
   * @param count how many ids
   * Expected O(n).
   */
  constructor(words: Uint32Array, count: number) {
    this.#words = words;
    const range = count === 0 ? undefined : sameHighRange(words, count);
    this.#dense = range !== undefined && range.size <= count * 4 + 1024;
    if (range !== undefined && this.#dense) {
      this.#base = range.base;
      this.#high = range.high;
      this.#mask = 0;
      this.#table = new Int32Array(range.size).fill(-1);
    } else {
      this.#base = 0;
      this.#high = 0;
      const size = 2 ** Math.ceil(Math.log2(Math.max(16, count * 2)));
      this.#mask = size - 1;
      this.#table = new Int32Array(size).fill(-1);
    }
    for (let at = 0; at < count; at++) this.#insert(at);
  }

  #insert(at: number): void {
    const low = this.#words[at * 2] as number;
    const slot = this.#dense
      ? low - this.#base
      : this.#slot(low, this.#words[at * 2 + 1] as number);
    if (this.#table[slot] === -1) this.#table[slot] = at;
    else this.duplicates.push(at);
  }

  #slot(low: number, high: number): number {
    let slot = (Math.imul(low, 0x9e_37_79_b1) ^ Math.imul(high, 0x85_eb_ca_6b)) >>> 0;
    slot = (slot ^ (slot >>> 15)) & this.#mask;
    for (;;) {
      const at = this.#table[slot] as number;
      if (at === -1) return slot;
      if (this.#words[at * 2] === low && this.#words[at * 2 + 1] === high) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }

  /** Position of the id, or -1; expected O(1). */
  find(low: number, high: number): number {
    if (!this.#dense) return this.#table[this.#slot(low, high)] as number;
    if (high !== this.#high) return -1;
    return this.#table[low - this.#base] ?? -1;
  }
}

/** The span of ids that share their high word, or undefined where they do not. */
function sameHighRange(
  words: Uint32Array,
  count: number,
): { base: number; high: number; size: number } | undefined {
  const high = words[1] as number;
  let least = words[0] as number;
  let greatest = least;
  for (let at = 0; at < count; at++) {
    if (words[at * 2 + 1] !== high) return undefined;
    const low = words[at * 2] as number;
    if (low < least) least = low;
    if (low > greatest) greatest = low;
  }
  return { base: least, high, size: greatest - least + 1 };
}
