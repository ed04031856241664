import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  distributionProblem,
  type DurationDistribution,
} from '../../src/graph/analysis/duration-distribution.ts';
import { earliestSchedule } from '../../src/graph/analysis/earliest-schedule.ts';
import { EtaSimulation, type EtaResult } from '../../src/graph/analysis/eta.ts';
import { planEta } from '../../src/graph/analysis/eta-plan.ts';
import type { SnapshotViews } from '../../src/graph/snapshot/layout.ts';
import { durationAt, packDurations } from '../../src/graph/analysis/packed-durations.ts';
import { percentiles } from '../../src/graph/analysis/percentile.ts';
import { SeededRandom } from '../../src/graph/random.ts';
import { STATE_CODES } from '../../src/graph/snapshot/state-codes.ts';
import { Scratch } from '../../src/graph/snapshot/topological-order.ts';
import { chain, fan, plannedViews, type TaskPlan } from '../support/large-snapshots.ts';
import { circle, dagArb, FIRST, TASK, viewsOf } from './analysis-cases.ts';

const fixed = (seconds: number): DurationDistribution => ({ kind: 'fixed', seconds });
const UNIFORM: DurationDistribution = { kind: 'uniform', least: 0, most: 1 };

const SHARES = [0, 0.25, 0.5, 0.9, 1];

interface SimulationCase {
  readonly seed?: number;
  readonly states?: readonly number[];
  readonly elapsed?: readonly number[];
  readonly runs?: number;
  /** Runs made at once. */
  readonly piece?: number;
}

function simulate(
  plan: TaskPlan,
  distributions: readonly DurationDistribution[],
  { states = [], ...rest }: SimulationCase = {},
): EtaResult {
  const views = plannedViews([plan]);
  views.state.fill(0);
  views.state.set(states);
  return simulateTask(views, 0, distributions, rest);
}

function simulateTask(
  views: SnapshotViews,
  task: number,
  distributions: readonly DurationDistribution[],
  { seed = 1, elapsed = [], runs = 20_000, piece = Infinity }: SimulationCase,
): EtaResult {
  const running = Float64Array.from(distributions, (_, at) => elapsed[at] ?? 0);
  const plan = planEta(views, task, running, new Scratch())!;
  const durations = packDurations(distributions);
  const simulation = new EtaSimulation(plan, { durations, runs, seed });
  while (simulation.advance(piece) > 0);
  return simulation.result(SHARES);
}

describe('the simulation', () => {
  // fast-check prints seed and path of a counterexample with the failure
  test('with lengths that are certain, it is the schedule of what is left', () => {
    fc.assert(
      fc.property(dagArb, (dag) => {
        const views = viewsOf(dag);
        const states = dag.states.map((state) => (state >= STATE_CODES.complete ? state : 0));
        views.state.set(states, FIRST);
        const left = dag.durations.map((seconds, at) => (states[at]! > 0 ? 0 : seconds));
        const certain = dag.durations.map(fixed);
        const result = simulateTask(views, TASK, certain, { runs: 3, seed: 5 });
        // a step that is done holds nobody back, whatever its own parents
        const open = viewsOf({
          ...dag,
          edges: dag.edges.filter(([from]) => {
            const number = dag.reversed ? dag.steps - 1 - from : from;
            return states[number] === 0;
          }),
        });
        const schedule = earliestSchedule(open, TASK, Float64Array.from(left), new Scratch())!;
        const expected = expectedEnd(schedule.finish, states);
        expect([...result.percentiles]).toStrictEqual(SHARES.map(() => expected));
        expect(result.mean).toBe(expected);
      }),
      { numRuns: 600 },
    );
  });

  test('the later of two uniform lengths is spread as the square of its share', () => {
    const {
      percentiles: ends,
      mean,
      criticality,
    } = simulate(fan(2), [fixed(10), UNIFORM, UNIFORM, fixed(5)]);
    expect(mean).toBeCloseTo(15 + 2 / 3, 1);
    for (const [at, seconds] of ends.entries()) {
      expect(seconds - 15).toBeCloseTo(Math.sqrt(SHARES[at]!), 1);
    }
    expect(criticality[0]).toBe(1);
    expect(criticality[3]).toBe(1);
    expect(criticality[1]! + criticality[2]!).toBeCloseTo(1, 9);
    expect(criticality[1]).toBeCloseTo(0.5, 1);
  });

  test('the same seed gives the same answer in pieces of any size, another one others', () => {
    const all = [UNIFORM, UNIFORM, UNIFORM];
    const whole = simulate(chain(3), all, { seed: 7 });
    for (const piece of [1, 100, 256, 16_384]) {
      expect(simulate(chain(3), all, { seed: 7, piece })).toStrictEqual(whole);
    }
    expect(simulate(chain(3), all, { seed: 8 }).mean).not.toBe(whole.mean);
  });

  test('a step in progress takes what is left of its length, a late one nothing', () => {
    const states = [STATE_CODES.in_progress, STATE_CODES.pending];
    const all = [fixed(8), fixed(2)];
    expect(simulate(chain(2), all, { states, elapsed: [3, 0] }).mean).toBe(7);
    expect(simulate(chain(2), all, { states, elapsed: [30, 0] }).mean).toBe(2);
  });

  test('what is done takes nothing, and no run ends anywhere', () => {
    const done = [STATE_CODES.complete, STATE_CODES.resolved_manually];
    const { mean, criticality } = simulate(chain(2), [UNIFORM, UNIFORM], { states: done });
    expect(mean).toBe(0);
    expect([...criticality]).toStrictEqual([0, 0]);
  });

  test('a task with a cycle cannot be simulated', () => {
    expect(planEta(circle(), 1, new Float64Array(3), new Scratch())).toBeUndefined();
  });
});

function expectedEnd(finish: Float64Array, states: readonly number[]): number {
  return Math.max(0, ...Array.from(finish).filter((_, at) => states[at] === 0));
}

describe('distributions', () => {
  const random = new SeededRandom(3);
  const meanOf = (distribution: DurationDistribution): number => {
    const packed = packDurations([distribution]);
    let sum = 0;
    for (let draw = 0; draw < 50_000; draw++) sum += durationAt(packed, 0, random.next());
    return sum / 50_000;
  };

  test.each<[DurationDistribution, number]>([
    [fixed(4), 4],
    [{ kind: 'uniform', least: 2, most: 6 }, 4],
    [{ kind: 'triangular', least: 0, likeliest: 3, most: 9 }, 4],
    [{ kind: 'triangular', least: 2, likeliest: 2, most: 8 }, 4],
    [{ kind: 'triangular', least: 4, likeliest: 4, most: 4 }, 4],
    [{ kind: 'seen', seconds: [1, 2, 9] }, 4],
    [{ kind: 'quantiles', shares: [0, 0.5, 1], seconds: [2, 2, 10] }, 4],
    [{ kind: 'quantiles', shares: [0, 0.5, 0.5, 1], seconds: [0, 2, 6, 8] }, 4],
  ])('%o has the mean %d', (distribution, mean) => {
    expect(distributionProblem(distribution)).toBeUndefined();
    expect(Math.abs(meanOf(distribution) - mean)).toBeLessThan(0.06);
  });

  test('quantiles are met', () => {
    const known = { kind: 'quantiles', shares: [0, 0.5, 0.95, 1], seconds: [0, 2, 9, 12] } as const;
    const packed = packDurations([UNIFORM, known]);
    expect([0, 0.25, 0.5, 0.95].map((share) => durationAt(packed, 1, share))).toStrictEqual([
      0, 1, 2, 9,
    ]);
  });

  test('the same object is stored once, and -0 as 0', () => {
    const shared: DurationDistribution = { kind: 'seen', seconds: [3, -0] };
    const packed = packDurations([shared, fixed(1), shared]);
    expect(packed).toStrictEqual({
      which: Uint32Array.of(0, 1, 0),
      kinds: Uint8Array.of(3, 0),
      offsets: Uint32Array.of(0, 2, 3),
      values: Float64Array.of(3, 0, 1),
    });
  });

  test.each<[DurationDistribution, string]>([
    [fixed(-1), 'has -1'],
    [fixed(NaN), 'has NaN'],
    [fixed(1.1e15), 'has 1100000000000000'],
    [{ kind: 'uniform', least: 3, most: 2 }, 'has 2'],
    [{ kind: 'triangular', least: 1, likeliest: 5, most: 4 }, 'has 4'],
    [{ kind: 'seen', seconds: [] }, 'no length'],
    [{ kind: 'seen' } as unknown as DurationDistribution, 'no length'],
    [{ kind: 'quantiles', shares: [0, 1] } as unknown as DurationDistribution, 'two quantiles'],
    [{ kind: 'normal' } as unknown as DurationDistribution, 'no known kind'],
    [fixed('1' as unknown as number), 'has 1'],
    [null as unknown as DurationDistribution, 'is none'],
    [{ kind: 'seen', seconds: [1, Infinity] }, 'has Infinity'],
    [{ kind: 'quantiles', shares: [0, 1], seconds: [1] }, 'two quantiles'],
    [{ kind: 'quantiles', shares: [0, 0.9], seconds: [1, 2] }, 'from 0 to 1'],
    [{ kind: 'quantiles', shares: [0, 0.9, 0.5, 1], seconds: [1, 2, 3, 4] }, 'has 0.5'],
    [{ kind: 'quantiles', shares: [0, 1], seconds: [2, 1] }, 'has 1'],
  ])('%o is refused', (distribution, problem) => {
    expect(distributionProblem(distribution)).toContain(problem);
  });
});

test('the generator is xoshiro128**, by wide arithmetic', () => {
  const mask = 0xff_ff_ff_ffn;
  const rotate = (word: bigint, by: bigint): bigint => ((word << by) | (word >> (32n - by))) & mask;
  const state: bigint[] = [];
  let counter = 12_345n;
  for (let word = 0; word < 4; word++) {
    counter = (counter + 0x9e_37_79_b9n) & mask;
    let mixed = ((counter ^ (counter >> 16n)) * 0x21_f0_aa_adn) & mask;
    mixed = ((mixed ^ (mixed >> 15n)) * 0x73_5a_2d_97n) & mask;
    state.push(mixed ^ (mixed >> 15n));
  }
  const random = new SeededRandom(12_345);
  for (let draw = 0; draw < 1000; draw++) {
    const result = (rotate((state[1]! * 5n) & mask, 7n) * 9n) & mask;
    const shifted = (state[1]! << 9n) & mask;
    state[2]! ^= state[0]!;
    state[3]! ^= state[1]!;
    state[1]! ^= state[2]!;
    state[0]! ^= state[3]!;
    state[2]! ^= shifted;
    state[3] = rotate(state[3]!, 11n);
    expect(random.next()).toBe(Number(result) / 2 ** 32);
  }
});

test('percentiles lie straight between neighbours', () => {
  const values = Float64Array.of(1, 2, 4, 8);
  const of = (all: Float64Array[], shares: number[]): number[] => [...percentiles(all, shares)];
  expect(of([values], [0, 0.5, 0.75, 1])).toStrictEqual([1, 3, 5, 8]);
  expect(of([Float64Array.of(5)], [0, 0.3, 1])).toStrictEqual([5, 5, 5]);
  expect(of([], [0.5])).toStrictEqual([NaN]);
});

test('percentiles of chunks are those of the whole', () => {
  const value = fc.oneof(fc.nat({ max: 3 }), fc.double({ min: 0, max: 1e15, noNaN: true }));
  const chunk = fc
    .array(value, { minLength: 1, maxLength: 6 })
    .map((values) => Float64Array.from(values, (one) => one + 0).sort());
  fc.assert(
    fc.property(fc.array(chunk, { minLength: 1, maxLength: 5 }), (chunks) => {
      const whole = Float64Array.from(chunks.flatMap((values) => [...values])).sort();
      const shares = [0, 0.1, 0.5, 0.77, 1];
      expect(percentiles(chunks, shares)).toStrictEqual(percentiles([whole], shares));
    }),
  );
});

test('a fork draws what its origin would have drawn, the origin goes on elsewhere', () => {
  const [origin, other] = [new SeededRandom(9), new SeededRandom(9)];
  const fork = origin.fork();
  const drawn = Array.from({ length: 100 }, () => fork.next());
  expect(drawn).toStrictEqual(Array.from({ length: 100 }, () => other.next()));
  expect(drawn).not.toContain(origin.next());
});
