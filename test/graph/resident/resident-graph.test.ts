import { describe, expect, test } from 'vitest';

import { HEADER, STEP_FLAGS, TASK_FLAGS, type SnapshotViews } from '../../../src/graph/layout.ts';
import { ResidentGraph } from '../../../src/graph/resident/resident-graph.ts';
import { STATE_CODES } from '../../../src/graph/state-codes.ts';
import {
  chain,
  diamonds,
  fan,
  LARGE_NOW_MICROS,
  lattice,
  plannedViews,
  type TaskPlan,
} from '../../support/large-snapshots.ts';

const NOW = LARGE_NOW_MICROS;

/** Tasks in which nothing has begun. */
function untouched(plans: Iterable<TaskPlan>): SnapshotViews {
  const views = plannedViews(plans);
  views.state.fill(STATE_CODES.pending);
  views.flags.fill(STEP_FLAGS.backoffNull);
  views.attempts.fill(0);
  views.failedAt.fill(NaN);
  return views;
}

function graphOf(
  views: SnapshotViews,
  priorityOf: (task: number) => number = () => 0,
): ResidentGraph {
  const graph = new ResidentGraph({ nowMicros: NOW, maxSteps: 2 ** 21 });
  for (let task = 0; task < views.counts.tasks; task++) {
    const handle = graph.addTask(views, task, { priority: priorityOf(task) });
    expect(handle).toBe(graph.findTask(views.taskId[task]!));
  }
  return graph;
}

const idsOf = (graph: ResidentGraph, steps: Iterable<number>): bigint[] =>
  Array.from(steps, (step) => graph.stepId(step)!);

const one = new Float64Array(1);
/** Handle of the step that should run first, taken; -1 where none is ready. */
const take = (graph: ResidentGraph, lane = 0): number =>
  graph.takeReady(one, 1, lane) === 0 ? -1 : one[0]!;

const remove = (graph: ResidentGraph, taskId: bigint): string =>
  graph.removeTask(graph.findTask(taskId));

const takeAll = (graph: ResidentGraph): bigint[] => {
  const ids: bigint[] = [];
  for (let step = take(graph); step !== -1; step = take(graph)) {
    ids.push(graph.stepId(step)!);
  }
  return ids;
};

describe('completion', () => {
  test('reports the children that it made ready, and only those', () => {
    const graph = graphOf(untouched([fan(3)]));
    expect(idsOf(graph, graph.newlyReady)).toStrictEqual([1n]);
    graph.complete(graph.findStep(1n));
    expect(idsOf(graph, graph.newlyReady)).toStrictEqual([2n, 3n, 4n]);
    graph.complete(graph.findStep(2n));
    graph.complete(graph.findStep(3n));
    expect(graph.newlyReady).toHaveLength(0);
    expect(graph.openParents(graph.findStep(5n))).toBe(1);
    graph.complete(graph.findStep(4n));
    expect(idsOf(graph, graph.newlyReady)).toStrictEqual([5n]);
    graph.complete(graph.findStep(4n));
    expect(graph.newlyReady).toHaveLength(0);
    expect(graph.status(graph.findTask(1n))!.executionStatus).toBe('has_ready_steps');
    graph.complete(graph.findStep(5n));
    expect(graph.status(graph.findTask(1n))).toMatchObject({
      executionStatus: 'all_complete',
      completedSteps: 5,
    });
  });

  test('a lattice of 2^500 paths is worked off', () => {
    const graph = graphOf(untouched([lattice(500)]));
    let done = 0;
    for (let step = take(graph); step !== -1; step = take(graph)) {
      graph.complete(step);
      done++;
    }
    expect(done).toBe(1000);
    expect(graph.status(graph.findTask(1n))!.executionStatus).toBe('all_complete');
  });
});

describe('the ready queue', () => {
  test('gives priority first, then the longest way to a leaf, then age', () => {
    const views = untouched([chain(2), chain(3), diamonds(1), chain(2)]);
    const graph = graphOf(views, (task) => (task === 3 ? 9 : -task % 2));
    // priorities 0, -1, 0, 9; first steps 1, 3, 6, 10
    expect(takeAll(graph)).toStrictEqual([10n, 6n, 1n, 3n]);
  });

  test('a taken step is not given again unless it is released or ready anew', () => {
    const graph = graphOf(untouched([chain(2)]));
    const slot = take(graph);
    expect(take(graph)).toBe(-1);
    expect(graph.isReady(slot)).toBe(true);
    graph.release(slot);
    graph.release(slot);
    expect(graph.queuedCount()).toBe(1);
    expect(take(graph)).toBe(slot);
    graph.change(slot, { state: STATE_CODES.in_progress });
    expect(graph.isReady(slot)).toBe(false);
    graph.change(slot, { state: STATE_CODES.error, attempts: 1 });
    expect(graph.waitsUntil(slot)).toBe(NOW + 2_000_000);
    graph.advance(NOW + 1_999_999);
    expect(take(graph)).toBe(-1);
    graph.advance(NOW + 2_000_000);
    expect(take(graph)).toBe(slot);
  });

  test('a rank and a priority that came later are in order, too', () => {
    const views = untouched([chain(1), chain(3000), chain(40)]);
    const graph = new ResidentGraph({ nowMicros: NOW });
    for (const task of [0, 2, 1]) graph.addTask(views, task);
    expect(takeAll(graph)).toStrictEqual([2n, 3002n, 1n]);
    for (const id of [1n, 2n, 3n]) expect(remove(graph, id)).toBe('ok');
    graph.addTask(views, 2, { priority: 5 });
    graph.addTask(views, 1, { priority: -5 });
    expect(takeAll(graph)).toStrictEqual([3002n, 2n]);
  });
});

describe('waits', () => {
  test('a retry wait is set, moved and cleared', () => {
    const graph = graphOf(untouched([chain(2)]));
    const first = graph.findStep(1n);
    graph.setRetryWait(first, NOW + 50);
    expect(graph.queuedCount()).toBe(0);
    expect(graph.nextDueAt()).toBe(NOW + 50);
    graph.setRetryWait(first, NOW + 10);
    expect(graph.nextDueAt()).toBe(NOW + 10);
    graph.setRetryWait(first, NaN);
    expect(graph.nextDueAt()).toBe(Infinity);
    expect(idsOf(graph, graph.newlyReady)).toStrictEqual([1n]);
    graph.setRetryWait(first, Infinity);
    graph.advance(NOW + 1e15);
    expect(graph.isReady(first)).toBe(false);
    expect(graph.waitsUntil(first)).toBe(Infinity);
  });

  test('a waiting step costs at most 200 bytes, every array counted', () => {
    const steps = 200_000;
    const views = untouched(Array.from({ length: steps / 10 }, () => fan(8)));
    const graph = graphOf(views);
    for (let task = 0; task < views.counts.tasks; task++) {
      graph.complete(graph.findStep(BigInt(task * 10 + 1)));
    }
    for (const [at, step] of graph.readySteps().entries()) graph.setRetryWait(step, NOW + 1 + at);
    const waiting = (steps / 10) * 8;
    expect(graph.queuedCount()).toBe(0);
    const { totalBytes, slotBytes, shapeBytes } = graph.memory();
    expect(totalBytes / waiting).toBeLessThan(200);
    expect(totalBytes / waiting).toBeGreaterThan(60);
    // a growth by half leaves up to a third unused
    expect(slotBytes / steps).toBeLessThan(78 * 1.5);
    // one graph for all of them
    expect(graph.shapeCount).toBe(1);
    expect(shapeBytes).toBeLessThan(32_768);
  });
});

describe('refusals change nothing', () => {
  test.each([
    ['a refused task', (views: SnapshotViews) => void (views.taskFlags[1] = TASK_FLAGS.refused)],
    ['steps out of order', (views: SnapshotViews) => void (views.stepId[3] = 99n)],
  ])('%s', (_name, spoil) => {
    const views = untouched([chain(2), chain(3)]);
    spoil(views);
    const graph = new ResidentGraph({ nowMicros: NOW });
    expect(graph.addTask(views, 1)).toBe('bad-rows');
    expect(graph.taskCount).toBe(0);
    expect(graph.memory().slotsTop).toBe(0);
  });

  test('a task or a step that is resident already', () => {
    const views = untouched([chain(2), chain(3)]);
    const graph = graphOf(views);
    expect(graph.addTask(views, 0)).toBe('task-present');
    views.taskId[0] = 77n;
    expect(graph.addTask(views, 0)).toBe('step-present');
    expect(graph.taskCount).toBe(2);
  });

  test('limits of steps and of graphs', () => {
    const views = untouched([chain(60), chain(60)]);
    const few = new ResidentGraph({ nowMicros: NOW, maxSteps: 100 });
    expect(few.addTask(views, 0)).toBe(few.findTask(1n));
    expect(few.addTask(views, 1)).toBe('full');
    expect(remove(few, 1n)).toBe('ok');
    expect(few.addTask(views, 1)).toBe(few.findTask(2n));
    const small = new ResidentGraph({ nowMicros: NOW, maxGraphWords: 100 });
    expect(small.addTask(views, 0)).toBe('full');
    expect(small.memory().slotsTop).toBe(0);
  });

  test('unknown ids', () => {
    const graph = graphOf(untouched([chain(2)]));
    expect(graph.findStep(9n)).toBe(-1);
    expect(graph.findTask(9n)).toBe(-1);
    expect(remove(graph, 9n)).toBe('unknown');
  });
});

describe('compaction', () => {
  const holed = (): { graph: ResidentGraph; views: SnapshotViews } => {
    const views = untouched(Array.from({ length: 400 }, (_, at) => chain(1 + (at % 20))));
    const graph = graphOf(views);
    for (let task = 0; task < 400; task += 2) remove(graph, views.taskId[task]!);
    return { graph, views };
  };

  test('a slice keeps to its budget, and slices leave no room free', () => {
    const { graph } = holed();
    const { slotsFree } = graph.memory();
    let slices = 0;
    while (graph.memory().slotsFree > 0) {
      const place = new Map(graph.readySteps().map((step) => [graph.stepId(step)!, step]));
      graph.compact(50);
      slices++;
      // each task has one ready step: at most the budget's worth of tasks moved
      const moved = [...place].filter(([id, step]) => graph.findStep(id) !== step);
      expect(moved.length).toBeLessThanOrEqual(26);
    }
    expect(slices).toBeGreaterThan(slotsFree / 70);
    expect(graph.memory().slotsTop).toBe(2200);
  });

  test('everything goes on at its new place', () => {
    const { graph, views } = holed();
    while (graph.memory().slotsFree > 0) graph.compact();
    let done = 0;
    for (let step = take(graph); step !== -1; step = take(graph)) {
      expect(graph.findStep(graph.stepId(step)!)).toBe(step);
      graph.complete(step);
      done++;
    }
    expect(done).toBe(2200);
    for (let task = 1; task < 400; task += 2) {
      const number = graph.findTask(views.taskId[task]!);
      expect(graph.status(number)!.executionStatus).toBe('all_complete');
    }
  });

  test('freed room is used again, and a large task stays where it is', () => {
    const views = untouched([chain(10), chain(5000), chain(10), chain(10)]);
    const graph = graphOf(views);
    remove(graph, 1n);
    const large = graph.findStep(11n);
    while (!graph.compact());
    expect(graph.findStep(11n)).toBe(large);
    expect(graph.memory()).toMatchObject({ slotsFree: 10, slotsTop: 5030 });
    graph.addTask(views, 0);
    expect(graph.memory()).toMatchObject({ slotsFree: 0, slotsTop: 5030 });
  });
});

test('columns grow in place, to a million steps and back to nothing', () => {
  const views = untouched(Array.from({ length: 1000 }, () => diamonds(333)));
  const graph = graphOf(views);
  expect(views.header[HEADER.steps]).toBe(1_000_000);
  expect(graph.memory().slotsTop).toBe(1_000_000);
  expect(graph.shapeCount).toBe(1);
  for (let task = 0; task < 1000; task++) remove(graph, views.taskId[task]!);
  expect(graph.memory()).toMatchObject({ slotsTop: 0, slotsFree: 0 });
  expect(graph.findStep(500n)).toBe(-1);
});
