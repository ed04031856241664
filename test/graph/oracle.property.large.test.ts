import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';

import { readinessRow, type ReadinessRow } from '../../src/graph/kernels/answer-rows.ts';
import type { Rules } from '../../src/graph/rules/rules.ts';
import { createResolver } from '../../src/resolver/resolver.ts';
import { rowsSource, type RowsInput } from '../../src/resolver/sources/rows-source.ts';
import { answersOf, type Answers } from '../support/answers.ts';
import { rowsCaseArb, shuffledRows } from '../support/arbitraries.ts';
import { askOracle } from '../support/oracle.ts';

const RULES: readonly Rules[] = ['rails', 'engine'];
const resolvers = {
  rails: createResolver({ backend: 'inline', rules: 'rails' }),
  engine: createResolver({ backend: 'inline', rules: 'engine' }),
};
afterAll(async () => {
  await Promise.all([resolvers.rails.stop(), resolvers.engine.stop()]);
});

const ask = (
  input: RowsInput,
  rules: Rules,
  nowMicros: number,
  chunkSteps = 1_000_000,
  taskIds?: bigint[],
): Promise<Answers> =>
  answersOf(rowsSource(input, taskIds), {
    resolver: resolvers[rules],
    rules,
    nowMicros,
    chunkSteps,
  });

const rowsOf = ({ readiness, contexts, levels, ready }: Answers): unknown => ({
  readiness,
  contexts,
  levels,
  ready,
});

const cyclicTasks = (answers: Answers): bigint[] => [
  ...new Set(answers.summary.cycles.map((cycle) => cycle.taskId)),
];

/** The same rows, each decoded by itself. */
function rowByRow({ chunks, readiness }: Answers): ReadinessRow[] {
  const [chunk] = chunks;
  if (chunk === undefined) return [];
  const { views } = chunk.snapshot;
  const taskIds = [...views.taskId];
  const stepIds = [...views.stepId];
  return readiness.map((row) =>
    readinessRow(
      chunk.snapshot,
      taskIds.indexOf(row.task_id),
      stepIds.indexOf(row.workflow_step_id),
    ),
  );
}

/** Every path of a cycle is made of edges of the input, the last one leading back to the first. */
function expectRealCycles(input: RowsInput, answers: Answers): void {
  const edges = new Set(input.edges.map((edge) => `${edge.from_step_id}>${edge.to_step_id}`));
  const taskOf = new Map(input.steps.map((step) => [step.workflow_step_id, step.task_id]));
  for (const { path, taskId, message } of answers.summary.cycles) {
    expect(new Set(path).size).toBe(path.length);
    for (const [at, from] of path.entries()) {
      expect(taskOf.get(from)).toBe(taskId);
      expect(edges).toContain(`${from}>${path[(at + 1) % path.length]}`);
    }
    expect(message).toContain([...path, path[0]].join(' -> '));
  }
}

/** Counts in = counts out. */
function expectAllCounted(input: RowsInput, answers: Answers): void {
  const { counts, read } = answers.summary;
  expect(read.tasks).toBe(input.tasks.length);
  expect(read.steps).toBe(input.steps.length);
  expect(read.edges).toBe(input.edges.length);
  expect(counts.tasks + counts.tasksSetApart).toBe(read.tasks);
  expect(counts.steps + counts.stepsSetApart).toBe(read.steps);
  expect(counts.edges).toBe(read.edges);
  expect(counts.ready).toBe(answers.ready.length);
  expect(counts.cycles).toBe(answers.summary.cycles.length);
}

// fast-check prints seed and path of a counterexample with the failure
describe.each(RULES)('under %s rules', (rules) => {
  test('every column is what the oracle says', async () => {
    await fc.assert(
      fc.asyncProperty(rowsCaseArb({ maxTasks: 5, maxSteps: 7 }), async ({ input, nowMicros }) => {
        const expected = askOracle(input, rules, nowMicros);
        const answers = await ask(input, rules, nowMicros);
        expect(answers.readiness).toStrictEqual(expected.readiness);
        expect(answers.contexts).toStrictEqual(expected.contexts);
        expect(answers.levels).toStrictEqual(expected.levels);
        expect(answers.ready).toStrictEqual(
          expected.readiness
            .filter((row) => row.ready_for_execution)
            .map((row) => row.workflow_step_id),
        );
        expect(cyclicTasks(answers)).toStrictEqual(expected.cyclicTasks);
        expectRealCycles(input, answers);
        expectAllCounted(input, answers);
        expect(rowByRow(answers)).toStrictEqual(answers.readiness);
      }),
      { numRuns: 4000 },
    );
  });

  test('larger tasks, too', async () => {
    await fc.assert(
      fc.asyncProperty(rowsCaseArb({ maxTasks: 2, maxSteps: 40 }), async ({ input, nowMicros }) => {
        const expected = askOracle(input, rules, nowMicros);
        const answers = await ask(input, rules, nowMicros);
        expect(answers.readiness).toStrictEqual(expected.readiness);
        expect(answers.contexts).toStrictEqual(expected.contexts);
        expect(answers.levels).toStrictEqual(expected.levels);
        expect(cyclicTasks(answers)).toStrictEqual(expected.cyclicTasks);
        expectRealCycles(input, answers);
      }),
      { numRuns: 150 },
    );
  });

  test('the order of tasks, steps, edges and transitions does not matter', async () => {
    const twice = rowsCaseArb({ maxTasks: 5, maxSteps: 7 }).chain(({ input, nowMicros }) =>
      shuffledRows(input).map((other) => ({ input, other, nowMicros })),
    );
    await fc.assert(
      fc.asyncProperty(twice, async ({ input, other, nowMicros }) => {
        const answers = await ask(input, rules, nowMicros);
        expect(rowsOf(await ask(other, rules, nowMicros))).toStrictEqual(rowsOf(answers));
      }),
      { numRuns: 400 },
    );
  });

  test('a batch is the union of its single tasks', async () => {
    await fc.assert(
      fc.asyncProperty(rowsCaseArb({ maxTasks: 5, maxSteps: 6 }), async ({ input, nowMicros }) => {
        const batch = await ask(input, rules, nowMicros);
        const ids = input.tasks
          .map((task) => BigInt(task.task_id))
          .toSorted((a, b) => (a < b ? -1 : 1));
        const union: Pick<Answers, 'readiness' | 'contexts' | 'levels' | 'ready'> = {
          readiness: [],
          contexts: [],
          levels: [],
          ready: [],
        };
        for (const id of ids) {
          const single = await ask(input, rules, nowMicros, 1_000_000, [id]);
          expect(single.summary.read.tasks).toBe(1);
          union.readiness.push(...single.readiness);
          union.contexts.push(...single.contexts);
          union.levels.push(...single.levels);
          union.ready.push(...single.ready);
        }
        expect(union).toStrictEqual(rowsOf(batch));
      }),
      { numRuns: 250 },
    );
  });

  test('the size of chunks does not matter', async () => {
    await fc.assert(
      fc.asyncProperty(rowsCaseArb({ maxTasks: 6, maxSteps: 6 }), async ({ input, nowMicros }) => {
        const whole = await ask(input, rules, nowMicros);
        expect(whole.summary.chunks).toBe(input.tasks.length === 0 ? 0 : 1);
        for (const chunkSteps of [1, 2, 3, 7, input.steps.length + 1]) {
          const cut = await ask(input, rules, nowMicros, chunkSteps);
          expect(rowsOf(cut)).toStrictEqual(rowsOf(whole));
          expect(cut.summary.counts).toStrictEqual(whole.summary.counts);
          expect(cut.summary.cycles).toStrictEqual(whole.summary.cycles);
          expect(cut.summary.problems).toStrictEqual(whole.summary.problems);
        }
      }),
      { numRuns: 250 },
    );
  });

  test('time only ever makes steps ready, and nothing else moves', async () => {
    const later = fc.tuple(rowsCaseArb({ maxTasks: 3, maxSteps: 6 }), fc.nat({ max: 40_000_000 }));
    await fc.assert(
      fc.asyncProperty(later, async ([{ input, nowMicros }, wait]) => {
        const before = await ask(input, rules, nowMicros);
        const after = await ask(input, rules, nowMicros + wait);
        expect(after.ready).toEqual(expect.arrayContaining(before.ready));
        const still = ({ readiness }: Answers): unknown =>
          readiness.map((row) => ({ ...row, ready_for_execution: null }));
        expect(still(after)).toStrictEqual(still(before));
      }),
      { numRuns: 250 },
    );
  });
});
