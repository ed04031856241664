import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { SnapshotViews } from '../../src/graph/snapshot/layout.ts';
import { RedundantEdgeSearch, REDUNDANCY_CODES } from '../../src/graph/analysis/redundant-edges.ts';
import { orderTask, Scratch } from '../../src/graph/snapshot/topological-order.ts';
import { diamonds, lattice, plannedViews, woven } from '../support/large-snapshots.ts';
import { dagArb, edgesOf, TASK, viewsOf, waysFrom } from './analysis-cases.ts';

interface Redundant {
  readonly parent: number;
  readonly child: number;
  readonly reason: string;
}

const NAMES = Object.keys(REDUNDANCY_CODES);

/** What the search finds when it is stopped after every so many visits. */
function redundantEdges(views: SnapshotViews, task: number, visits = Infinity): Redundant[] {
  const scratch = new Scratch();
  const steps = orderTask(views, task, scratch);
  const search = new RedundantEdgeSearch(views, task, scratch.order.slice(0, steps));
  while (search.advance(visits) > 0);
  const words = search.result();
  return Array.from({ length: words.length / 3 }, (_, at) => ({
    parent: words[at * 3]!,
    child: words[at * 3 + 1]!,
    reason: NAMES[words[at * 3 + 2]!]!,
  }));
}

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
      const found = redundantEdges(views, TASK);
      expect(redundantEdges(views, TASK, 1)).toStrictEqual(found);
      const named = found.map(({ parent, child, reason }) => `${parent}>${child} ${reason}`);
      expect(named.toSorted()).toStrictEqual(expected.toSorted());
      const order = found.map(({ parent, child }) => parent * 100 + child);
      expect(order).toStrictEqual(order.toSorted((a, b) => a - b));
    }),
    { numRuns: 1000 },
  );
});

test('large layered graphs are walked layer by layer', () => {
  const views = plannedViews([lattice(20_000), diamonds(10_000), woven(20_000)]);
  expect(redundantEdges(views, 0)).toStrictEqual([]);
  expect(redundantEdges(views, 1)).toStrictEqual([]);
  expect(redundantEdges(views, 2).length).toBeGreaterThan(1000);
});
