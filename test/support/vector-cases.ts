import fc from 'fast-check';

import { parseInstant } from '../../src/graph/snapshot/instants.ts';
import type {
  EdgeInput,
  StepInput,
  StepTransitionInput,
  TaskInput,
  TaskTransitionInput,
} from '../../src/resolver/sources/rows-source.ts';
import { badRowsCaseArb, rowsCaseArb, type RowsCase } from './arbitraries.ts';
import { goldenMeta, goldenRows, type GoldenSet } from './golden.ts';

/** What the recorded cases are drawn from. */
export const VECTOR_SEED = 20_260_101;

/** The random rows behind `random.bin` and `random.txt`, in the order of both. */
export function randomCases(): RowsCase[] {
  const seed = { seed: VECTOR_SEED };
  const small = fc.sample(rowsCaseArb({ maxTasks: 5, maxSteps: 7 }), { ...seed, numRuns: 350 });
  const large = fc.sample(rowsCaseArb({ maxTasks: 2, maxSteps: 40 }), { ...seed, numRuns: 20 });
  return [...small, ...large].filter(({ input }) => input.tasks.length > 0);
}

/**
 * Rows that contradict each other, behind `damaged.bin` and `damaged.txt`: those that columns with one
 * current state a step can express.
 */
export function damagedCases(): RowsCase[] {
  const drawn = fc.sample(badRowsCaseArb({ maxTasks: 4, maxSteps: 6 }), {
    seed: VECTOR_SEED,
    numRuns: 160,
  });
  return drawn.filter(({ input }) => {
    const current = (input.stepTransitions ?? []).filter((row) => row.most_recent);
    const distinct = new Set(current.map((row) => String(row.workflow_step_id)));
    const readable = input.steps.every((row) => row.last_attempted_at !== 'soon');
    return input.tasks.length > 0 && distinct.size === current.length && readable;
  });
}

/** A golden set as rows. */
export async function goldenCase(set: GoldenSet): Promise<RowsCase> {
  const { now, named_steps: namedSteps } = await goldenMeta(set);
  const [tasks, steps, edges, stepTransitions, taskTransitions] = await Promise.all([
    goldenRows<TaskInput>(set, 'tasks'),
    goldenRows<StepInput>(set, 'steps'),
    goldenRows<EdgeInput>(set, 'edges'),
    goldenRows<StepTransitionInput>(set, 'step_transitions'),
    goldenRows<TaskTransitionInput>(set, 'task_transitions'),
  ]);
  const nowMicros = parseInstant(now);
  if (nowMicros === undefined) throw new Error(`${set} has no instant`);
  return {
    nowMicros,
    input: { tasks, steps, edges, stepTransitions, taskTransitions, namedSteps },
  };
}
