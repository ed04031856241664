import { describe, expect, test } from 'vitest';

import { STEP_FLAGS, TASK_FLAGS, type SnapshotViews } from '../../../src/graph/snapshot/layout.ts';
import { ResidentGraph, type ResidentShape } from '../../../src/graph/resident/resident-graph.ts';
import { STATE_CODES } from '../../../src/graph/snapshot/state-codes.ts';
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

describe('handles', () => {
  test('name nothing once their task is gone, also where its room is used again', () => {
    const views = untouched([chain(3), chain(3)]);
    const graph = new ResidentGraph({ nowMicros: NOW });
    const task = graph.addTask(views, 0) as number;
    const [first] = graph.stepsOf(task) as [number];
    expect(graph.removeTask(task)).toBe('ok');
    const later = graph.addTask(views, 1) as number;
    expect(graph.memory().slotsTop).toBe(3);
    expect([graph.complete(first), graph.removeTask(task)]).toEqual(['stale', 'stale']);
    expect([graph.complete(-1), graph.complete(1e9), graph.complete(NaN)]).toEqual(
      Array(3).fill('unknown'),
    );
    expect(graph.status(task)).toBeUndefined();
    expect(graph.status(later)).toMatchObject({ completedSteps: 0, readySteps: 1 });
    expect(graph.openParents(first)).toBeUndefined();
  });

  test('of a step hold until compaction moves it; of a task for as long as it is here', () => {
    const views = untouched([chain(3), chain(3)]);
    const graph = graphOf(views);
    const [task, step] = [graph.findTask(2n), graph.findStep(4n)];
    remove(graph, 1n);
    while (!graph.compact());
    expect(graph.complete(step)).toBe('stale');
    expect(graph.stepId(graph.stepsOf(task)[0]!)).toBe(4n);
    expect(graph.taskOf(graph.findStep(5n))).toBe(task);
  });
});

test('a change that comes late undoes no completion', () => {
  const graph = graphOf(untouched([chain(2)]));
  const [step] = graph.stepsOf(graph.findTask(1n)) as [number];
  expect(graph.complete(step)).toBe('ok');
  expect(graph.change(step, { state: STATE_CODES.error, attempts: 1 })).toBe('stale');
  expect(graph.complete(step)).toBe('stale');
  expect(graph.rowOf(step)).toMatchObject({ state: STATE_CODES.complete, attempts: 0 });
  // unless that is what is stored
  expect(graph.correct(step, { state: STATE_CODES.pending, flags: 32 })).toBe('ok');
  expect(graph.isReady(step)).toBe(true);
});

describe('a batch', () => {
  test('tells together what is ready, which tasks are over and what can never run', () => {
    const graph = graphOf(untouched([chain(2), chain(1), chain(3)]));
    graph.takeStatusChanges();
    const step = (id: bigint): number => graph.findStep(id);
    const failed = { state: STATE_CODES.error, attempts: 3 };
    const report = graph.settleBatch({
      completed: [step(1n), step(3n), step(3n), -1],
      changed: [{ step: step(4n), change: failed }],
    });
    expect(idsOf(graph, report.newlyReady)).toEqual([2n]);
    expect(report.tasks.map(({ taskId, executionStatus }) => [taskId, executionStatus])).toEqual([
      [2n, 'all_complete'],
      [3n, 'blocked_by_failures'],
    ]);
    expect(new Set(idsOf(graph, report.deadEnds))).toEqual(new Set([4n, 5n, 6n]));
    expect(report.refused).toEqual([
      { at: 2, outcome: 'stale' },
      { at: 3, outcome: 'unknown' },
    ]);
    expect(graph.settleBatch({})).toEqual({ newlyReady: [], tasks: [], deadEnds: [], refused: [] });
  });

  test('statuses that nobody asks for do not pile up', () => {
    const views = untouched([chain(1)]);
    const graph = new ResidentGraph({ nowMicros: NOW });
    for (let time = 0; time < 5000; time++) {
      graph.addTask(views, 0);
      remove(graph, 1n);
    }
    graph.addTask(views, 0);
    expect(graph.takeStatusChanges()).toHaveLength(1);
  });
});

describe('lanes and priorities', () => {
  test('a lane is given its own tasks only, by any priority', () => {
    const views = untouched(Array.from({ length: 5 }, () => chain(1)));
    const graph = new ResidentGraph({ nowMicros: NOW, lanes: 3 });
    const priorities = [-(2 ** 31), 0, 2 ** 31 - 1, 5, 5];
    for (const [task, priority] of priorities.entries())
      graph.addTask(views, task, { priority, lane: task === 3 ? 2 : 0 });
    const into = new Float64Array(8);
    expect(graph.takeReady(into, 8, 1)).toBe(0);
    expect(graph.takeReady(into, 2)).toBe(2);
    expect(idsOf(graph, into.subarray(0, 2))).toEqual([3n, 5n]);
    expect([graph.queuedCount(0), graph.queuedCount(2), graph.queuedCount()]).toEqual([2, 1, 3]);
    expect(graph.setPriority(graph.findTask(1n), 1)).toBe('ok');
    expect(graph.takeReady(into)).toBe(2);
    expect(idsOf(graph, into.subarray(0, 2))).toEqual([1n, 2n]);
  });

  test('a priority that no task has any more leaves nothing behind', () => {
    const views = untouched([chain(1)]);
    const graph = new ResidentGraph({ nowMicros: NOW });
    graph.addTask(views, 0);
    const { queueBytes } = graph.memory();
    for (let priority = 0; priority < 20_000; priority++)
      graph.setPriority(graph.findTask(1n), priority);
    expect(graph.memory().queueBytes).toBe(queueBytes);
    remove(graph, 1n);
    expect(graph.memory().queueBytes).toBeLessThan(queueBytes);
  });
});

describe('held and parked', () => {
  test('a held task gives nothing out, whatever becomes ready, until it is resumed', () => {
    const graph = graphOf(untouched([fan(3), chain(1)]));
    const task = graph.findTask(1n);
    const first = take(graph);
    expect(graph.holdTask(task)).toBe('ok');
    graph.complete(first);
    expect(takeAll(graph)).toEqual([6n]);
    expect(graph.status(task)).toMatchObject({ readySteps: 3, executionStatus: 'has_ready_steps' });
    expect(graph.resumeTask(task)).toBe('ok');
    expect(takeAll(graph)).toEqual([2n, 3n, 4n]);
  });

  test('steps parked under a key come back as many as are asked for, the first parked first', () => {
    const graph = graphOf(untouched([fan(4)]));
    graph.complete(take(graph));
    const into = new Float64Array(4);
    graph.takeReady(into);
    for (const step of into) expect(graph.park(step, 'card')).toBe('ok');
    expect(graph.park(graph.findStep(6n), 'card')).toBe('stale');
    graph.change(into[1]!, { state: STATE_CODES.cancelled });
    expect([graph.unpark('mail'), graph.unpark('card', 2)]).toEqual([0, 2]);
    expect(takeAll(graph)).toEqual([2n, 4n]);
    expect([graph.unpark('card'), graph.unpark('card')]).toEqual([1, 0]);
    expect(takeAll(graph)).toEqual([5n]);
  });
});

test('a task begins at its own start, and not before', () => {
  const views = untouched([chain(2), chain(2)]);
  const graph = new ResidentGraph({ nowMicros: NOW });
  const task = graph.addTask(views, 0, { startAt: NOW + 1000 }) as number;
  expect([graph.queuedCount(), graph.nextDueAt()]).toEqual([0, NOW + 1000]);
  expect(graph.status(task)!.executionStatus).toBe('waiting_for_dependencies');
  graph.setStart(task, NOW + 500);
  graph.advance(NOW + 499);
  expect(graph.queuedCount()).toBe(0);
  graph.advance(NOW + 500);
  expect(takeAll(graph)).toEqual([1n]);
  graph.complete(graph.findStep(1n));
  expect(takeAll(graph)).toEqual([2n]);
  const later = graph.addTask(views, 1) as number;
  graph.setStart(later, Infinity);
  expect([graph.queuedCount(), graph.waitsUntil(graph.findStep(3n))]).toEqual([0, Infinity]);
  graph.setStart(later, NaN);
  expect(graph.queuedCount()).toBe(1);
});

describe('a known shape', () => {
  const diamond = {
    offsets: Uint32Array.from([0, 2, 3, 4, 4]),
    children: Uint32Array.from([1, 2, 3, 3]),
  };
  const ids = (from: number, count: number): BigInt64Array =>
    BigInt64Array.from({ length: count }, (_, at) => BigInt(from + at));

  test('adds tasks that run like those of a snapshot', () => {
    const graph = new ResidentGraph({ nowMicros: NOW, columns: { token: 'i64', named: 'i32' } });
    const columns = { named: [7, 8, 9, 10] };
    const shape = graph.defineShape({ ...diamond, columns }) as ResidentShape;
    const tasks = graph.addTasks(shape, {
      taskIds: ids(1, 3),
      stepIds: ids(100, 12),
      priority: [1, 3, 2],
    });
    expect(tasks).toHaveLength(3);
    expect(idsOf(graph, graph.newlyReady)).toEqual([100n, 104n, 108n]);
    const order: bigint[] = [];
    for (let step = take(graph); step !== -1; step = take(graph)) {
      order.push(graph.stepId(step)!);
      expect(graph.getValue('named', step)).toBe(7 + graph.positionOf(step));
      expect(graph.getValue('token', step)).toBe(0n);
      graph.complete(step);
    }
    expect(order).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3].map((at) => BigInt(100 + at)));
    expect(graph.shapeCount).toBe(1);
  });

  test('adds all or none', () => {
    const graph = graphOf(untouched([chain(2)]));
    const shape = graph.defineShape(diamond) as ResidentShape;
    const before = graph.memory();
    const stepIds = ids(100, 12);
    expect(graph.addTasks(shape, { taskIds: [5n, 6n, 1n], stepIds })).toBe('task-present');
    expect(graph.addTasks(shape, { taskIds: [5n, 6n, 5n], stepIds })).toBe('task-present');
    stepIds[10] = 1000n;
    stepIds[11] = 100n;
    expect(graph.addTasks(shape, { taskIds: [5n, 6n, 7n], stepIds })).toBe('bad-rows');
    stepIds.set([1n, 101n, 102n, 103n], 8);
    expect(graph.addTasks(shape, { taskIds: [5n, 6n, 7n], stepIds })).toBe('step-present');
    expect(graph.memory()).toMatchObject({ slotsTop: before.slotsTop, slotsFree: 0 });
    expect([graph.taskCount, graph.queuedCount()]).toEqual([1, 1]);
    expect(graph.findStep(100n)).toBe(-1);
    const few = new ResidentGraph({ nowMicros: NOW, maxSteps: 7 });
    const small = few.defineShape(diamond) as ResidentShape;
    expect(few.addTasks(small, { taskIds: ids(1, 2), stepIds: ids(1, 8) })).toBe('full');
    expect(few.addTasks(small, { taskIds: ids(1, 1), stepIds: ids(1, 4) })).toHaveLength(1);
  });

  test('is refused where it has a circle or arrays that do not fit', () => {
    const graph = new ResidentGraph({ nowMicros: NOW });
    const offsets = Uint32Array.from([0, 1, 2]);
    for (const [field, definition] of [
      ['children', { offsets, children: Uint32Array.from([1, 0]) }],
      ['children[0]', { offsets, children: Uint32Array.from([2, 0]) }],
      ['offsets', { offsets, children: Uint32Array.from([1]) }],
      ['flags.length', { ...diamond, flags: new Uint8Array(3) }],
      ['column', { ...diamond, columns: { token: [1, 2, 3, 4] } }],
    ] as const) {
      expect(() => graph.defineShape(definition)).toThrow(
        expect.objectContaining({
          code: 'TASKER_BAD_ARGUMENT',
          data: expect.objectContaining({ field }),
        }),
      );
    }
    expect(graph.shapeCount).toBe(0);
  });
});

test('values of the caller move with their steps', () => {
  const views = untouched([chain(3), chain(3)]);
  const graph = new ResidentGraph({ nowMicros: NOW, columns: { token: 'i64', handler: 'i32' } });
  for (const task of [0, 1]) graph.addTask(views, task);
  expect(graph.setValue('token', graph.findStep(5n), 2n ** 62n)).toBe('ok');
  expect(graph.setValue('handler', graph.findStep(5n), -4)).toBe('ok');
  remove(graph, 1n);
  while (!graph.compact());
  expect(graph.getValue('token', graph.findStep(5n))).toBe(2n ** 62n);
  expect(graph.getValue('handler', graph.findStep(5n))).toBe(-4);
  graph.addTask(views, 0);
  expect(graph.getValue('token', graph.findStep(2n))).toBe(0n);
  expect(() => graph.getValue('tokens', 1)).toThrow(/tokens.*one of token,handler/);
  expect(() => graph.setValue('token', graph.findStep(5n), 1)).toThrow(/a bigint/);
});

test('verify names what differs from a fresh resolution', () => {
  const views = untouched([chain(3), fan(2)]);
  const graph = graphOf(views);
  expect(graph.verify(views)).toEqual([]);
  graph.complete(graph.findStep(1n));
  views.state[5] = STATE_CODES.in_progress;
  const seen = graph.verify(views).map(({ stepId, what }) => `${stepId}: ${what}`);
  expect(seen).toEqual(
    expect.arrayContaining(['1: state', '2: openParents', '2: resultBits', '6: state']),
  );
  expect(graph.verify(views)[0]).toMatchObject({ taskId: 1n, resident: STATE_CODES.complete });
});

describe('what cannot be is refused by code', () => {
  const graph = (): ResidentGraph => new ResidentGraph({ nowMicros: NOW, lanes: 2 });
  const views = untouched([chain(1)]);
  test.each<readonly [string, () => unknown]>([
    ['rules', () => new ResidentGraph({ nowMicros: NOW, rules: 'ruby' as never })],
    ['nowMicros', () => new ResidentGraph({ nowMicros: NaN })],
    ['nowMicros', () => graph().advance(Infinity)],
    ['maxSteps', () => new ResidentGraph({ nowMicros: NOW, maxSteps: 0 })],
    ['maxSteps', () => new ResidentGraph({ nowMicros: NOW, maxSteps: 1.5 })],
    ['maxGraphWords', () => new ResidentGraph({ nowMicros: NOW, maxGraphWords: 2 ** 40 })],
    ['lanes', () => new ResidentGraph({ nowMicros: NOW, lanes: 0 })],
    ['columns.a', () => new ResidentGraph({ nowMicros: NOW, columns: { a: 'f32' as never } })],
    ['task', () => graph().addTask(views, 1)],
    ['priority', () => graph().addTask(views, 0, { priority: 2 ** 31 })],
    ['priority', () => graph().addTask(views, 0, { priority: 0.5 })],
    ['lane', () => graph().addTask(views, 0, { lane: 2 })],
    ['startAt', () => graph().addTask(views, 0, { startAt: -Infinity })],
    ['most', () => graph().takeReady(new Float64Array(1), 2)],
    ['most', () => graph().unpark('key', -1)],
    ['budget', () => graph().compact(-1)],
  ])('%s', (field, act) => {
    expect(act).toThrow(
      expect.objectContaining({
        code: 'TASKER_BAD_ARGUMENT',
        data: expect.objectContaining({ field }),
      }),
    );
  });
});

test('a graph with a large limit reserves no more than it needs', () => {
  const graphs = Array.from({ length: 50 }, () => graphOf(untouched([chain(2)])));
  for (const graph of graphs) expect(graph.memory().totalBytes).toBeLessThan(200_000);
});
