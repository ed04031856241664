import { fileURLToPath } from 'node:url';

import fc from 'fast-check';
import { afterAll, describe, expect, test, vi } from 'vitest';

import { readyStepIds } from '../../src/graph/kernels/answer-rows.ts';
import { TASK_FLAGS } from '../../src/graph/snapshot/layout.ts';
import { ReadyIds } from '../../src/graph/planes/ready-ids.ts';
import type { Rules } from '../../src/graph/rules/rules.ts';
import { STATE_CODES } from '../../src/graph/snapshot/state-codes.ts';
import { finishNow } from '../../src/graph/snapshot/pieces.ts';
import { directorySource } from '../../src/resolver/sources/ndjson-source.ts';
import {
  createReadyIndex,
  createReadyIndexAsync,
  type ReadyIndex,
  type ReadyIndexOptions,
} from '../../src/resolver/planning/ready-index.ts';
import { createResolver } from '../../src/resolver/resolver.ts';
import { rowsSource } from '../../src/resolver/sources/rows-source.ts';
import { answersOf, snapshotOf } from '../support/answers.ts';
import { rowsCaseArb } from '../support/arbitraries.ts';
import { BACKENDS, differing, outputBytes, resolverOn, spoilOutputs } from '../support/backends.ts';
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
        const onPlanes = finishNow(ReadyIds.of(snapshot.views, rules, resolution.nowMicros, 1));
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

  test.each(BACKENDS)('%s: ready ids of a resolver, outputs left alone', async (backend) => {
    const plans = Array.from({ length: 2000 }, (_, at) => (at % 50 === 0 ? fan(at) : woven(9)));
    const snapshot = bareSnapshot(plannedViews(plans));
    const { views } = snapshot;
    await using resolver = resolverOn(backend, rules);
    for (const shift of SHIFTS) {
      const nowMicros = LARGE_NOW_MICROS + shift;
      spoilOutputs(views, 0xa5);
      const before = outputBytes(views);
      const ids = await resolver.readyStepIds(snapshot, { nowMicros });
      expect(differing(before, outputBytes(views))).toStrictEqual([]);
      await resolvers[rules].resolve(snapshot, { nowMicros });
      expect(ids).toStrictEqual(readyStepIds(snapshot, rules));
    }
  });
});

const few = (): ReturnType<typeof bareSnapshot> => bareSnapshot(plannedViews([chain(3)]));

test('the addon answers where it is asked for, and for large snapshots', () => {
  const hasAddon = BACKENDS.includes('native');
  const { backend } = createReadyIndex(bareSnapshot(plannedViews([woven(5000)])));
  expect(backend).toBe(hasAddon ? 'native' : 'inline');
  expect(createReadyIndex(few()).backend).toBe('inline');
  const insist = (): string => createReadyIndex(few(), 'rails', { backend: 'native' }).backend;
  vi.stubEnv('TASKER_NATIVE', 'off');
  try {
    expect(insist).toThrow(expect.objectContaining({ code: 'TASKER_BACKEND_UNAVAILABLE' }));
    expect(createReadyIndex(bareSnapshot(plannedViews([woven(5000)]))).backend).toBe('inline');
  } finally {
    vi.unstubAllEnvs();
  }
});

test('a backend that there is not is refused', () => {
  const wrong = { backend: 'pool' } as unknown as ReadyIndexOptions;
  expect(() => createReadyIndex(few(), 'rails', wrong)).toThrow(
    expect.objectContaining({
      code: 'TASKER_BAD_ARGUMENT',
      data: { field: 'backend', value: 'pool' },
    }),
  );
});

test('a stopped resolver answers no more, and none answers for no instant', async () => {
  const resolver = createResolver();
  await expect(resolver.readyStepIds(few(), { nowMicros: NaN })).rejects.toMatchObject({
    code: 'TASKER_BAD_ARGUMENT',
  });
  await resolver.stop();
  await expect(resolver.readyStepIds(few())).rejects.toMatchObject({
    code: 'TASKER_RESOLVER_CLOSED',
  });
});

test.runIf(BACKENDS.includes('native'))('a contradicting graph is refused by the addon', () => {
  const snapshot = few();
  const index = createReadyIndex(snapshot, 'rails', { backend: 'native' });
  expect(index.backend).toBe('native');
  snapshot.views.parentOffsets[1] = 7;
  expect(() => createReadyIndex(snapshot, 'rails', { backend: 'native' })).toThrow(
    expect.objectContaining({ code: 'TASKER_BAD_SNAPSHOT', data: { section: 'parentOffsets' } }),
  );
});

describe('built in turns', () => {
  const backends = BACKENDS.filter((backend) => backend !== 'pool');
  const large = () => {
    // more than the addon takes in the calling thread
    const plans = Array.from({ length: 9000 }, (_, at) =>
      at % 50 === 0 ? fan(at / 50) : woven(10),
    );
    return bareSnapshot(plannedViews(plans));
  };

  test.each(backends)('%s: the same answers and groups', async (backend) => {
    for (const snapshot of [large(), few(), bareSnapshot(plannedViews([]))]) {
      for (const rules of RULES) {
        const index = await createReadyIndexAsync(snapshot, rules, { backend });
        const atOnce = createReadyIndex(snapshot, rules, { backend });
        expect(index.backend).toBe(backend);
        expect(index.groups).toStrictEqual(atOnce.groups);
        for (const shift of SHIFTS) {
          const now = LARGE_NOW_MICROS + shift;
          expect(index.readyStepIds(now)).toStrictEqual(atOnce.readyStepIds(now));
        }
      }
    }
  });

  test('no piece grows with the snapshot', () => {
    const piecesOf = (tasks: number): number => {
      const views = plannedViews(Array.from({ length: tasks }, () => woven(10)));
      let pieces = 0;
      for (const _ of ReadyIds.of(views, 'engine', LARGE_NOW_MICROS)) pieces++;
      return pieces;
    };
    expect(piecesOf(10)).toBeLessThan(5);
    expect(piecesOf(10_000)).toBeGreaterThan(15);
    expect(piecesOf(40_000)).toBeGreaterThan(60);
  });

  test.each(backends)('%s: ends with the reason of its signal', async (backend) => {
    const controller = new AbortController();
    const { signal } = controller;
    const snapshot = large();
    let millis = 0;
    // every piece takes long enough for a turn of the event loop
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (millis += 10));
    const begun = createReadyIndexAsync(snapshot, 'rails', { backend, signal });
    clock.mockRestore();
    controller.abort(new Error('enough'));
    await expect(begun).rejects.toThrow('enough');
    await expect(createReadyIndexAsync(snapshot, 'rails', { backend, signal })).rejects.toThrow(
      'enough',
    );
  });

  test.each(backends)('%s: who shares a build outlives who gives it up', async (backend) => {
    await using resolver = resolverOn(backend, 'rails');
    const controller = new AbortController();
    const snapshot = large();
    const now = { nowMicros: LARGE_NOW_MICROS };
    const first = resolver.readyStepIds(snapshot, { ...now, signal: controller.signal });
    const second = resolver.readyStepIds(snapshot, now);
    const third = resolver.readyStepIds(snapshot, { ...now, signal: controller.signal });
    controller.abort(new Error('enough'));
    await Promise.allSettled([first]);
    await expect(third).rejects.toThrow('enough');
    const expected = createReadyIndex(snapshot).readyStepIds(LARGE_NOW_MICROS);
    expect(await second).toStrictEqual(expected);
    const late = resolver.readyStepIds(snapshot, { signal: controller.signal });
    await expect(late).rejects.toThrow('enough');
  });

  test.runIf(backends.includes('native'))('a contradicting graph is refused, too', async () => {
    const snapshot = large();
    snapshot.views.parentOffsets[100] = 2 ** 32 - 1;
    const begun = createReadyIndexAsync(snapshot, 'rails', { backend: 'native' });
    await expect(begun).rejects.toMatchObject({
      code: 'TASKER_BAD_SNAPSHOT',
      data: { section: 'parentOffsets' },
    });
  });

  test('while the snapshot is being resolved', async () => {
    const snapshot = large();
    const expected = createReadyIndex(snapshot).readyStepIds(LARGE_NOW_MICROS);
    await using resolver = createResolver();
    for (let round = 0; round < 5; round++) {
      const resolving = resolver.resolve(snapshot, { nowMicros: LARGE_NOW_MICROS });
      const index = await createReadyIndexAsync(snapshot);
      await resolving;
      expect(index.readyStepIds(LARGE_NOW_MICROS)).toStrictEqual(expected);
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
    ['step', '0' as never, {}],
    ['step', NaN, {}],
    ['step', 0n as never, {}],
    ['change', 0, null as never],
    ['change', 0, undefined as never],
    ['state', 0, { state: NaN }],
    ['state', 0, { state: null as never }],
    ['state', 0, { state: 'complete' as never }],
    ['flags', 0, { flags: '1' as never }],
    ['attempts', 0, { attempts: NaN }],
    ['attempts', 0, { attempts: 1n as never }],
    ['failedAt', 0, { state: STATE_CODES.error, failedAt: 'soon' as never }],
    ['nextAttemptAt', 0, { nextAttemptAt: 'soon' as never }],
    ['nextAttemptAt', 0, { nextAttemptAt: new Date(0) as never }],
    ['nextAttemptAt', 0, { nextAttemptAt: null as never }],
    ['explicitUntil', 0, { explicitUntil: 17n as never }],
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

  test.each([3, '3', 2n ** 64n + 3n, 2n ** 63n, -(2n ** 63n) - 1n, undefined, null])(
    'an id %s is refused, not cut',
    (id) => {
      expect(() => chains(NOW).findStep(id as never)).toThrow(
        expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT', data: expect.anything() }),
      );
    },
  );

  test.each(['soon', null, undefined, 1n, new Date(0)])('a clock %s is refused', (clock) => {
    const index = chains(NOW);
    const refusal = expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT' });
    expect(() => index.readyStepIds(clock as never)).toThrow(refusal);
    expect(() => index.readyCount(clock as never)).toThrow(refusal);
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
