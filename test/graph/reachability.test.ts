import { expect, test } from 'vitest';

import { RESULT_BITS } from '../../src/graph/snapshot/layout.ts';
import { reachableFrom } from '../../src/graph/kernels/reachability.ts';
import { resolveTaskRange } from '../../src/graph/kernels/resolve.ts';
import { Scratch } from '../../src/graph/snapshot/topological-order.ts';
import { snapshotOf } from '../support/answers.ts';
import { chain, plannedViews } from '../support/large-snapshots.ts';

/** Two tasks: 1 → 2 → 3 with 2 → 2 and twice 1 → 3, and 11 → 12; 2 → 12 crosses over. */
const twoTasks = await snapshotOf({
  tasks: [
    { task_id: 1, named_task_id: 1 },
    { task_id: 2, named_task_id: 1 },
  ],
  steps: [1, 2, 3, 11, 12].map((id) => ({
    workflow_step_id: id,
    task_id: id > 10 ? 2 : 1,
    named_step_id: 1,
  })),
  edges: [
    [1, 2],
    [2, 2],
    [2, 3],
    [1, 3],
    [1, 3],
    [11, 12],
    [2, 12],
    [99, 1],
  ].map(([from, to]) => ({ from_step_id: from!, to_step_id: to! })),
});

const reached = (starts: number[], direction: 'children' | 'parents'): number[] =>
  [...reachableFrom(twoTasks.views, starts, direction)].flatMap((mark, node) =>
    mark === 1 ? [node] : [],
  );

test('descendants, the start included, across tasks', () => {
  expect(reached([1], 'children')).toStrictEqual([1, 2, 4]);
  expect(reached([2], 'children')).toStrictEqual([2]);
  expect(reached([3, 3, 2], 'children')).toStrictEqual([2, 3, 4]);
});

test('ancestors, a step that is not in the snapshot included', () => {
  expect(twoTasks.views.counts.ghosts).toBe(1);
  expect(reached([2], 'parents')).toStrictEqual([0, 1, 2, 5]);
  expect(reached([5], 'parents')).toStrictEqual([5]);
  expect(reached([5], 'children')).toStrictEqual([0, 1, 2, 4, 5]);
  expect(reached([], 'parents')).toStrictEqual([]);
});

test('a chain of 1,000,000 steps is walked without recursion', () => {
  const views = plannedViews([chain(1_000_000)]);
  expect(reachableFrom(views, [0], 'children').every((mark) => mark === 1)).toBe(true);
  expect(reachableFrom(views, [999_999], 'parents').every((mark) => mark === 1)).toBe(true);
});

test('under engine rules dead steps, unreachable steps and steps on a cycle are told apart', async () => {
  const steps = [1, 2, 3, 4, 5].map((id) => ({
    workflow_step_id: id,
    task_id: 1,
    named_step_id: 1,
  }));
  const at = '2026-01-01T00:00:00';
  const transition = (id: number, to_state: string): object => ({ workflow_step_id: id, to_state });
  const { views } = await snapshotOf({
    tasks: [{ task_id: 1, named_task_id: 1 }],
    steps,
    edges: [
      { from_step_id: 5, to_step_id: 4 },
      { from_step_id: 4, to_step_id: 3 },
      { from_step_id: 4, to_step_id: 2 },
    ],
    stepTransitions: [transition(5, 'cancelled'), transition(2, 'complete')].map((row) => ({
      ...(row as { workflow_step_id: number; to_state: string }),
      most_recent: true,
      created_at: at,
    })),
  });
  const parameters = { rules: 'engine', nowMicros: 0, contexts: true, levels: true } as const;
  resolveTaskRange(views, parameters, 0, 1, new Scratch());
  const { dead, unreachable } = RESULT_BITS;
  expect([...views.bits].map((bits) => bits & (dead | unreachable))).toStrictEqual([
    0,
    0,
    unreachable,
    unreachable,
    dead,
  ]);
});

test('under engine rules no step of a task with a cycle is ready, and done ones stay done', async () => {
  const { views } = await snapshotOf({
    tasks: [{ task_id: 1, named_task_id: 1 }],
    steps: [1, 2, 3, 4].map((id) => ({ workflow_step_id: id, task_id: 1, named_step_id: 1 })),
    edges: [
      { from_step_id: 2, to_step_id: 3 },
      { from_step_id: 3, to_step_id: 2 },
    ],
    stepTransitions: [
      {
        workflow_step_id: 4,
        to_state: 'complete',
        most_recent: true,
        created_at: '2026-01-01T00:00:00',
      },
    ],
  });
  const parameters = { rules: 'engine', nowMicros: 0, contexts: true, levels: true } as const;
  resolveTaskRange(views, parameters, 0, 1, new Scratch());
  const { ready, unreachable, onCycle } = RESULT_BITS;
  expect([...views.bits].map((bits) => bits & (ready | unreachable | onCycle))).toStrictEqual([
    unreachable,
    unreachable | onCycle,
    unreachable | onCycle,
    0,
  ]);
  expect(views.readySteps[0]).toBe(0);
});
