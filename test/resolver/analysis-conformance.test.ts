import { fileURLToPath } from 'node:url';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { DurationDistribution } from '../../src/graph/analysis/duration-distribution.ts';
import type { SnapshotViews } from '../../src/graph/snapshot/layout.ts';
import { packDurations } from '../../src/graph/analysis/packed-durations.ts';
import { SeededRandom } from '../../src/graph/random.ts';
import {
  inlineAnalysis,
  type AnalysisBackend,
  type EtaQuestion,
} from '../../src/resolver/planning/analysis-backend.ts';
import { nativeAnalysis } from '../../src/resolver/planning/native-analysis.ts';
import { loadNative } from '../../src/resolver/native.ts';
import { directorySource } from '../../src/resolver/sources/ndjson-source.ts';
import { rowsSource } from '../../src/resolver/sources/rows-source.ts';
import { rowsCaseArb } from '../support/arbitraries.ts';
import { outputBytes } from '../support/backends.ts';
import { GOLDEN_SETS, goldenDirectory } from '../support/golden.ts';
import { chain, diamonds, fan, lattice, plannedViews, woven } from '../support/large-snapshots.ts';

const { addon } = loadNative(process.env);

/** What a backend answers: arrays as their bytes, so that -0 and NaN count. */
type Answer = readonly (readonly [name: string, bytes: string])[] | undefined;

/** A snapshot with what is asked of it, the same for every backend. */
interface Subject {
  readonly views: SnapshotViews;
  readonly random: SeededRandom;
}

const below = (random: SeededRandom, limit: number): number => Math.floor(random.next() * limit);

function bytesOf(answer: object | undefined): Answer {
  if (answer === undefined) return undefined;
  return Object.entries(answer).map(([name, value]) => {
    const array = typeof value === 'number' ? Float64Array.of(value) : (value as Uint32Array);
    const { buffer, byteOffset, byteLength } = array;
    return [name, Buffer.from(buffer, byteOffset, byteLength).toString('hex')] as const;
  });
}

/** A distribution of any kind, whose numbers have all their bits. */
function distribution(random: SeededRandom): DurationDistribution {
  const lengths = (count: number): number[] =>
    Array.from({ length: count }, () => random.next() * 10 ** below(random, 6)).sort(
      (a, b) => a - b,
    );
  const [a, b, c] = lengths(3) as [number, number, number];
  switch (below(random, 5)) {
    case 0:
      return { kind: 'fixed', seconds: a };
    case 1:
      return { kind: 'uniform', least: a, most: b };
    case 2:
      return { kind: 'triangular', least: a, likeliest: b, most: c };
    case 3:
      return { kind: 'seen', seconds: lengths(1 + below(random, 9)) };
    default: {
      const inner = Array.from({ length: below(random, 4) }, () => random.next());
      const shares = [0, ...inner.sort((x, y) => x - y), 1];
      return { kind: 'quantiles', shares, seconds: lengths(shares.length) };
    }
  }
}

function etaQuestion(steps: number, random: SeededRandom, runs: number): EtaQuestion {
  const known = Array.from({ length: 6 }, () => distribution(random));
  return {
    durations: packDurations(Array.from({ length: steps }, () => known[below(random, 6)]!)),
    elapsed: Float64Array.from({ length: steps }, () => random.next() * 20),
    runs,
    seed: below(random, 2 ** 32) - 2 ** 31,
    shares: Float64Array.of(0, 0.1, 0.5, 0.95, 1),
    threads: 1 + below(random, 3),
  };
}

/** Every question about some tasks of a snapshot, and about a step; the answers, sync and async. */
async function answers(
  backend: AnalysisBackend,
  { views, random }: Subject,
  runs: number,
): Promise<{ now: Answer[]; later: Answer[] }> {
  const now: Answer[] = [];
  const later: Answer[] = [];
  for (let task = 0; task < Math.min(views.counts.tasks, 40); task++) {
    const steps = views.taskSteps[task + 1]! - views.taskSteps[task]!;
    const durations = Float64Array.from({ length: steps }, () => random.next() * 100);
    const question = etaQuestion(steps, random, runs);
    now.push(bytesOf(backend.shapeNow(views, task, durations)));
    now.push(bytesOf(backend.etaNow(views, task, question)));
    later.push(bytesOf(await backend.shape(views, task, durations, undefined)));
    later.push(bytesOf(await backend.eta(views, task, question, undefined)));
  }
  const nodes = views.counts.steps + views.counts.ghosts;
  const starts = Uint32Array.from({ length: nodes === 0 ? 0 : 2 }, () => below(random, nodes));
  now.push(bytesOf({ stopped: backend.blastRadiusNow(views, starts) }));
  later.push(bytesOf({ stopped: await backend.blastRadius(views, starts, undefined) }));
  return { now, later };
}

describe.skipIf(addon === undefined)('the addon and TypeScript analyse alike, bit by bit', () => {
  const native = addon === undefined ? undefined : nativeAnalysis(addon);

  /** Compares both; returns how many tasks had an answer and how many a cycle. */
  async function compare(
    views: SnapshotViews,
    seed: number,
    runs = 300,
  ): Promise<[number, number]> {
    const before = outputBytes(views);
    const inline = await answers(inlineAnalysis, { views, random: new SeededRandom(seed) }, runs);
    const found = await answers(native!, { views, random: new SeededRandom(seed) }, runs);
    expect(inline.later).toStrictEqual(inline.now);
    expect(found.now).toStrictEqual(inline.now);
    expect(found.later).toStrictEqual(inline.now);
    expect(outputBytes(views)).toStrictEqual(before);
    const cycles = inline.now.filter((answer) => answer === undefined).length / 2;
    return [(inline.now.length - 1) / 2 - cycles, cycles];
  }

  test.each(GOLDEN_SETS)('on golden set %s', async (set) => {
    const stream = await directorySource(fileURLToPath(goldenDirectory(set))).open({
      chunkSteps: 500,
      signal: undefined,
      onProgress: undefined,
    });
    let [sound, cyclic] = [0, 0];
    for await (const { views } of stream) {
      const [more, tangled] = await compare(views, sound);
      sound += more;
      cyclic += tangled;
    }
    expect(sound).toBeGreaterThan(20);
    expect(cyclic > 0).toBe(set === 'tangled');
  });

  // fast-check prints seed and path of a counterexample with the failure
  test("on random rows, cycles and other tasks' steps among them", async () => {
    let [sound, cyclic] = [0, 0];
    await fc.assert(
      fc.asyncProperty(
        rowsCaseArb({ maxTasks: 5, maxSteps: 9 }),
        fc.nat(),
        async ({ input }, seed) => {
          const stream = await rowsSource(input).open({
            chunkSteps: 1_000_000,
            signal: undefined,
            onProgress: undefined,
          });
          for await (const { views } of stream) {
            const [more, tangled] = await compare(views, seed, 20);
            sound += more;
            cyclic += tangled;
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(sound).toBeGreaterThan(100);
    expect(cyclic).toBeGreaterThan(10);
  });

  test.each([
    ['many runs in many blocks', [fan(30), woven(200)], 40_000],
    ['large tasks', [chain(20_000), lattice(20_000, true), diamonds(10_000), woven(30_000)], 3],
  ])('%s', async (_name, plans, runs) => {
    expect(await compare(plannedViews(plans), 5, runs)).toStrictEqual([plans.length, 0]);
  });
});
