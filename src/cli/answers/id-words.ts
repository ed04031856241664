/** 64-bit ids read by their words: a number where it is exact, which prints far faster than a bigint. */
export class IdWords {
  readonly #ids: BigInt64Array;
  readonly #words: Int32Array;

  constructor(ids: BigInt64Array) {
    this.#ids = ids;
    this.#words = new Int32Array(ids.buffer, ids.byteOffset, ids.length * 2);
  }

  /** The id at `index`; a bigint beyond 2^52 and below 0. */
  at(index: number): number | bigint {
    const high = this.#words[index * 2 + 1] as number;
    if (high >= 0 && high < 0x10_00_00) {
      return high * 0x1_00_00_00_00 + ((this.#words[index * 2] as number) >>> 0);
    }
    return this.#ids[index] as bigint;
  }
}
