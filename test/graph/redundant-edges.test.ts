import fc from 'fast-check';
import { expect, test } from 'vitest';

import { redundantEdges } from '../../src/graph/redundant-edges.ts';
import { Scratch } from '../../src/graph/topological-order.ts';
import { diamonds, lattice, plannedViews, woven } from '../support/large-snapshots.ts';
import { circle, dagArb, edgesOf, TASK, viewsOf, waysFrom } from './analysis-cases.ts';

// fast-check prints seed and path of a counterexample with the failure
test('an edge is redundant when a longer way leads along it, or a copy of it', () => {
  fc.assert(
    fc.property(dagArb, (dag) => {
      const views = viewsOf(dag);
      const edges = edgesOf(views);
      const expected: string[] = [];
      const seen = new Set<string>();
      for (const [parent, child] of edges) {
        const name = `${parent}>${child}`;
        const longer = waysFrom(parent, edges).some(
          (way) => way.length > 2 && way.at(-1) === child,
        );
        if (seen.has(name)) expected.push(`${name} repeated`);
        else if (longer) expected.push(`${name} implied`);
        seen.add(name);
      }
      const found = redundantEdges(views, TASK, new Scratch())!;
      const named = found.map(({ parent, child, reason }) => `${parent}>${child} ${reason}`);
      expect(named.toSorted()).toStrictEqual(expected.toSorted());
      const order = found.map(({ parent, child }) => parent * 100 + child);
      expect(order).toStrictEqual(order.toSorted((a, b) => a - b));
    }),
    { numRuns: 1000 },
  );
});

test('a task with a cycle has no reduction', () => {
  expect(redundantEdges(circle(), 1, new Scratch())).toBeUndefined();
});

test('large layered graphs are walked layer by layer', () => {
  const views = plannedViews([lattice(20_000), diamonds(10_000), woven(20_000)]);
  const scratch = new Scratch();
  expect(redundantEdges(views, 0, scratch)).toStrictEqual([]);
  expect(redundantEdges(views, 1, scratch)).toStrictEqual([]);
  expect(redundantEdges(views, 2, scratch)!.length).toBeGreaterThan(1000);
});
