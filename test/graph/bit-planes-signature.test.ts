import fc from 'fast-check';
import { expect, test } from 'vitest';

import { groupByGraph, UNGROUPED } from '../../src/graph/planes/graph-signature.ts';
import { TASK_FLAGS, type SnapshotViews } from '../../src/graph/snapshot/layout.ts';
import { finishNow } from '../../src/graph/snapshot/pieces.ts';
import { chain, fan, plannedViews, type TaskPlan } from '../support/large-snapshots.ts';
import { caseArb, viewsOf } from './bit-planes-cases.ts';

/** A task's parents by position as text, or why it has no graph of its own. */
function naiveGraph(views: SnapshotViews, task: number): string | number {
  const first = views.taskSteps[task]!;
  const end = views.taskSteps[task + 1]!;
  if ((views.taskFlags[task]! & TASK_FLAGS.refused) !== 0) return UNGROUPED.refused;
  if (first === end) return UNGROUPED.fewAlike;
  const lists: number[][] = [];
  for (let step = first; step < end; step++) {
    const parents = views.parents.slice(views.parentOffsets[step], views.parentOffsets[step + 1]);
    for (const parent of parents) {
      if (parent < first || parent >= end) return UNGROUPED.foreignParents;
      if (parent >= step) return UNGROUPED.unordered;
    }
    lists.push(Array.from(parents, (parent) => parent - first));
  }
  return JSON.stringify(lists);
}

test('tasks are together exactly where their graphs are equal', () => {
  fc.assert(
    fc.property(caseArb, fc.constantFrom(1, 2, 32, 33), (of, atLeast) => {
      const views = viewsOf(of);
      const { groups, groupOfTask } = finishNow(groupByGraph(views, atLeast));
      const naive = Array.from({ length: of.tasks }, (_, task) => naiveGraph(views, task));
      const byText = Map.groupBy(naive.keys(), (task) => naive[task]!);
      const expected = [...byText]
        .filter(([text, tasks]) => typeof text === 'string' && tasks.length >= atLeast)
        .map(([, tasks]) => tasks);
      expect(groups.map(({ tasks }) => [...tasks])).toStrictEqual(expected);
      const codes = naive.map((text, task) => {
        if (typeof text === 'number') return text;
        const group = expected.findIndex((tasks) => tasks.includes(task));
        return group === -1 ? UNGROUPED.fewAlike : group;
      });
      expect([...groupOfTask]).toStrictEqual(codes);
    }),
    { numRuns: 300 },
  );
});

/** The graph of seven steps whose edges are the bits of a number: every number has another one. */
const numbered = (bits: number): TaskPlan => ({
  steps: 7,
  parentsOf: (step) => {
    const shift = (step * (step - 1)) / 2;
    return Array.from({ length: step }, (_, parent) => parent).filter(
      (parent) => ((bits >>> (shift + parent)) & 1) === 1,
    );
  },
});

test('different graphs of one hash stay apart', () => {
  // of the 2^21 graphs of seven steps 983 pairs have one hash; these are some of them
  const pairs = [1468, 1_950_987, 2746, 1_537_098, 2879, 323_838, 3014, 1_485_703];
  const views = plannedViews([...pairs, ...pairs].map(numbered));
  const { groupOfTask } = finishNow(groupByGraph(views, 2));
  expect([...groupOfTask]).toStrictEqual([...pairs.keys(), ...pairs.keys()]);
});

test('a template is the graph of its tasks by position', () => {
  const views = plannedViews([chain(3), fan(2), chain(3), chain(2), fan(2), chain(3)]);
  const { groups, groupOfTask } = finishNow(groupByGraph(views, 2));
  expect([...groupOfTask]).toStrictEqual([0, 1, 0, UNGROUPED.fewAlike, 1, 0]);
  expect(groups.map(({ template }) => template)).toStrictEqual([
    { steps: 3, parentOffsets: Uint32Array.of(0, 0, 1, 2), parents: Uint32Array.of(0, 1) },
    { steps: 4, parentOffsets: Uint32Array.of(0, 0, 1, 2, 4), parents: Uint32Array.of(0, 0, 1, 2) },
  ]);
});
