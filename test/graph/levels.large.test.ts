import { describe, expect, test } from 'vitest';

import { taskLevelRows } from '../../src/graph/kernels/answer-rows.ts';
import { findCycles } from '../../src/graph/kernels/cycles.ts';
import { TASK_FLAGS, type SnapshotViews } from '../../src/graph/snapshot/layout.ts';
import { resolveLevels } from '../../src/graph/kernels/levels.ts';
import { resolveTaskRange, type ResolveParameters } from '../../src/graph/kernels/resolve.ts';
import { Scratch } from '../../src/graph/snapshot/topological-order.ts';
import {
  bareSnapshot,
  chain,
  diamonds,
  fan,
  lattice,
  plannedViews,
} from '../support/large-snapshots.ts';
import { snapshotOf } from '../support/answers.ts';

const PARAMETERS: ResolveParameters = {
  rules: 'rails',
  nowMicros: 0,
  contexts: true,
  levels: true,
};

/** The views with the edge sections wrapped, so that each edge that is read counts. */
function countingEdges(views: SnapshotViews): { views: SnapshotViews; edgesRead: () => number } {
  let reads = 0;
  const counted = <A extends object>(array: A): A =>
    new Proxy(array, {
      get(target, key): unknown {
        const index = typeof key === 'string' && /^\d+$/.test(key);
        if (index) reads++;
        return Reflect.get(target, key, target);
      },
    });
  const { parents, children } = views;
  return {
    views: { ...views, parents: counted(parents), children: counted(children) },
    edgesRead: () => reads,
  };
}

const edge = (from: number, to: number): { from_step_id: number; to_step_id: number } => ({
  from_step_id: from,
  to_step_id: to,
});

const oneTask = (steps: number, edges: [number, number][]): ReturnType<typeof snapshotOf> =>
  snapshotOf({
    tasks: [{ task_id: 1, named_task_id: 1 }],
    steps: Array.from({ length: steps }, (_, at) => ({
      workflow_step_id: at + 1,
      task_id: 1,
      named_step_id: 1,
    })),
    edges: edges.map(([from, to]) => edge(from, to)),
  });

const levelsOf = (views: SnapshotViews): Record<string, number> =>
  Object.fromEntries(
    taskLevelRows(bareSnapshot(views), 0).map((row) => [
      String(row.workflow_step_id),
      row.dependency_level,
    ]),
  );

describe('levels', () => {
  test('a root that leads into a cycle ends, and the cycle is named along its edges', async () => {
    const { views } = await oneTask(6, [
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 2],
      [4, 5],
      [1, 6],
    ]);
    const cycles = resolveTaskRange(views, PARAMETERS, 0, 1, new Scratch());
    expect(cycles).toHaveLength(1);
    const ids = cycles[0]!.path.map((step) => Number(views.stepId[step]));
    const from = ids.indexOf(2);
    expect([...ids.slice(from), ...ids.slice(0, from)]).toStrictEqual([2, 3, 4]);
    expect(levelsOf(views)).toStrictEqual({ 1: 0, 6: 1 });
    expect(views.taskFlags[0]! & TASK_FLAGS.cyclic).not.toBe(0);
    expect(views.taskFlags[0]! & TASK_FLAGS.cycleReachable).not.toBe(0);
    expect(views.level[1]).toBe(-1);
  });

  test('an isolated cycle and a self-edge have no level and no root that reaches them', async () => {
    const { views } = await oneTask(5, [
      [1, 2],
      [3, 4],
      [4, 3],
      [5, 5],
    ]);
    const cycles = resolveTaskRange(views, PARAMETERS, 0, 1, new Scratch());
    expect(cycles.map(({ path }) => path.toSorted((a, b) => a - b))).toStrictEqual([[2, 3], [4]]);
    expect(levelsOf(views)).toStrictEqual({ 1: 0, 2: 1 });
    expect(views.taskFlags[0]! & TASK_FLAGS.cyclic).not.toBe(0);
    expect(views.taskFlags[0]! & TASK_FLAGS.cycleReachable).toBe(0);
  });

  test('a self-edge below a root takes the level from the step and what follows it', async () => {
    const { views } = await oneTask(3, [
      [1, 2],
      [2, 2],
      [2, 3],
    ]);
    resolveTaskRange(views, PARAMETERS, 0, 1, new Scratch());
    expect(levelsOf(views)).toStrictEqual({ 1: 0 });
  });

  test('two circles that share a step give a path without a repeated step', async () => {
    const { views } = await oneTask(3, [
      [1, 2],
      [2, 1],
      [2, 3],
      [3, 2],
    ]);
    const cycles = findCycles(views, 0, 1, new Scratch());
    expect(cycles).toHaveLength(1);
    expect(new Set(cycles[0]!.path).size).toBe(cycles[0]!.path.length);
  });

  test('a flag of an earlier resolution goes when the task holds no cycle', async () => {
    const { views } = await oneTask(2, [[2, 1]]);
    views.taskFlags[0]! |= TASK_FLAGS.cyclic | TASK_FLAGS.cycleReachable;
    expect(resolveTaskRange(views, PARAMETERS, 0, 1, new Scratch())).toStrictEqual([]);
    expect(views.taskFlags[0]! & (TASK_FLAGS.cyclic | TASK_FLAGS.cycleReachable)).toBe(0);
    const inOrder = (await oneTask(2, [[1, 2]])).views;
    inOrder.taskFlags[0]! |= TASK_FLAGS.cyclic | TASK_FLAGS.cycleReachable;
    resolveTaskRange(inOrder, PARAMETERS, 0, 1, new Scratch());
    expect(inOrder.taskFlags[0]! & (TASK_FLAGS.cyclic | TASK_FLAGS.cycleReachable)).toBe(0);
  });

  test.each([false, true])('a chain of 1,000,000 steps, ids falling: %s', (reversed) => {
    const steps = 1_000_000;
    const views = plannedViews([chain(steps, reversed)]);
    const parameters = { ...PARAMETERS, rules: 'engine' } as const;
    expect(resolveTaskRange(views, parameters, 0, 1, new Scratch())).toStrictEqual([]);
    let wrong = 0;
    for (let at = 0; at < steps; at++) {
      if (views.level[at] !== (reversed ? steps - 1 - at : at)) wrong++;
    }
    expect(wrong).toBe(0);
  });

  test('a circle of 1,000,000 steps is found whole', () => {
    const steps = 1_000_000;
    const views = plannedViews([
      { steps, parentsOf: (step) => [step === 0 ? steps - 1 : step - 1] },
    ]);
    const cycles = resolveTaskRange(views, PARAMETERS, 0, 1, new Scratch());
    expect(cycles.map(({ path }) => path.length)).toStrictEqual([steps]);
  });

  test('one step to 1,000,000 and back to one', () => {
    const width = 1_000_000;
    const views = plannedViews([fan(width)]);
    resolveTaskRange(views, PARAMETERS, 0, 1, new Scratch());
    expect(views.level[0]).toBe(0);
    expect(views.level[width + 1]).toBe(2);
    expect(views.level.subarray(1, width + 1).every((level) => level === 1)).toBe(true);
  });

  // both shapes take time exponential in their size where every path is walked
  test.each([
    ['24 stacked diamonds', diamonds(24), 48],
    ['24 stacked diamonds, ids falling', diamonds(24, true), 48],
    ['a lattice of 48 steps', lattice(24), 23],
    ['a lattice of 48 steps, ids falling', lattice(24, true), 23],
    ['a lattice of 2,000 steps', lattice(1000, true), 999],
  ])('%s: each edge is read a fixed number of times', (_name, plan, deepest) => {
    const plain = plannedViews([plan]);
    const { views, edgesRead } = countingEdges(plain);
    resolveLevels(views, 0, 1, new Scratch());
    expect(Math.max(...plain.level)).toBe(deepest);
    expect(edgesRead()).toBeGreaterThanOrEqual(plain.counts.edges);
    expect(edgesRead()).toBeLessThanOrEqual(2 * plain.counts.edges);
  });

  test('a whole resolution reads each edge at most eight times', () => {
    for (const rules of ['rails', 'engine'] as const) {
      const plain = plannedViews([lattice(1000, true)]);
      const { views, edgesRead } = countingEdges(plain);
      resolveTaskRange(views, { ...PARAMETERS, rules }, 0, 1, new Scratch());
      expect(edgesRead()).toBeLessThanOrEqual(8 * plain.counts.edges);
    }
  });
});
