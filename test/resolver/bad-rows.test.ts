import { describe, expect, test } from 'vitest';

import { parseInstant } from '../../src/graph/snapshot/instants.ts';
import { STEP_FLAGS } from '../../src/graph/snapshot/layout.ts';
import { StagedRows } from '../../src/graph/snapshot/staged-rows.ts';
import { STATE_CODES } from '../../src/graph/snapshot/state-codes.ts';
import {
  rowsSource,
  type RowsInput,
  type StepInput,
} from '../../src/resolver/sources/rows-source.ts';
import { answersOf, type Answers } from '../support/answers.ts';

const AT = '2026-01-01T00:00:00';
const NOW = parseInstant('2026-02-01T00:00:00') as number;

const task = (id: number): RowsInput['tasks'][number] => ({ task_id: id, named_task_id: 1 });
const step = (id: number, task_id: number): StepInput => ({
  workflow_step_id: id,
  task_id,
  named_step_id: 1,
});
const edge = (from: number, to: number): RowsInput['edges'][number] => ({
  from_step_id: from,
  to_step_id: to,
});
const now = (
  id: number,
  of: number,
  to_state: string,
): NonNullable<RowsInput['stepTransitions']>[number] => ({
  id,
  workflow_step_id: of,
  to_state,
  most_recent: true,
  created_at: AT,
});

/** Two tasks of two steps; the second is never at fault. */
const SOUND: RowsInput = {
  tasks: [task(1), task(2)],
  steps: [step(11, 1), step(12, 1), step(21, 2), step(22, 2)],
  edges: [edge(11, 12), edge(21, 22)],
  stepTransitions: [],
  taskTransitions: [],
};

const run = (input: RowsInput, chunkSteps = 1000): Promise<Answers> =>
  answersOf(rowsSource(input), { backend: 'inline', nowMicros: NOW, chunkSteps });

const codes = ({ summary }: Answers): string[] => summary.problems.map((problem) => problem.code);

/** Nothing is dropped in silence: what was read is answered or set apart, and the summary says why. */
function expectCounted({ summary, readiness, contexts }: Answers, input: RowsInput): void {
  const { counts, read } = summary;
  expect(read.tasks).toBe(input.tasks.length);
  expect(counts.tasks + counts.tasksSetApart).toBe(read.tasks);
  expect(counts.steps + counts.stepsSetApart).toBe(read.steps);
  expect(contexts).toHaveLength(counts.tasks);
  expect(readiness).toHaveLength(counts.steps);
  expect(summary.problemCount).toBe(summary.problems.length);
  const strays = summary.problems.filter(
    (problem) => problem.code === 'TASKER_UNKNOWN_TASK',
  ).length;
  expect(read.steps + strays).toBe(input.steps.length);
  const lost = summary.problems.filter((problem) =>
    problem.message.includes('leads to a step'),
  ).length;
  expect(read.edges + lost).toBe(input.edges.length);
}

describe.each([1, 1000])('in chunks of %i steps', (chunkSteps) => {
  test.each<[string, RowsInput, string, bigint]>([
    [
      'two current transitions of a step',
      { ...SOUND, stepTransitions: [now(5, 11, 'complete'), now(6, 11, 'error')] },
      'step_transitions',
      6n,
    ],
    [
      'two current transitions of a task',
      {
        ...SOUND,
        taskTransitions: [7, 8].map((id) => ({
          id,
          task_id: 1,
          to_state: 'error',
          most_recent: true,
        })),
      },
      'task_transitions',
      8n,
    ],
    ['a task twice', { ...SOUND, tasks: [task(1), task(2), task(1)] }, 'tasks', 1n],
    ['a step twice', { ...SOUND, steps: [...SOUND.steps, step(11, 1)] }, 'steps', 11n],
  ])(
    '%s: the task is set apart, the row is named, the other task is answered',
    async (_name, input, table, id) => {
      const answers = await run(input, chunkSteps);
      expectCounted(answers, input);
      expect(answers.contexts.map((row) => row.task_id)).toStrictEqual([2n]);
      expect(answers.readiness.map((row) => row.workflow_step_id)).toStrictEqual([21n, 22n]);
      expect(answers.levels).toHaveLength(2);
      expect(answers.ready).toStrictEqual([21n]);
      expect(answers.summary.problems).not.toHaveLength(0);
      for (const problem of answers.summary.problems) {
        expect(problem).toMatchObject({
          code: 'TASKER_BAD_ROW',
          table,
          id,
          taskId: 1n,
          refused: true,
        });
        expect(problem.message).toContain(String(id));
      }
    },
  );
});

test('a task that stands in the input twice is reported once', async () => {
  const answers = await run({ ...SOUND, tasks: [task(1), task(1), task(2)] });
  expect(answers.summary.problemCount).toBe(1);
  expect(answers.summary.counts).toMatchObject({ tasks: 1, tasksSetApart: 2 });
});

test('a step in two tasks sets both apart', async () => {
  const input = {
    ...SOUND,
    tasks: [...SOUND.tasks, task(3)],
    steps: [...SOUND.steps, step(11, 2), step(31, 3)],
  };
  const answers = await run(input);
  expectCounted(answers, input);
  expect(answers.contexts.map((row) => row.task_id)).toStrictEqual([3n]);
});

test.each([0, 1])(
  'whichever comes first, a step with two states is an unfinished parent (%i)',
  async (first) => {
    const twice = [now(5, 11, 'complete'), now(6, 11, 'error')];
    const input = {
      ...SOUND,
      edges: [...SOUND.edges, edge(11, 21)],
      stepTransitions: first === 0 ? twice : twice.toReversed(),
    };
    const answers = await run(input);
    expect(answers.ready).toStrictEqual([]);
    expect(answers.readiness[0]).toMatchObject({ workflow_step_id: 21n, completed_parents: 0 });
  },
);

test('an edge from a step that does not exist counts as an unfinished parent and is named', async () => {
  const input = { ...SOUND, edges: [...SOUND.edges, edge(99, 21), edge(99, 22), edge(98, 21)] };
  const answers = await run(input, 1);
  expectCounted(answers, input);
  expect(codes(answers)).toStrictEqual(Array(3).fill('TASKER_DANGLING_EDGE'));
  expect(answers.summary.problems.map((row) => [row.id, row.taskId, row.refused])).toStrictEqual([
    [99n, 2n, false],
    [99n, 2n, false],
    [98n, 2n, false],
  ]);
  expect(answers.readiness[2]).toMatchObject({ total_parents: 2, completed_parents: 0 });
  expect(answers.ready).toStrictEqual([11n]);
});

test('an edge to a step that does not exist changes no answer and is named', async () => {
  const input = { ...SOUND, edges: [...SOUND.edges, edge(11, 99), edge(97, 99)] };
  const answers = await run(input);
  expectCounted(answers, input);
  expect(answers.summary.problems).toMatchObject([
    { code: 'TASKER_DANGLING_EDGE', table: 'edges', id: 99n, taskId: undefined },
    { code: 'TASKER_DANGLING_EDGE', table: 'edges', id: 99n, taskId: undefined },
  ]);
  expect(answers.ready).toStrictEqual([11n, 21n]);
});

test('a step whose task does not exist is left out, named, and still a parent by its row', async () => {
  const input = {
    ...SOUND,
    steps: [step(91, 9), ...SOUND.steps, step(92, 9)],
    edges: [...SOUND.edges, edge(91, 11), edge(92, 21), edge(11, 91)],
    stepTransitions: [now(1, 91, 'complete'), now(2, 92, 'cancelled'), now(3, 92, 'complete')],
  };
  const answers = await run(input);
  expect(answers.summary.read.steps).toBe(4);
  expect(answers.summary.problems).toMatchObject([
    { code: 'TASKER_UNKNOWN_TASK', table: 'steps', id: 91n, taskId: 9n },
    { code: 'TASKER_UNKNOWN_TASK', table: 'steps', id: 92n, taskId: 9n },
    { code: 'TASKER_BAD_ROW', table: 'step_transitions', id: 3n, taskId: undefined },
  ]);
  expect(answers.ready).toStrictEqual([11n]);
});

test('transitions of steps and tasks that do not exist are left out and named', async () => {
  const { id: _id, ...unnamed } = now(0, 98, 'error');
  const answers = await run({
    ...SOUND,
    stepTransitions: [now(5, 99, 'complete'), unnamed],
    taskTransitions: [
      { id: 6, task_id: 9, to_state: 'complete', most_recent: true },
      { task_id: 8, to_state: 'complete', most_recent: true },
      { task_id: 7, to_state: 'complete', most_recent: false },
    ],
  });
  expect(answers.summary.problems).toMatchObject([
    { code: 'TASKER_BAD_ROW', table: 'step_transitions', id: 5n },
    { code: 'TASKER_BAD_ROW', table: 'step_transitions', id: 98n },
    { code: 'TASKER_BAD_ROW', table: 'task_transitions', id: 6n, taskId: 9n },
    { code: 'TASKER_BAD_ROW', table: 'task_transitions', id: 8n, taskId: 8n },
  ]);
  expect(answers.summary.counts.tasks).toBe(2);
});

test('a row whose id was not read is not given that of another', async () => {
  const { id: _step, ...unnamed } = now(0, 11, 'error');
  const unnamedTask = { task_id: 1, to_state: 'complete', most_recent: true };
  const answers = await run({
    ...SOUND,
    stepTransitions: [unnamed, unnamed],
    taskTransitions: [unnamedTask, unnamedTask],
  });
  expect(answers.summary.problems.map(({ message }) => message)).toStrictEqual([
    'A row of step_transitions is the second current transition of step 11; task 1 is set apart.',
    'A row of task_transitions is the second current transition of task 1; task 1 is set apart.',
  ]);
});

test('124 unknown state texts are kept, the next one is refused by code', async () => {
  const states = Array.from({ length: 125 }, (_, at) => `state ${at}`);
  const many = (count: number): RowsInput => ({
    tasks: [task(1)],
    steps: states.slice(0, count).map((_, at) => step(at + 1, 1)),
    edges: [],
    stepTransitions: states.slice(0, count).map((state, at) => now(at + 1, at + 1, state)),
  });
  const answers = await run(many(124));
  expect(answers.readiness.map((row) => row.current_state)).toStrictEqual(states.slice(0, 124));
  await expect(run(many(125))).rejects.toMatchObject({
    code: 'TASKER_TOO_LARGE',
    data: { state: 'state 124' },
  });
});

test('unknown task ids are reported, known ones answered, each once', async () => {
  const source = rowsSource(SOUND, [2n, 77n, 1n, 2n, -5n]);
  const progress: number[][] = [];
  const answers = await answersOf(source, {
    backend: 'inline',
    chunkSteps: 1,
    onProgress: ({ done, total }) => progress.push([done, total ?? -1]),
  });
  expect(answers.summary.unknownTasks).toStrictEqual([-5n, 77n]);
  expect(answers.contexts.map((row) => row.task_id)).toStrictEqual([1n, 2n]);
  expect(progress).toStrictEqual([
    [1, 2],
    [2, 2],
  ]);
  const one = await answersOf(rowsSource(SOUND, [2n]), {
    backend: 'inline',
    onProgress: ({ done, total }) => progress.push([done, total ?? -1]),
  });
  expect(one.summary.read.tasks).toBe(1);
  expect(progress.at(-1)).toStrictEqual([1, 1]);
});

describe('staged rows', () => {
  test('foreign steps staged later are found, and what is found nowhere is staged and reported', () => {
    const rows = new StagedRows();
    const stage = (id: bigint, of: bigint): number => {
      const at = rows.nextStep();
      rows.stepIds.ids[at] = id;
      rows.stepTaskIds.ids[at] = of;
      return at;
    };
    rows.taskIds.ids[rows.nextTask()] = 1n;
    stage(10n, 1n);
    rows.indexSteps();
    for (const [from, to] of [
      [50n, 10n],
      [51n, 10n],
      [50n, 10n],
      [10n, 60n],
    ] as const) {
      const at = rows.nextEdge();
      rows.edgeFrom.ids[at] = from;
      rows.edgeTo.ids[at] = to;
    }
    expect(rows.unknownParents()).toStrictEqual([50n, 51n]);
    const foreign = stage(50n, 2n);
    rows.indexForeign(foreign);
    rows.setStepState(foreign, STATE_CODES.complete, NaN);
    expect(rows.flags[foreign]! & STEP_FLAGS.transitioned).not.toBe(0);
    expect(rows.findStep(50, 0)).toBe(foreign);
    expect(rows.findStep(51, 0)).toBe(-1);
    expect(rows.taskOfStep(0)).toBe(0);
    expect(rows.taskOfStep(foreign)).toBe(-1);
    rows.indexEdges(true);
    expect([...rows.parents]).toStrictEqual([foreign, foreign + 1, foreign]);
    expect(rows.problems.map((problem) => problem.id)).toStrictEqual([51n]);
  });

  test('a task is found for every step, empty tasks between them', () => {
    const rows = new StagedRows();
    for (let at = 0; at < 200; at++) {
      const added = rows.nextTask(); // may replace the array
      rows.taskIds.ids[added] = BigInt(at);
    }
    for (let at = 0; at < 600; at++) {
      const step600 = rows.nextStep();
      rows.stepIds.ids[step600] = BigInt(at);
      rows.stepTaskIds.ids[step600] = BigInt((at % 3) * 99);
    }
    rows.indexSteps();
    const tasks = Array.from({ length: 600 }, (_, at) => rows.taskOfStep(at));
    expect(tasks).toStrictEqual(Array.from({ length: 600 }, (_, at) => Math.floor(at / 200) * 99));
  });

  test('rows that are forgotten leave nothing behind for the next ones', async () => {
    const rows = new StagedRows();
    const fill = (state: number): void => {
      rows.taskIds.ids[rows.nextTask()] = 1n;
      const at = rows.nextStep();
      rows.stepIds.ids[at] = 1n;
      rows.stepTaskIds.ids[at] = 1n;
      rows.indexSteps();
      if (state !== 0) {
        rows.setStepState(at, state, 77);
        rows.setStepState(at, state, 77);
        rows.setTaskState(0, state);
        rows.setTaskState(0, state);
      }
    };
    fill(STATE_CODES.error);
    expect(rows.problems.map((problem) => problem.table)).toStrictEqual([
      'step_transitions',
      'task_transitions',
    ]);
    rows.states.code('strange');
    rows.reset();
    fill(0);
    expect(rows.problems).toStrictEqual([]);
    expect(rows.states.foreign).toStrictEqual([]);
    expect([
      rows.state[0],
      rows.flags[0],
      rows.taskState[0],
      rows.taskFlags[0],
      rows.failedAt[0],
    ]).toStrictEqual([0, 0, 0, 0, NaN]);
  });
});

test('a stray step stands behind the owned ones, however many tasks have none', async () => {
  const input = {
    tasks: [1, 8, 22].map((id) => ({ task_id: id, named_task_id: 1 })),
    steps: [
      { workflow_step_id: 1, task_id: 15, named_step_id: 1 },
      { workflow_step_id: 2_147_483_651, task_id: 22, named_step_id: 1 },
    ],
    edges: [],
  };
  const { readiness, summary } = await answersOf(rowsSource(input), { backend: 'inline' });
  expect(readiness.map((row) => row.workflow_step_id)).toEqual([2_147_483_651n]);
  expect(summary.problems.map((problem) => problem.code)).toEqual(['TASKER_UNKNOWN_TASK']);
});
