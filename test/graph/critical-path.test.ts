import fc from 'fast-check';
import { expect, test } from 'vitest';

import { criticalPath } from '../../src/graph/analysis/critical-path.ts';
import { earliestSchedule } from '../../src/graph/analysis/earliest-schedule.ts';
import { slackOf } from '../../src/graph/analysis/slack.ts';
import { Scratch } from '../../src/graph/snapshot/topological-order.ts';
import { chain, diamonds, lattice, plannedViews } from '../support/large-snapshots.ts';
import { circle, dagArb, edgesOf, FIRST, TASK, viewsOf, waysFrom } from './analysis-cases.ts';

// fast-check prints seed and path of a counterexample with the failure
test('schedule, path and slack are what walking every way says', () => {
  fc.assert(
    fc.property(dagArb, (dag) => {
      const views = viewsOf(dag);
      const durations = Float64Array.from(dag.durations);
      const schedule = earliestSchedule(views, TASK, durations, new Scratch())!;
      const slack = slackOf(views, schedule, durations);
      const edges = edgesOf(views);
      const steps = Array.from({ length: dag.steps }, (_, at) => FIRST + at);
      const secondsOf = (way: readonly number[]): number =>
        way.reduce((sum, step) => sum + dag.durations[step - FIRST]!, 0);
      const ways = steps.flatMap((step) => waysFrom(step, edges));
      const longest = Math.max(...ways.map(secondsOf));
      expect(schedule.seconds).toBe(longest);

      const path = [...criticalPath(views, schedule)];
      expect(secondsOf(path)).toBe(longest);
      expect(ways).toContainEqual(path);

      for (const [at, step] of steps.entries()) {
        const before = ways.filter((way) => way.at(-1) === step).map(secondsOf);
        const through = ways.filter((way) => way.includes(step)).map(secondsOf);
        expect(schedule.finish[at]).toBe(Math.max(...before));
        expect(schedule.start[at]).toBe(Math.max(...before) - dag.durations[at]!);
        expect(slack.total[at]).toBe(longest - Math.max(...through));
        const children = edges.filter(([from]) => from === step).map(([, to]) => to - FIRST);
        const next = Math.min(longest, ...children.map((child) => schedule.start[child]!));
        expect(slack.free[at]).toBe(next - schedule.finish[at]!);
      }
    }),
    { numRuns: 600 },
  );
});

test('a task with a cycle has no schedule', () => {
  expect(earliestSchedule(circle(), 1, new Float64Array(3), new Scratch())).toBeUndefined();
  expect(earliestSchedule(circle(), 0, new Float64Array(3), new Scratch())).toBeDefined();
});

test('a task without steps takes no time', () => {
  const views = plannedViews([chain(0)]);
  const schedule = earliestSchedule(views, 0, new Float64Array(0), new Scratch())!;
  expect(schedule.seconds).toBe(0);
  expect(criticalPath(views, schedule)).toStrictEqual(new Uint32Array(0));
});

test('2^5000 paths take one pass', () => {
  const views = plannedViews([diamonds(5000, true), lattice(5000)]);
  for (const [task, length] of [
    [0, 10_001],
    [1, 5000],
  ] as const) {
    const steps = views.taskSteps[task + 1]! - views.taskSteps[task]!;
    const schedule = earliestSchedule(
      views,
      task,
      new Float64Array(steps).fill(0.5),
      new Scratch(),
    )!;
    expect(schedule.seconds).toBe(length / 2);
    expect(criticalPath(views, schedule)).toHaveLength(length);
  }
});
