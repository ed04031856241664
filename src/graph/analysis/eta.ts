import type { EtaPlan } from './eta-plan.ts';
import { durationAt, type PackedDurations } from './packed-durations.ts';
import { percentiles } from './percentile.ts';
import { SeededRandom } from '../random.ts';

/** Runs that draw from one stretch of random numbers; the unit that threads take. */
const BLOCK_RUNS = 256;
/** Runs that are sorted at once: about a millisecond. */
const SORTED_RUNS = 16_384;

/** What a simulation depends on besides the graph. */
export interface EtaParameters {
  /** Distributions of the steps of the task; sound by `distributionProblem`. */
  readonly durations: PackedDurations;
  /** At least 1. */
  readonly runs: number;
  /** Whole number; its low 32 bits count. */
  readonly seed: number;
}

/** How a task's end is spread over the runs of a simulation, seconds from now. */
export interface EtaResult {
  readonly mean: number;
  /** One a share. */
  readonly percentiles: Float64Array;
  /**
   * Share of the runs in which a step ended the task or decided the start of one that did, by
   * position in the task; length S.
   */
  readonly criticality: Float64Array;
}

/**
 * Simulates the rest of one task: steps that are done take nothing, one in progress what its drawn
 * length leaves, every other its drawn length as soon as its parents are done. As many steps run at
 * a time as the edges allow; failures, retries, waits and edges from other tasks are left out, so
 * that the answer is the earliest end to hope for.
 *
 * The same seed gives the same runs in every language and on any number of threads: each block of
 * 256 runs draws from a stretch of random numbers of its own, one number for each step left, in
 * topological order, whatever its distribution.
 *
 * Complexity: O(runs x (steps + edges left)) and the sorting, in pieces of any size.
 * Source: Van Slyke, "Monte Carlo Methods and the PERT Problem", 1963.
 */
export class EtaSimulation {
  readonly #plan: EtaPlan;
  readonly #durations: PackedDurations;
  readonly #which: Uint32Array;
  readonly #finishes: Float64Array;
  readonly #criticality: Float64Array;
  readonly #finish: Float64Array;
  readonly #deciding: Int32Array;
  readonly #blocks: SeededRandom;
  #random: SeededRandom;
  #blockSum = 0;
  #sum = 0;
  #done = 0;

  constructor(plan: EtaPlan, { durations, runs, seed }: EtaParameters) {
    this.#plan = plan;
    this.#durations = durations;
    this.#which = plan.positions.map((position) => durations.which[position] as number);
    this.#finishes = new Float64Array(runs);
    this.#criticality = new Float64Array(plan.steps);
    this.#finish = new Float64Array(plan.positions.length);
    this.#deciding = new Int32Array(plan.positions.length);
    this.#blocks = new SeededRandom(seed);
    this.#random = this.#blocks;
  }

  /** Makes up to `count` further runs. Returns how many are left. */
  advance(count: number): number {
    const runs = this.#finishes.length;
    const goal = Math.min(runs, this.#done + count);
    while (this.#done < goal) {
      if (this.#done % BLOCK_RUNS === 0) this.#nextBlock();
      this.#runOnce();
      const done = this.#done;
      if (done % SORTED_RUNS !== 0 && done !== runs) continue;
      this.#finishes.subarray(done - (((done - 1) % SORTED_RUNS) + 1), done).sort();
    }
    return runs - this.#done;
  }

  /** What came of all runs, once none is left. */
  result(shares: ArrayLike<number>): EtaResult {
    const runs = this.#finishes.length;
    const chunks: Float64Array[] = [];
    for (let from = 0; from < runs; from += SORTED_RUNS) {
      chunks.push(this.#finishes.subarray(from, from + SORTED_RUNS));
    }
    return {
      // block by block, because threads sum up blocks
      mean: (this.#sum + this.#blockSum) / runs,
      percentiles: percentiles(chunks, shares),
      criticality: this.#criticality.map((count) => count / runs),
    };
  }

  #nextBlock(): void {
    this.#sum += this.#blockSum;
    this.#blockSum = 0;
    this.#random = this.#blocks.fork();
  }

  #runOnce(): void {
    const { positions } = this.#plan;
    const end = this.#simulate();
    const seconds = end === -1 ? 0 : (this.#finish[end] as number);
    this.#finishes[this.#done++] = seconds;
    this.#blockSum += seconds;
    for (let at = end; at !== -1; at = this.#deciding[at] as number) {
      const position = positions[at] as number;
      this.#criticality[position] = (this.#criticality[position] as number) + 1;
    }
  }

  /** One run; returns the step that ends it, -1 where nothing is left to do. */
  #simulate(): number {
    const { elapsed, parentOffsets, parents } = this.#plan;
    const finish = this.#finish;
    const deciding = this.#deciding;
    const random = this.#random;
    let end = -1;
    let latest = 0;
    let edge = 0;
    for (let at = 0; at < finish.length; at++) {
      const drawn = durationAt(this.#durations, this.#which[at] as number, random.next());
      const taken = elapsed[at] as number;
      let begin = 0;
      let decider = -1;
      if (taken >= 0) begin = -(drawn < taken ? drawn : taken);
      for (const last = parentOffsets[at + 1] as number; edge < last; edge++) {
        const parent = parents[edge] as number;
        const done = finish[parent] as number;
        if (done <= begin) continue;
        begin = done;
        decider = parent;
      }
      deciding[at] = decider;
      const done = begin + drawn;
      finish[at] = done;
      if (done <= latest && end !== -1) continue;
      latest = done;
      end = at;
    }
    return end;
  }
}
