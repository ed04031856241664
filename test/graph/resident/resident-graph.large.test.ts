import { expect, test } from 'vitest';

import { ResidentGraph } from '../../../src/graph/resident/resident-graph.ts';
import { diamonds, LARGE_NOW_MICROS, plannedViews } from '../../support/large-snapshots.ts';

test('columns grow to a million steps and back to nothing', () => {
  const views = plannedViews(Array.from({ length: 1000 }, () => diamonds(333)));
  const graph = new ResidentGraph({ nowMicros: LARGE_NOW_MICROS });
  for (let task = 0; task < 1000; task++) {
    expect(graph.addTask(views, task)).toBe(graph.findTask(views.taskId[task]!));
  }
  expect(views.counts.steps).toBe(1_000_000);
  expect(graph.memory().slotsTop).toBe(1_000_000);
  expect(graph.shapeCount).toBe(1);
  for (let task = 0; task < 1000; task++) {
    expect(graph.removeTask(graph.findTask(views.taskId[task]!))).toBe('ok');
  }
  expect(graph.memory()).toMatchObject({ slotsTop: 0, slotsFree: 0 });
  expect(graph.findStep(500n)).toBe(-1);
});
