import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { SnapshotViews } from '../../src/graph/snapshot/layout.ts';
import { resolvePieces, resolveTaskRange } from '../../src/graph/kernels/resolve.ts';
import type { Rules } from '../../src/graph/rules/rules.ts';
import { PIECE_VISITS } from '../../src/graph/snapshot/pieces.ts';
import { Scratch } from '../../src/graph/snapshot/topological-order.ts';
import { rowsCaseArb } from '../support/arbitraries.ts';
import { snapshotOf } from '../support/answers.ts';
import { differing, inputBytes, outputBytes, spoilOutputs } from '../support/backends.ts';
import {
  chain,
  diamonds,
  fan,
  LARGE_NOW_MICROS,
  lattice,
  plannedViews,
  woven,
  type TaskPlan,
} from '../support/large-snapshots.ts';

/** Sections that pieces of `visits` write otherwise than one uninterrupted run, and how many pieces. */
function compare(views: SnapshotViews, rules: Rules, nowMicros: number, visits: number) {
  const parameters = { rules, nowMicros, contexts: true, levels: true };
  spoilOutputs(views, 0);
  const cycles = resolveTaskRange(views, parameters, 0, views.counts.tasks, new Scratch());
  const expected = outputBytes(views);
  const inputs = inputBytes(views);
  spoilOutputs(views, 0xa5);
  const work = resolvePieces(views, parameters, new Scratch(), visits);
  let pieces = 0;
  for (;;) {
    pieces++;
    const { done, value } = work.next();
    if (done !== true) continue;
    expect(value).toStrictEqual(cycles);
    const sections = [
      ...differing(expected, outputBytes(views)),
      ...differing(inputs, inputBytes(views)),
    ];
    return { pieces, sections };
  }
}

const RULES: readonly Rules[] = ['rails', 'engine'];
const circle: TaskPlan = { steps: 300, parentsOf: (step) => [(step + 299) % 300] };

describe.each(RULES)('pieces under %s rules', (rules) => {
  test.each<readonly [string, readonly TaskPlan[]]>([
    ['a chain', [chain(500)]],
    ['a chain, ids falling', [chain(500, true)]],
    ['a fan', [fan(400)]],
    ['a lattice', [lattice(200)]],
    ['a lattice, ids falling', [lattice(200, true)]],
    ['diamonds, ids falling', [diamonds(100, true)]],
    ['a circle', [circle]],
    [
      'large and small tasks in turn',
      [chain(3), woven(400), chain(1), circle, lattice(150), chain(2)],
    ],
  ])('of any size write what one run writes: %s', (_name, plans) => {
    for (const visits of [1, 2, 7, 64, 1000, PIECE_VISITS]) {
      const { pieces, sections } = compare(plannedViews(plans), rules, LARGE_NOW_MICROS, visits);
      expect({ visits, sections }).toEqual({ visits, sections: [] });
      expect({ visits, several: pieces > 1 }).toEqual({
        visits,
        several: visits < PIECE_VISITS && (visits <= 64 || pieces > 1),
      });
    }
  });

  test('random rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        rowsCaseArb({ maxTasks: 5, maxSteps: 9 }),
        fc.integer({ min: 1, max: 40 }),
        async ({ input, nowMicros }, visits) => {
          fc.pre(input.tasks.length > 0);
          const { views } = await snapshotOf(input);
          expect(compare(views, rules, nowMicros, visits).sections).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });
});
