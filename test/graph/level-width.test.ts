import { expect, test } from 'vitest';

import { levelWidths } from '../../src/graph/level-width.ts';
import { resolveLevels } from '../../src/graph/levels.ts';
import { Scratch } from '../../src/graph/topological-order.ts';
import { chain, diamonds, fan, lattice, plannedViews } from '../support/large-snapshots.ts';
import { circle } from './analysis-cases.ts';

test.each([
  ['a chain', chain(4), [1, 1, 1, 1], 1],
  ['a fan', fan(5), [1, 5, 1], 5],
  ['a lattice in falling order', lattice(3, true), [2, 2, 2], 2],
  ['diamonds', diamonds(2), [1, 2, 1, 2, 1], 2],
  ['no steps', chain(0), [], 0],
])('%s', (_name, plan, widths, widest) => {
  const views = plannedViews([chain(7), plan]);
  resolveLevels(views, 0, 2, new Scratch());
  const found = levelWidths(views, 1);
  expect([...found.widths]).toStrictEqual(widths);
  expect(found).toMatchObject({ widest, unreached: 0 });
});

test('steps behind a circle are counted apart', () => {
  const views = circle();
  resolveLevels(views, 0, 2, new Scratch());
  const found = levelWidths(views, 1);
  expect([...found.widths]).toStrictEqual([1]);
  expect(found.unreached).toBe(2);
});
