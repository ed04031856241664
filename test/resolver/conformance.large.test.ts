import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Rules } from '../../src/graph/rules/rules.ts';
import type { GraphSnapshot } from '../../src/graph/snapshot/snapshot.ts';
import {
  BACKENDS,
  differing,
  inputBytes,
  outputBytes,
  resolverOn,
  spoilOutputs,
} from '../support/backends.ts';
import {
  bareSnapshot,
  chain,
  fan,
  LARGE_NOW_MICROS,
  lattice,
  plannedViews,
  woven,
  type TaskPlan,
} from '../support/large-snapshots.ts';

const RULES: readonly Rules[] = ['rails', 'engine'];
const nowMicros = LARGE_NOW_MICROS;

const repeat = function* (plan: TaskPlan, times: number): Generator<TaskPlan> {
  for (let at = 0; at < times; at++) yield plan;
};

/** A chain of three whose last step is its own grandparent. */
const circle: TaskPlan = {
  steps: 3,
  parentsOf: (step) => (step === 0 ? [] : step === 1 ? [0, 2] : [1]),
};

const LARGE: readonly (readonly [string, () => Iterable<TaskPlan>])[] = [
  ['1,000,000 steps in 100,000 tasks', () => repeat(woven(10), 100_000)],
  ['1 task of 1,000,000 steps', () => [woven(1_000_000)]],
  [
    '3,000,000 steps, most tasks of one graph, others between them',
    function* () {
      const [ten, thirty] = [woven(10), lattice(15)];
      for (let at = 0; at < 200_000; at++) yield at % 10 === 9 ? woven(11 + (at % 40)) : ten;
      for (let at = 0; at < 20_000; at++) yield thirty;
    },
  ],
  ['1,000,000 tasks of 1 step', () => repeat(chain(1), 1_000_000)],
  [
    'all shapes, ids falling, cycles among them',
    function* () {
      for (let at = 0; at < 40_000; at++) yield at % 9 === 0 ? circle : lattice(3, at % 2 === 0);
      yield fan(50_000);
      yield chain(50_000, true);
    },
  ],
];

// each snapshot is built once, and the calling thread answers once for each rule set
describe.each(LARGE)('%s', (_name, plans) => {
  let snapshot: GraphSnapshot;
  let inputs: Map<string, Buffer>;
  beforeAll(() => {
    snapshot = bareSnapshot(plannedViews(plans()));
    inputs = inputBytes(snapshot.views);
  });

  describe.each(RULES)('under %s rules', (rules) => {
    const reference = resolverOn('inline', rules);
    let expected: { cycles: unknown; bytes: Map<string, Buffer> };
    beforeAll(async () => {
      spoilOutputs(snapshot.views, 0);
      const { cycles } = await reference.resolve(snapshot, { nowMicros });
      expected = { cycles, bytes: outputBytes(snapshot.views) };
    });
    afterAll(() => reference.stop());

    test.each(BACKENDS.filter((backend) => backend !== 'inline'))('%s', async (backend) => {
      const resolver = resolverOn(backend, rules);
      spoilOutputs(snapshot.views, 0xa5);
      const resolution = await resolver.resolve(snapshot, { nowMicros });
      await resolver.stop();
      expect(resolution).toMatchObject({ backend, nowMicros });
      expect(resolution.cycles).toStrictEqual(expected.cycles);
      expect(differing(expected.bytes, outputBytes(snapshot.views))).toStrictEqual([]);
      expect(differing(inputs, inputBytes(snapshot.views))).toStrictEqual([]);
    });
  });
});
