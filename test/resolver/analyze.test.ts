import { describe, expect, test } from 'vitest';

import { isTaskerError, type ErrorCode } from '../../src/errors.ts';
import {
  analyzeTask,
  blastRadiusOf,
  estimateFinish,
  type EstimateOptions,
} from '../../src/resolver/planning/analyze.ts';
import type { RowsInput } from '../../src/resolver/sources/rows-source.ts';
import { snapshotOf } from '../support/answers.ts';

const ids = [11, 12, 13, 14];
const edge = (from: number, to: number): RowsInput['edges'][number] => ({
  from_step_id: from,
  to_step_id: to,
});
const step = (id: number, task: number, at: number): RowsInput['steps'][number] => ({
  workflow_step_id: id,
  task_id: task,
  named_step_id: at + 1,
});
/** Task 1: 11 before 12 and 13, both before 14, and 11 before 14 once more; task 2 waits for it. */
const INPUT: RowsInput = {
  tasks: [1, 2, 3].map((id) => ({ task_id: id, named_task_id: 1 })),
  steps: [...ids.map((id, at) => step(id, 1, at)), step(21, 2, 0), step(31, 3, 0)],
  edges: [
    edge(11, 12),
    edge(11, 13),
    edge(12, 14),
    edge(13, 14),
    edge(11, 14),
    edge(14, 21),
    edge(31, 31),
  ],
  namedSteps: ['fetch', 'check', 'pay', 'ship'].map((name, at) => ({
    named_step_id: at + 1,
    name,
  })),
};
const SECONDS: Record<string, number> = { fetch: 1, check: 4, pay: 2, ship: 3 };

/** Code of the error that the call raises. */
function codeOf(run: () => unknown): ErrorCode | undefined {
  try {
    run();
  } catch (error) {
    return isTaskerError(error) ? error.code : undefined;
  }
  return undefined;
}

describe('a task is analysed', () => {
  test('with durations by step', async () => {
    const snapshot = await snapshotOf(INPUT);
    const secondsOf = ({ name }: { name: string }): number => SECONDS[name]!;
    expect(analyzeTask(snapshot, 1n, { secondsOf })).toStrictEqual({
      taskId: 1n,
      steps: 4,
      seconds: 8,
      criticalPath: [11n, 12n, 14n],
      slack: [
        { stepId: 11n, startSeconds: 0, totalSeconds: 0, freeSeconds: 0 },
        { stepId: 12n, startSeconds: 1, totalSeconds: 0, freeSeconds: 0 },
        { stepId: 13n, startSeconds: 1, totalSeconds: 2, freeSeconds: 2 },
        { stepId: 14n, startSeconds: 5, totalSeconds: 0, freeSeconds: 0 },
      ],
      levelWidths: [1, 2, 1],
      redundantEdges: [{ fromStepId: 11n, toStepId: 14n, reason: 'implied' }],
    });
  });

  test('a second for each step without', async () => {
    const analysis = analyzeTask(await snapshotOf(INPUT), 1n);
    expect(analysis.seconds).toBe(3);
    expect(analysis.criticalPath).toHaveLength(3);
  });

  test('errors carry their codes', async () => {
    const snapshot = await snapshotOf(INPUT);
    expect(codeOf(() => analyzeTask(snapshot, 9n))).toBe('TASKER_UNKNOWN_TASK');
    expect(codeOf(() => analyzeTask(snapshot, 3n))).toBe('TASKER_CYCLE');
    for (const seconds of [-1, NaN, Infinity, '3' as unknown as number]) {
      expect(codeOf(() => analyzeTask(snapshot, 1n, { secondsOf: () => seconds }))).toBe(
        'TASKER_BAD_ARGUMENT',
      );
    }
  });
});

describe('a finish is estimated', () => {
  const distributionOf = ({ name }: { name: string }): { kind: 'fixed'; seconds: number } => ({
    kind: 'fixed',
    seconds: SECONDS[name]!,
  });

  test('from the states on, with the steps that decide it', async () => {
    const at = '2026-01-01T00:00:00';
    const current = (id: number, to_state: string): object => ({
      workflow_step_id: id,
      to_state,
      most_recent: true,
      created_at: at,
    });
    const stepTransitions = [current(11, 'complete'), current(12, 'in_progress')];
    const snapshot = await snapshotOf({ ...INPUT, stepTransitions } as RowsInput);
    const estimate = estimateFinish(snapshot, 1n, {
      distributionOf,
      elapsedOf: ({ name }) => (name === 'check' ? 3 : 0),
      runs: 10,
      shares: [0, 1],
    });
    expect(estimate).toStrictEqual({
      taskId: 1n,
      canComplete: true,
      meanSeconds: 5,
      percentiles: [
        { share: 0, seconds: 5 },
        { share: 1, seconds: 5 },
      ],
      criticality: [
        { stepId: 13n, share: 1 },
        { stepId: 14n, share: 1 },
        { stepId: 11n, share: 0 },
        { stepId: 12n, share: 0 },
      ],
    });
  });

  test('a task with a step that failed for good cannot complete', async () => {
    const steps = INPUT.steps.map((row) => ({ ...row, attempts: 3, retry_limit: 3 }));
    const snapshot = await snapshotOf({ ...INPUT, steps });
    expect(estimateFinish(snapshot, 1n, { distributionOf }).canComplete).toBe(false);
  });

  test('errors carry their codes', async () => {
    const snapshot = await snapshotOf(INPUT);
    expect(codeOf(() => estimateFinish(snapshot, 9n, { distributionOf }))).toBe(
      'TASKER_UNKNOWN_TASK',
    );
    expect(codeOf(() => estimateFinish(snapshot, 3n, { distributionOf }))).toBe('TASKER_CYCLE');
    // callers in plain JavaScript are not held back by types
    const untyped: Partial<EstimateOptions>[] = [
      undefined,
      () => undefined,
      () => 3,
      () => ({ kind: 'normal' }),
      () => ({ kind: 'fixed', seconds: '1' }),
    ].map((wrong) => ({ distributionOf: wrong as unknown as EstimateOptions['distributionOf'] }));
    const numbers = [{ runs: 0 }, { runs: 1.5 }, { shares: [1.1] }, { shares: [NaN] }];
    for (const wrong of [...numbers, ...untyped]) {
      const options = { distributionOf, ...wrong };
      expect(codeOf(() => estimateFinish(snapshot, 1n, options))).toBe('TASKER_BAD_ARGUMENT');
    }
    expect(
      codeOf(() =>
        estimateFinish(snapshot, 1n, { distributionOf: () => ({ kind: 'seen', seconds: [] }) }),
      ),
    ).toBe('TASKER_BAD_ARGUMENT');
    expect(
      codeOf(() => estimateFinish(snapshot, 1n, { distributionOf, elapsedOf: () => -1 })),
    ).toBe('TASKER_BAD_ARGUMENT');
  });
});

describe('a blast radius', () => {
  test('goes across tasks', async () => {
    expect(blastRadiusOf(await snapshotOf(INPUT), [13n])).toStrictEqual({
      steps: [
        { stepId: 14n, taskId: 1n },
        { stepId: 21n, taskId: 2n },
      ],
      tasks: [1n, 2n],
    });
  });

  test('of a step that is not there is an error', async () => {
    const snapshot = await snapshotOf(INPUT);
    expect(codeOf(() => blastRadiusOf(snapshot, [99n]))).toBe('TASKER_NOT_FOUND');
    const single = 13n as unknown as bigint[];
    expect(codeOf(() => blastRadiusOf(snapshot, single))).toBe('TASKER_BAD_ARGUMENT');
  });
});
