/**
 * A small deterministic generator of random numbers, started afresh for each task, so that a task comes out the same
 * whichever of its tables is being written. Mulberry32 by T. Ettinger (public domain): 32 bits of state.
 */
export class SeedRandom {
  #state = 0;

  /** Starts the sequence of number `index` under `seed`. */
  restart(seed: number, index: number): void {
    this.#state = (mix(seed) ^ mix(index + 0x9e37_79b9)) | 0;
  }

  /** The next 32 bits, unsigned. */
  bits(): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0;
    return scramble(this.#state);
  }

  /** In [0, 1). */
  fraction(): number {
    return this.bits() / 0x1_0000_0000;
  }

  /** Whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  /** Spread evenly over the orders of magnitude between `low` and `high`, as durations are; whole. */
  magnitude(low: number, high: number): number {
    return Math.round(low * (high / low) ** this.fraction());
  }

  /** Position of the share that a number falls into; `sums` are the running sums of all weights. */
  share(sums: Float64Array): number {
    const at = this.fraction() * (sums.at(-1) as number);
    return sums.findIndex((sum) => at < sum);
  }
}

/** Running sums of weights, for {@link SeedRandom.share}. */
export function runningSums(weights: readonly number[]): Float64Array {
  let sum = 0;
  return Float64Array.from(weights, (weight) => (sum += weight));
}

function mix(value: number): number {
  return scramble(Math.imul(value, 0x85eb_ca6b) | 0);
}

function scramble(state: number): number {
  let bits = Math.imul(state ^ (state >>> 15), state | 1);
  bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
  return (bits ^ (bits >>> 14)) >>> 0;
}
