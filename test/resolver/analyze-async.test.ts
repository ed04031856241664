import { setImmediate } from 'node:timers/promises';

import { afterEach, describe, expect, test, vi } from 'vitest';

import type { DurationDistribution } from '../../src/graph/analysis/duration-distribution.ts';
import type { GraphSnapshot } from '../../src/graph/snapshot/snapshot.ts';
import {
  analyzeTask,
  analyzeTaskAsync,
  blastRadiusOf,
  blastRadiusOfAsync,
  estimateFinish,
  estimateFinishAsync,
  type AnalysisOptions,
} from '../../src/resolver/planning/analyze.ts';
import { loadNative } from '../../src/resolver/native.ts';
import { bareSnapshot, chain, plannedViews, woven } from '../support/large-snapshots.ts';

const BACKENDS: readonly ('inline' | 'native')[] =
  loadNative(process.env).addon === undefined ? ['inline'] : ['inline', 'native'];
const UNIFORM: DurationDistribution = { kind: 'uniform', least: 0, most: 1 };
const distributionOf = (): DurationDistribution => UNIFORM;

const circle = { steps: 30, parentsOf: (step: number) => [(step + 1) % 30] };
/** Tasks of 30 and 20,000 steps, and one with a circle; nothing is done yet. */
const snapshot = (): GraphSnapshot =>
  bareSnapshot(
    plannedViews([woven(30), woven(20_000), circle].map((plan) => ({ ...plan, stateOf: () => 0 }))),
  );

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.each(BACKENDS)('on backend %s', (backend) => {
  /** Every asynchronous form on some task, the longest one last. */
  const forms = (
    graph: GraphSnapshot,
    taskId: bigint,
    options: AnalysisOptions,
  ): Promise<unknown>[] => [
    analyzeTaskAsync(graph, taskId, options),
    blastRadiusOfAsync(graph, [31n], options),
    estimateFinishAsync(graph, taskId, { ...options, distributionOf, runs: 200 }),
  ];

  test('the asynchronous forms answer as the others do', async () => {
    const graph = snapshot();
    for (const taskId of [1n, 2n]) {
      expect(await analyzeTaskAsync(graph, taskId, { backend })).toStrictEqual(
        analyzeTask(graph, taskId, { backend: 'inline' }),
      );
      const options = { backend, distributionOf, runs: 20, seed: 4, shares: [0.5] };
      expect(await estimateFinishAsync(graph, taskId, options)).toStrictEqual(
        estimateFinish(graph, taskId, { ...options, threads: 1 }),
      );
    }
    const stopped = await blastRadiusOfAsync(graph, [31n], { backend });
    expect(stopped).toStrictEqual(blastRadiusOf(graph, [31n]));
    expect(stopped.steps.length).toBeGreaterThan(19_000);
  });

  test('a cycle has the same code', async () => {
    const graph = snapshot();
    const cyclic = expect.objectContaining({ code: 'TASKER_CYCLE', data: { taskId: '3' } });
    expect(() => analyzeTask(graph, 3n, { backend })).toThrow(cyclic);
    expect(() => estimateFinish(graph, 3n, { backend, distributionOf })).toThrow(cyclic);
    await expect(analyzeTaskAsync(graph, 3n, { backend })).rejects.toThrow(cyclic);
    await expect(estimateFinishAsync(graph, 3n, { backend, distributionOf })).rejects.toThrow(
      cyclic,
    );
  });

  test('a signal ends the work with its reason, before and during it', async () => {
    const graph = snapshot();
    const reason = new Error('enough');
    for (const form of forms(graph, 2n, { backend, signal: AbortSignal.abort(reason) })) {
      await expect(form).rejects.toBe(reason);
    }
    const stop = new AbortController();
    const running = estimateFinishAsync(graph, 2n, {
      backend,
      distributionOf,
      runs: 10_000_000,
      signal: stop.signal,
    });
    const ended = running.catch((error: unknown) => error);
    await setImmediate();
    stop.abort(reason);
    expect(await ended).toBe(reason);
  });

  test('others have their turn meanwhile', async () => {
    let turns = 0;
    const progress = { isOver: false };
    const estimate = estimateFinishAsync(snapshot(), 2n, { backend, distributionOf, runs: 500 });
    void estimate.then(() => (progress.isOver = true));
    while (!progress.isOver) {
      await setImmediate();
      turns++;
    }
    expect(turns).toBeGreaterThan(10);
  });
});

test('the addon is taken where it is, and left where it is switched off', () => {
  const graph = snapshot();
  vi.stubEnv('TASKER_NATIVE', 'off');
  expect(analyzeTask(graph, 1n).steps).toBe(30);
  expect(() => analyzeTask(graph, 1n, { backend: 'native' })).toThrow(
    expect.objectContaining({
      code: 'TASKER_BACKEND_UNAVAILABLE',
      message: expect.stringContaining('TASKER_NATIVE=off'),
    }),
  );
  vi.stubEnv('TASKER_NATIVE', 'maybe');
  expect(() => blastRadiusOf(graph, [1n])).toThrow(
    expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT' }),
  );
});

test('a backend that does not exist is refused', () => {
  const options = { backend: 'gpu' } as unknown as AnalysisOptions;
  expect(() => blastRadiusOf(snapshot(), [1n], options)).toThrow(
    expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT', data: { field: 'backend' } }),
  );
});

test('numbers beside their bounds are refused', () => {
  const graph = bareSnapshot(plannedViews([chain(2)]));
  for (const wrong of [{ runs: 10_000_001 }, { threads: 0 }, { threads: 1.5 }, { seed: 0.5 }]) {
    expect(() => estimateFinish(graph, 1n, { distributionOf, ...wrong })).toThrow(
      expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT' }),
    );
  }
  expect(() => analyzeTask(graph, 1n, { secondsOf: () => 1.1e15 })).toThrow(
    expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT' }),
  );
});

test('a snapshot that contradicts itself is named by section', async () => {
  const graph = bareSnapshot(plannedViews([chain(50)]));
  graph.views.parents[3] = 0xff_ff_ff_f0;
  graph.views.children[3] = 0xff_ff_ff_f0;
  const bad = expect.objectContaining({ code: 'TASKER_BAD_SNAPSHOT' });
  for (const backend of BACKENDS.filter((name) => name === 'native')) {
    expect(() => blastRadiusOf(graph, [1n], { backend })).toThrow(bad);
    await expect(blastRadiusOfAsync(graph, [1n], { backend })).rejects.toThrow(bad);
  }
});
