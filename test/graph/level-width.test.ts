import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { SnapshotViews } from '../../src/graph/snapshot/layout.ts';
import { levelWidths } from '../../src/graph/analysis/level-width.ts';
import { resolveLevels } from '../../src/graph/kernels/levels.ts';
import { orderTask, Scratch } from '../../src/graph/snapshot/topological-order.ts';
import { snapshotOf } from '../support/answers.ts';
import { chain, diamonds, fan, lattice, plannedViews } from '../support/large-snapshots.ts';
import { dagArb, TASK, viewsOf } from './analysis-cases.ts';

function widthsOf(views: SnapshotViews, task: number): number[] {
  const scratch = new Scratch();
  const steps = orderTask(views, task, scratch);
  return [...levelWidths(views, task, scratch.order.slice(0, steps))];
}

/** Levels as the resolver has them, counted. */
function widthsOfLevels(views: SnapshotViews, task: number): number[] {
  resolveLevels(views, task, task + 1, new Scratch());
  const widths: number[] = [];
  for (const level of views.level.subarray(views.taskSteps[task], views.taskSteps[task + 1])) {
    if (level >= 0) widths[level] = (widths[level] ?? 0) + 1;
  }
  return widths;
}

test.each([
  ['a chain', chain(4), [1, 1, 1, 1]],
  ['a fan', fan(5), [1, 5, 1]],
  ['a lattice in falling order', lattice(3, true), [2, 2, 2]],
  ['diamonds', diamonds(2), [1, 2, 1, 2, 1]],
  ['no steps', chain(0), []],
])('%s', (_name, plan, widths) => {
  expect(widthsOf(plannedViews([chain(7), plan]), 1)).toStrictEqual(widths);
});

test('are those of the levels, which stay as they were', () => {
  fc.assert(
    fc.property(dagArb, (dag) => {
      const views = viewsOf(dag);
      views.level.fill(-7);
      const widths = widthsOf(views, TASK);
      expect(views.level.every((level) => level === -7)).toBe(true);
      expect(widths).toStrictEqual(widthsOfLevels(views, TASK));
    }),
  );
});

test('leave out what hangs on other tasks alone', async () => {
  const step = (id: number, task: number): { workflow_step_id: number; task_id: number } => ({
    workflow_step_id: id,
    task_id: task,
  });
  const { views } = await snapshotOf({
    tasks: [1, 2].map((id) => ({ task_id: id, named_task_id: 1 })),
    steps: [step(1, 1), step(2, 2), step(3, 2), step(4, 2), step(5, 2)].map((row) => ({
      ...row,
      named_step_id: 1,
    })),
    edges: [
      { from_step_id: 1, to_step_id: 2 },
      { from_step_id: 2, to_step_id: 3 },
      { from_step_id: 4, to_step_id: 5 },
      { from_step_id: 3, to_step_id: 5 },
    ],
  });
  expect(widthsOf(views, 1)).toStrictEqual([1, 1]);
  expect(widthsOfLevels(views, 1)).toStrictEqual([1, 1]);
});
