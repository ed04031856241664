import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { SnapshotViews } from '../../src/graph/snapshot/layout.ts';
import { ReadyIds, type ReadySteps } from '../../src/graph/planes/ready-ids.ts';
import type { Rules } from '../../src/graph/rules/rules.ts';
import { STATE_CODES } from '../../src/graph/snapshot/state-codes.ts';
import { finishNow } from '../../src/graph/snapshot/pieces.ts';
import { NativeReadyIds } from '../../src/resolver/planning/native-ready-ids.ts';
import { loadNative } from '../../src/resolver/native.ts';
import { inputBytes, outputBytes } from '../support/backends.ts';
import {
  askKernels,
  Case,
  caseArb,
  changeOf,
  columnsOf,
  NOW,
  rowArb,
  viewsOf,
} from './bit-planes-cases.ts';

/** Clocks about the instants at which waits end, µs before or after. */
const CLOCKS = [0, 1, 999, 1000, 1001, 40_000, 1_000_000, 2_000_000, 4_000_000, 31_000_000, 1e10];
const clockArb = fc.oneof(
  fc.constantFrom(...CLOCKS).map((after) => NOW + after),
  fc.constantFrom(...CLOCKS).map((before) => NOW - before),
  fc.constantFrom(Infinity, -Infinity),
);

const operationArb = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('clock' as const), now: clockArb }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('rewrite' as const), pick: fc.nat(), row: rowArb }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('complete' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fail' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('redo' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('foreign' as const), pick: fc.nat() }) },
);
type Operation = typeof operationArb extends fc.Arbitrary<infer O> ? O : never;

/** Applies one operation to the rows and tells the index of it. */
function operate(of: Case, index: ReadySteps, operation: Operation, now: number): void {
  if (operation.do === 'clock') return;
  const { steps } = of;
  const at = operation.pick % steps.length;
  const step = steps[at]!;
  switch (operation.do) {
    case 'rewrite':
      Object.assign(step, columnsOf(operation.row, now));
      return index.change(at, changeOf(step));
    case 'complete':
      step.state = STATE_CODES.complete;
      step.failedAt = NaN;
      return index.change(at, { state: STATE_CODES.complete });
    case 'fail':
      // falls into error at the clock, unless it is there already
      if (step.state !== STATE_CODES.error) step.failedAt = now;
      step.state = STATE_CODES.error;
      step.attempts = 1;
      return index.change(at, { state: STATE_CODES.error, attempts: 1 });
    case 'foreign': {
      of.foreignState = operation.pick % 2 === 0 ? STATE_CODES.complete : STATE_CODES.pending;
      if (!of.edges.some(([from]) => from === -1)) return;
      return index.change(steps.length, { state: of.foreignState });
    }
    case 'redo':
      Object.assign(step, { state: STATE_CODES.pending, failedAt: NaN, flags: 32, attempts: 0 });
      return index.change(at, changeOf(step));
  }
}

/** How many tasks make a group: what the program has, and as many tasks on planes as can be. */
const groupTasksArb = fc.constantFrom(undefined, undefined, 1, 33);

type Build = (views: SnapshotViews, rules: Rules, groupTasks: number | undefined) => ReadySteps;

const { addon } = loadNative(process.env);
const BUILDS: [string, Build][] = [
  [
    'TypeScript',
    (views, rules, groupTasks) => finishNow(ReadyIds.of(views, rules, NOW, groupTasks)),
  ],
];
if (addon !== undefined) {
  const build: Build = (views, rules, groupTasks) =>
    NativeReadyIds.of(addon, views, rules, NOW, groupTasks);
  BUILDS.push(['the addon', build]);
}
const CASES = BUILDS.flatMap(([where, build]) =>
  (['rails', 'engine'] as const).map((rules) => ({ where, build, rules })),
);

// fast-check prints seed and path of a counterexample with the failure
describe.each(CASES)('in $where under $rules rules', ({ build, rules }) => {
  test('groups and single tasks give the ids of the kernels at every clock', () => {
    let grouped = 0;
    const clocksArb = fc.array(clockArb, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(caseArb, clocksArb, groupTasksArb, (of, clocks, groupTasks) => {
        const index = build(viewsOf(of), rules, groupTasks);
        grouped += index.groups.length;
        for (const now of clocks) {
          const expected = askKernels(of, rules, now);
          expect([...index.ids(now)]).toStrictEqual(expected);
          expect(index.count(now)).toBe(expected.length);
        }
      }),
      { numRuns: 400 },
    );
    expect(grouped).toBeGreaterThan(200);
  });

  test('after any sequence of changes, too', () => {
    const operationsArb = fc.array(operationArb, { minLength: 5, maxLength: 40 });
    fc.assert(
      fc.property(caseArb, operationsArb, groupTasksArb, (drawn, operations, groupTasks) => {
        const of = new Case(drawn);
        const index = build(viewsOf(of), rules, groupTasks);
        let now = NOW;
        for (const operation of operations) {
          if (operation.do === 'clock') now = operation.now;
          operate(of, index, operation, now);
          // questions come now and then: what happened in between adds up
          if (operation.do !== 'clock' && operation.pick % 3 !== 0) continue;
          expect([...index.ids(now)]).toStrictEqual(askKernels(of, rules, now));
        }
        expect([...index.ids(now)]).toStrictEqual(askKernels(of, rules, now));
      }),
      { numRuns: 300 },
    );
  });

  test('the snapshot is only read', () => {
    fc.assert(
      fc.property(caseArb, (of) => {
        const views = viewsOf(of);
        const before = [inputBytes(views), outputBytes(views)];
        const index = build(views, rules, undefined);
        index.ids(NOW);
        index.change(0, { state: STATE_CODES.complete });
        index.ids(NOW + 1);
        expect([inputBytes(views), outputBytes(views)]).toStrictEqual(before);
      }),
      { numRuns: 30 },
    );
  });
});
