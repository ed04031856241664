import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  allocateSnapshot,
  RESULT_BITS,
  type SnapshotViews,
} from '../../src/graph/snapshot/layout.ts';
import { isDead, OWN_ROW, ownRowBits } from '../../src/graph/rules/own-row.ts';
import type { Rules } from '../../src/graph/rules/rules.ts';
import { FIRST_FOREIGN_STATE, STATE_CODES } from '../../src/graph/snapshot/state-codes.ts';
import { combineConditions } from '../../src/graph/rules/step-conditions.ts';

const int32Arb = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -1, max: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom(-(2 ** 31), 2 ** 31 - 1) },
);
const rowArb = fc.record({
  state: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...Object.values(STATE_CODES)) },
    { weight: 1, arbitrary: fc.constantFrom(FIRST_FOREIGN_STATE, 126, 127, 255) },
  ),
  flags: fc.oneof(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 255 })),
  attempts: int32Arb,
  retryLimit: int32Arb,
  satisfied: fc.nat({ max: 1 }),
});

function viewsOf(
  rows: readonly Record<'state' | 'flags' | 'attempts' | 'retryLimit' | 'satisfied', number>[],
): SnapshotViews {
  const counts = { tasks: 1, steps: rows.length, ghosts: 0, edges: 0, timed: 0 };
  const views = allocateSnapshot(counts);
  for (const [at, row] of rows.entries()) {
    views.state[at] = row.state;
    views.flags[at] = row.flags;
    views.attempts[at] = row.attempts;
    views.retryLimit[at] = row.retryLimit;
    views.bits[at] = row.satisfied;
  }
  return views;
}

/** The contract's conditions, one after the other. */
function expectedBits(views: SnapshotViews, rules: Rules, step: number): number {
  const flags = views.flags[step]!;
  const satisfied = views.bits[step] === 1;
  const stored = views.retryLimit[step]!;
  const limit = rules === 'engine' && stored === 0 ? 1 : stored;
  const eligible = views.attempts[step]! < limit;
  const pending = views.state[step] === STATE_CODES.pending;
  const failed = views.state[step] === STATE_CODES.error;
  const held = (flags & 3) !== 0;
  const retryable = (flags & 4) === 0;
  const allowed = !held && (retryable || (rules === 'engine' && pending));
  let bits = satisfied ? RESULT_BITS.dependenciesSatisfied : 0;
  if (eligible) bits |= RESULT_BITS.retryEligible;
  if (satisfied && eligible && allowed && (pending || failed)) bits |= RESULT_BITS.ready;
  if (rules === 'engine' && isDead(views, step, 'engine')) bits |= RESULT_BITS.dead;
  if (failed && !eligible) bits |= RESULT_BITS.exhausted;
  return bits;
}

test.each<Rules>(['rails', 'engine'])(
  'words of four steps say what each step says by itself, under %s rules',
  (rules) => {
    fc.assert(
      fc.property(
        fc.array(rowArb, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 300 }),
        fc.nat({ max: 5 }),
        fc.nat({ max: 5 }),
        (rows, length, before, behind) => {
          const steps = before + length + behind;
          const views = viewsOf(Array.from({ length: steps }, (_, at) => rows[at % rows.length]!));
          const expected = views.bits.map((bits, step) =>
            step < before || step >= before + length ? bits : expectedBits(views, rules, step),
          );
          combineConditions(views, rules, before, before + length);
          expect([...views.bits]).toStrictEqual([...expected]);
        },
      ),
      { numRuns: 500 },
    );
  },
);

/** Whether the row stays as it is for good, in the words of both rule sets. */
function neverRuns(
  row: Record<'state' | 'flags' | 'attempts' | 'retryLimit', number>,
  rules: Rules,
): boolean {
  const pending = row.state === STATE_CODES.pending;
  const failed = row.state === STATE_CODES.error;
  if (row.state >= 128 || row.state === STATE_CODES.in_progress) return false;
  const limit = rules === 'engine' && row.retryLimit === 0 ? 1 : row.retryLimit;
  const processed = (row.flags & 1) !== 0;
  const final = (row.flags & 4) !== 0 && (failed || rules === 'rails');
  return !(pending || failed) || processed || final || row.attempts >= limit;
}

test.each<Rules>(['rails', 'engine'])(
  'every state, flag byte and count of attempts is judged as the rule for own rows has it, under %s rules',
  (rules) => {
    const rows: Record<'state' | 'flags' | 'attempts' | 'retryLimit' | 'satisfied', number>[] = [];
    for (let state = 0; state < 256; state++) {
      for (let flags = 0; flags < 64; flags++) {
        for (const [attempts, retryLimit] of [
          [0, 3],
          [3, 3],
          [0, 0],
          [1, 0],
        ] as const)
          rows.push({ state, flags, attempts, retryLimit, satisfied: 1 });
      }
    }
    const views = viewsOf(rows);
    combineConditions(views, rules, 0, rows.length);
    const instants = new Float64Array(rows.length).fill(NaN);
    const columns = {
      rules,
      state: views.state,
      flags: views.flags,
      attempts: views.attempts,
      retryLimit: views.retryLimit,
      failedAt: instants,
      nextAttemptAt: instants,
      explicitUntil: instants,
    };
    const differing = rows.filter((row, step) => {
      const bits = views.bits[step]!;
      const own = ownRowBits(columns, step, true);
      const same =
        ((bits & RESULT_BITS.ready) !== 0) === ((own & OWN_ROW.mayRun) !== 0) &&
        ((bits & RESULT_BITS.dead) !== 0) === ((own & OWN_ROW.dead) !== 0) &&
        ((bits & RESULT_BITS.exhausted) !== 0) === ((own & OWN_ROW.exhausted) !== 0) &&
        isDead(views, step, rules) === neverRuns(row, rules);
      return !same;
    });
    expect(differing).toEqual([]);
  },
);
