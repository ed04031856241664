import { SeededRandom } from '../../graph/random.ts';

/**
 * Random numbers as the seed draws them, started afresh for each task, so that a task comes out the same
 * whichever of its tables is being written.
 */
export class SeedRandom {
  readonly #random = new SeededRandom(0);

  /** Starts the sequence of number `index` under `seed`. */
  restart(seed: number, index: number): void {
    this.#random.restart(Math.imul(seed, 0x85eb_ca6b) ^ Math.imul(index + 1, 0x9e37_79b1));
  }

  /** The next 32 bits, unsigned. */
  bits(): number {
    return this.#random.next() * 0x1_0000_0000;
  }

  /** In [0, 1). */
  fraction(): number {
    return this.#random.next();
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
