/** The polynomial by which xoshiro128 jumps 2^64 numbers ahead, lowest words first. */
const JUMP = [0x87_64_00_0b, 0xf5_42_d2_d3, 0x6f_a0_35_c3, 0x77_f2_db_5b];

/**
 * Random numbers that follow from a seed, the same in every language: xoshiro128** over four words,
 * filled by splitmix32.
 *
 * Source: Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", 2018.
 */
export class SeededRandom {
  readonly #state = new Uint32Array(4);

  /** @param seed whole number; its low 32 bits count */
  constructor(seed: number) {
    this.restart(seed);
  }

  /** Begins the sequence of a seed; its low 32 bits count. O(1). */
  restart(seed: number): void {
    let state = seed >>> 0;
    for (let word = 0; word < 4; word++) {
      state = (state + 0x9e_37_79_b9) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 16), 0x21_f0_aa_ad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x73_5a_2d_97);
      this.#state[word] = mixed ^ (mixed >>> 15);
    }
  }

  /** The next number, from 0 to below 1, in steps of 2^-32. O(1). */
  next(): number {
    const state = this.#state;
    const second = state[1] as number;
    const result = Math.imul(rotate(Math.imul(second, 5), 7), 9) >>> 0;
    state[2] = (state[2] as number) ^ (state[0] as number);
    state[3] = (state[3] as number) ^ second;
    state[1] = second ^ state[2];
    state[0] = (state[0] as number) ^ state[3];
    state[2] = state[2] ^ (second << 9);
    state[3] = rotate(state[3], 11);
    return result / 2 ** 32;
  }

  /**
   * A generator of the next 2^64 numbers; this one goes on behind them. Generators that are forked
   * one after another never meet, so that each can serve a thread of its own. O(1).
   */
  fork(): SeededRandom {
    const fork = new SeededRandom(0);
    fork.#state.set(this.#state);
    const ahead = new Uint32Array(4);
    for (const word of JUMP) {
      for (let bit = 0; bit < 32; bit++) {
        if (((word >>> bit) & 1) === 1) {
          for (let at = 0; at < 4; at++) {
            ahead[at] = (ahead[at] as number) ^ (this.#state[at] as number);
          }
        }
        this.next();
      }
    }
    this.#state.set(ahead);
    return fork;
  }
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
