import { durationAt, type DurationDistribution } from './duration-distribution.ts';
import type { SnapshotViews } from './layout.ts';
import { SeededRandom } from './seeded-random.ts';
import { STATE_CODES } from './state-codes.ts';
import { orderTask, type Scratch } from './topological-order.ts';

/** What a simulation depends on besides the graph. */
export interface EtaParameters {
  /** Distribution of each step of the task, by position; sound by `distributionProblem`. */
  readonly distributions: readonly DurationDistribution[];
  /** Seconds that each step has been running already, by position; for steps in progress. */
  readonly elapsed: Float64Array;
  readonly runs: number;
  readonly seed: number;
}

/** How a task's end is spread over the runs of a simulation. */
export interface EtaResult {
  /** Seconds from now to the end, one a run, ascending. */
  readonly finishes: Float64Array;
  readonly mean: number;
  /** Share of the runs in which a step ended the task or decided the start of one that did. */
  readonly criticality: Float64Array;
}

/**
 * Simulates the rest of one task: steps that are done take nothing, one in progress what its drawn
 * length leaves, every other its drawn length as soon as its parents are done. As many steps run at
 * a time as the edges allow; failures, retries, waits and edges from other tasks are left out, so
 * that the answer is the earliest end to hope for.
 *
 * The same seed gives the same runs. A draw is made for each unfinished step, in topological order,
 * whatever its distribution.
 *
 * @returns undefined for a task with a cycle
 * Complexity: O(runs x (steps + edges) + runs x log runs). Source: Van Slyke, "Monte Carlo Methods
 * and the PERT Problem", 1963.
 */
export function simulateEta(
  views: SnapshotViews,
  task: number,
  parameters: EtaParameters,
  scratch: Scratch,
): EtaResult | undefined {
  const first = views.taskSteps[task] as number;
  const steps = (views.taskSteps[task + 1] as number) - first;
  if (orderTask(views, task, scratch) < steps) return undefined;
  const order = scratch.order.slice(0, steps);
  const { runs } = parameters;
  const random = new SeededRandom(parameters.seed);
  const finishes = new Float64Array(runs);
  const criticality = new Float64Array(steps);
  const finish = new Float64Array(steps);
  const deciding = new Int32Array(steps);
  let sum = 0;
  for (let run = 0; run < runs; run++) {
    const end = simulateOnce(views, first, order, parameters, random, finish, deciding);
    finishes[run] = finish[end] ?? 0;
    sum += finish[end] ?? 0;
    for (let at = end; at >= 0; at = deciding[at] as number) {
      criticality[at] = (criticality[at] as number) + 1;
    }
  }
  for (let at = 0; at < steps; at++) criticality[at] = (criticality[at] as number) / runs;
  return { finishes: finishes.sort(), mean: runs === 0 ? 0 : sum / runs, criticality };
}

/** One run; returns the position of the step that ends it, -1 where nothing is left to do. */
function simulateOnce(
  views: SnapshotViews,
  first: number,
  order: Int32Array,
  parameters: EtaParameters,
  random: SeededRandom,
  finish: Float64Array,
  deciding: Int32Array,
): number {
  const { state, parentOffsets, parents } = views;
  const steps = order.length;
  let end = -1;
  let latest = 0;
  for (const position of order) {
    const code = state[first + position] as number;
    deciding[position] = -1;
    finish[position] = 0;
    if (code >= STATE_CODES.complete) continue;
    const drawn = durationAt(
      parameters.distributions[position] as DurationDistribution,
      random.next(),
    );
    let begin = 0;
    if (code === STATE_CODES.in_progress) {
      begin = -Math.min(drawn, parameters.elapsed[position] as number);
    } else {
      const last = parentOffsets[first + position + 1] as number;
      for (let edge = parentOffsets[first + position] as number; edge < last; edge++) {
        const parent = (parents[edge] as number) - first;
        if (parent < 0 || parent >= steps) continue;
        const done = finish[parent] as number;
        if (done <= begin) continue;
        begin = done;
        deciding[position] = parent;
      }
    }
    const done = begin + drawn;
    finish[position] = done;
    if (done <= latest && end !== -1) continue;
    latest = done;
    end = position;
  }
  return end;
}

/**
 * Values at shares of an ascending array, straight between neighbours (the definition that
 * spreadsheets and NumPy use by default).
 *
 * @param shares from 0 to 1
 */
export function percentiles(ascending: Float64Array, shares: readonly number[]): number[] {
  return shares.map((share) => {
    const place = share * (ascending.length - 1);
    const low = Math.floor(place);
    const least = ascending[low] ?? NaN;
    const most = ascending[Math.min(low + 1, ascending.length - 1)] ?? NaN;
    return least + (place - low) * (most - least);
  });
}
