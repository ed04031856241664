import { fileURLToPath } from 'node:url';

import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';

import { readyStepIds } from '../../src/graph/answer-rows.ts';
import { TASK_FLAGS } from '../../src/graph/layout.ts';
import { ReadyIds } from '../../src/graph/ready-ids.ts';
import type { Rules } from '../../src/graph/rules.ts';
import { STATE_CODES } from '../../src/graph/state-codes.ts';
import { directorySource } from '../../src/resolver/ndjson-source.ts';
import { createReadyIndex, type ReadyIndex } from '../../src/resolver/ready-index.ts';
import { createResolver } from '../../src/resolver/resolver.ts';
import { rowsSource } from '../../src/resolver/rows-source.ts';
import { answersOf, snapshotOf } from '../support/answers.ts';
import { rowsCaseArb } from '../support/arbitraries.ts';
import { GOLDEN_SETS, goldenDirectory } from '../support/golden.ts';
import {
  bareSnapshot,
  chain,
  diamonds,
  fan,
  LARGE_NOW_MICROS,
  lattice,
  plannedViews,
  woven,
} from '../support/large-snapshots.ts';

const RULES: readonly Rules[] = ['rails', 'engine'];
const resolvers = {
  rails: createResolver({ backend: 'inline', rules: 'rails' }),
  engine: createResolver({ backend: 'inline', rules: 'engine' }),
};
afterAll(async () => {
  await Promise.all([resolvers.rails.stop(), resolvers.engine.stop()]);
});

/** Distances of a clock from the one of the data, µs. */
const SHIFTS = [0, 1_000_000, 60_000_000, -1, -5_000_000, 86_400_000_000, 0];

describe.each(RULES)('under %s rules', (rules) => {
  test.each(GOLDEN_SETS)('golden set %s: the ids of resolve', async (set) => {
    for (const chunkSteps of [100, 1_000_000]) {
      const source = directorySource(fileURLToPath(goldenDirectory(set)));
      const { chunks } = await answersOf(source, { resolver: resolvers[rules], rules, chunkSteps });
      expect(chunks.length).toBeGreaterThan(0);
      for (const { snapshot, resolution } of chunks) {
        const index = createReadyIndex(snapshot, rules);
        // the set has few tasks with one graph: all on planes, too
        const onPlanes = new ReadyIds(snapshot.views, rules, resolution.nowMicros, 1);
        for (const shift of SHIFTS) {
          const nowMicros = resolution.nowMicros + shift;
          await resolvers[rules].resolve(snapshot, { nowMicros, contexts: false, levels: false });
          const expected = readyStepIds(snapshot, rules);
          expect(index.readyStepIds(nowMicros)).toStrictEqual(expected);
          expect(index.readyCount(nowMicros)).toBe(expected.length);
          expect(onPlanes.ids(nowMicros)).toStrictEqual(expected);
        }
      }
    }
  });

  test('any rows: the ids of resolve', async () => {
    await fc.assert(
      fc.asyncProperty(rowsCaseArb({ maxTasks: 5, maxSteps: 7 }), async ({ input, nowMicros }) => {
        const resolver = resolvers[rules];
        const { chunks } = await answersOf(rowsSource(input), { resolver, rules, nowMicros });
        for (const { snapshot } of chunks) {
          const index = createReadyIndex(snapshot, rules);
          for (const shift of [0, 1, -1]) {
            const now = nowMicros + shift;
            await resolver.resolve(snapshot, { nowMicros: now });
            expect(index.readyStepIds(now)).toStrictEqual(readyStepIds(snapshot, rules));
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('mixed templates among single tasks, on many words', async () => {
    const shapes = [woven(12), chain(3), diamonds(5), lattice(4), fan(6)];
    const plans = Array.from({ length: 3000 }, (_, at) =>
      at % 97 === 0 ? woven(20 + at / 97) : shapes[(at * 7 + (at >> 3)) % 5]!,
    );
    const snapshot = bareSnapshot(plannedViews(plans));
    const index = createReadyIndex(snapshot, rules);
    expect(
      index.groups.templates.map(({ steps }) => steps).toSorted((a, b) => a - b),
    ).toStrictEqual([3, 8, 8, 12, 16]);
    for (const shift of SHIFTS) {
      const nowMicros = LARGE_NOW_MICROS + shift;
      await resolvers[rules].resolve(snapshot, { nowMicros });
      const expected = readyStepIds(snapshot, rules);
      expect(expected.length).toBeGreaterThan(500);
      expect(index.readyStepIds(nowMicros)).toStrictEqual(expected);
    }
  });
});

test('the report says which tasks went which way', () => {
  const views = plannedViews([
    ...Array.from({ length: 33 }, () => [chain(3), fan(2)]).flat(),
    ...Array.from({ length: 31 }, () => chain(4)),
    chain(3, true),
    chain(3),
  ]);
  views.taskFlags[0] = views.taskFlags[0]! | TASK_FLAGS.refused;
  const { groups } = createReadyIndex(bareSnapshot(views));
  expect(groups).toStrictEqual({
    templates: [
      { tasks: 33, steps: 4, edges: 4 },
      { tasks: 33, steps: 3, edges: 2 },
    ],
    templateOfTask: Int32Array.of(
      -2,
      0,
      ...Array.from({ length: 32 }, () => [1, 0]).flat(),
      ...Array.from({ length: 32 }, () => -1),
      1,
    ),
    groupedTasks: 66,
    groupedSteps: 33 * 7,
    singleTasks: { fewAlike: 31, foreignParents: 0, unordered: 1 },
    tasksSetApart: 1,
    bytes: expect.any(Number),
  });
});

test('a cycle sets a task apart under engine rules only', async () => {
  const task = { task_id: 1, named_task_id: 1 };
  const step = (id: number) => ({ workflow_step_id: id, task_id: 1, named_step_id: 1 });
  const edge = (from: number, to: number) => ({ from_step_id: from, to_step_id: to });
  const snapshot = await snapshotOf({
    tasks: [task],
    steps: [step(1), step(2), step(3)],
    edges: [edge(1, 2), edge(2, 1)],
  });
  const rails = createReadyIndex(snapshot);
  expect(rails.readyStepIds(0)).toStrictEqual(BigInt64Array.of(3n));
  expect(rails.groups.tasksSetApart).toBe(0);
  const engine = createReadyIndex(snapshot, 'engine');
  expect(engine.readyCount(0)).toBe(0);
  expect(engine.groups.tasksSetApart).toBe(1);
});

describe('changes', () => {
  const NOW = LARGE_NOW_MICROS;

  /** 40 chains of two pending steps: ids 1 and 2, 3 and 4, … */
  function chains(loadedAt: number | undefined): ReadyIndex {
    const pair = { ...chain(2), stateOf: () => STATE_CODES.pending };
    const views = plannedViews(Array.from({ length: 40 }, () => pair));
    views.attempts.fill(0);
    views.flags.fill(32);
    return createReadyIndex({ ...bareSnapshot(views), loadedAt });
  }

  test('a completed step hands on to its child', () => {
    const index = chains(NOW);
    expect([...index.readyStepIds(NOW)].slice(0, 3)).toStrictEqual([1n, 3n, 5n]);
    index.update(index.findStep(3n), { state: STATE_CODES.complete });
    expect([...index.readyStepIds(NOW)].slice(0, 3)).toStrictEqual([1n, 4n, 5n]);
    expect(index.readyCount(NOW)).toBe(40);
    expect(index.findStep(99n)).toBe(-1);
  });

  test.each([
    ['the latest question', NOW - 10_000_000, NOW],
    ['the loading, before the first question', NOW, undefined],
  ])('a failure without an instant is at the clock of %s', (_, loadedAt, asked) => {
    const index = chains(loadedAt);
    if (asked !== undefined) index.readyCount(asked);
    index.update(0, { state: STATE_CODES.error, attempts: 1 });
    expect(index.readyCount(NOW + 1_999_999)).toBe(39);
    expect(index.readyCount(NOW + 2_000_000)).toBe(40);
    expect(index.readyCount(NOW)).toBe(39);
  });

  test.each([
    ['step', -1, {}],
    ['step', 80, {}],
    ['step', 0.5, {}],
    ['state', 0, { state: 130 }],
    ['state', 0, { state: -1 }],
    ['flags', 0, { flags: 256 }],
    ['attempts', 0, { attempts: 2 ** 31 }],
    ['retryLimit', 0, { retryLimit: 1.5 }],
  ])('%s out of its range is refused', (field, step, change) => {
    const index = chains(NOW);
    expect(() => index.update(step, change)).toThrow(
      expect.objectContaining({
        code: 'TASKER_BAD_ARGUMENT',
        data: expect.objectContaining({ field }),
      }),
    );
    expect(index.readyCount(NOW)).toBe(40);
  });

  test('a clock that is none and rules that are none are refused', () => {
    const index = chains(NOW);
    const refusal = expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT' });
    expect(() => index.readyStepIds(NaN)).toThrow(refusal);
    expect(() => index.readyCount(NaN)).toThrow(refusal);
    const snapshot = bareSnapshot(plannedViews([]));
    expect(createReadyIndex(snapshot).readyStepIds(NOW)).toStrictEqual(new BigInt64Array(0));
    expect(() => createReadyIndex(snapshot, 'sql' as Rules)).toThrow(refusal);
  });
});
