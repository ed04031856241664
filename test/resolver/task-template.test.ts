import { expect, test } from 'vitest';

import { isTaskerError } from '../../src/errors.ts';
import { templateDifference } from '../../src/graph/analysis/template-difference.ts';
import type { RowsInput } from '../../src/resolver/sources/rows-source.ts';
import { templateOfTask } from '../../src/resolver/planning/task-template.ts';
import { snapshotOf } from '../support/answers.ts';

const INPUT: RowsInput = {
  tasks: [1, 2].map((id) => ({ task_id: id, named_task_id: 1 })),
  steps: [
    { workflow_step_id: 11, task_id: 1, named_step_id: 1, retry_limit: 3, retryable: true },
    { workflow_step_id: 12, task_id: 1, named_step_id: 2, retry_limit: null, retryable: true },
    { workflow_step_id: 21, task_id: 2, named_step_id: 2, retry_limit: 3, retryable: false },
    { workflow_step_id: 22, task_id: 2, named_step_id: 2, retry_limit: 0, skippable: true },
  ],
  edges: [
    { from_step_id: 11, to_step_id: 12 },
    { from_step_id: 22, to_step_id: 21 },
    { from_step_id: 12, to_step_id: 22 },
  ],
  namedSteps: ['fetch', 'pay'].map((name, at) => ({ named_step_id: at + 1, name })),
};

test('a task by names, settings and edges of its own', async () => {
  const snapshot = await snapshotOf(INPUT);
  expect(templateOfTask(snapshot, 1n)).toStrictEqual({
    steps: [
      { name: 'fetch', settings: { retry_limit: 3, retryable: true, skippable: false } },
      { name: 'pay', settings: { retry_limit: null, retryable: true, skippable: false } },
    ],
    edges: [['fetch', 'pay']],
  });
});

test('steps of one name are told apart', async () => {
  const snapshot = await snapshotOf(INPUT);
  const template = templateOfTask(snapshot, 2n);
  expect(template.steps.map(({ name }) => name)).toStrictEqual(['pay', 'pay #2']);
  expect(template.edges).toStrictEqual([['pay #2', 'pay']]);
  expect(templateDifference(templateOfTask(snapshot, 1n), template)).toMatchObject({
    addedSteps: ['pay #2'],
    removedSteps: ['fetch'],
    changedSteps: [{ name: 'pay', addedParents: ['pay #2'], removedParents: ['fetch'] }],
  });
});

test('a task that is not there is an error', async () => {
  const snapshot = await snapshotOf(INPUT);
  const read = (): unknown => templateOfTask(snapshot, 9n);
  expect(read).toThrow(expect.objectContaining({ code: 'TASKER_UNKNOWN_TASK' }));
  expect(read).toThrow(expect.toSatisfy(isTaskerError));
});
