import { expect, test } from 'vitest';

import {
  rowsSource,
  type RowsInput,
  type StepInput,
} from '../../src/resolver/sources/rows-source.ts';
import { answersOf } from '../support/answers.ts';

const AT = '2026-01-01T00:00:00';

const task = (id: number): RowsInput['tasks'][number] => ({ task_id: id, named_task_id: 1 });
const step = (id: number, task_id: number): StepInput => ({
  workflow_step_id: id,
  task_id,
  named_step_id: 1,
});

/** Two tasks of two steps. */
const SOUND: RowsInput = {
  tasks: [task(1), task(2)],
  steps: [step(11, 1), step(12, 1), step(21, 2), step(22, 2)],
  edges: [],
};

test.each<[string, Partial<RowsInput>, readonly string[]]>([
  [
    'a step twice in one task',
    { steps: [...SOUND.steps, step(11, 1)] },
    ['Row 11 of steps stands in the input twice; task 1 is set apart.'],
  ],
  [
    'a step three times in one task and twice in another',
    { steps: [...SOUND.steps, step(11, 1), step(11, 2), step(11, 1), step(11, 2)] },
    [
      'Row 11 of steps stands in the input twice; task 1 is set apart.',
      'Row 11 of steps stands in the input twice; task 2 is set apart.',
    ],
  ],
  [
    'two steps twice in one task',
    { steps: [...SOUND.steps, step(12, 1), step(11, 1)] },
    [
      'Row 11 of steps stands in the input twice; task 1 is set apart.',
      'Row 12 of steps stands in the input twice; task 1 is set apart.',
    ],
  ],
  [
    'a task three times',
    { tasks: [task(1), task(1), task(2), task(1)] },
    ['Row 1 of tasks stands in the input twice; task 1 is set apart.'],
  ],
  [
    'three current transitions without ids',
    {
      stepTransitions: [1, 2, 3].map(() => ({
        workflow_step_id: 11,
        to_state: 'error',
        most_recent: true,
        created_at: AT,
      })),
      taskTransitions: [1, 2, 3].map(() => ({ task_id: 1, to_state: 'error', most_recent: true })),
    },
    [
      'A row of step_transitions is the second current transition of step 11; task 1 is set apart.',
      'A row of task_transitions is the second current transition of task 1; task 1 is set apart.',
    ],
  ],
])('%s: one problem for each task', async (_name, rows, messages) => {
  const { summary } = await answersOf(rowsSource({ ...SOUND, ...rows }), { backend: 'inline' });
  expect(summary.problems.map(({ message }) => message)).toStrictEqual(messages);
  expect(summary.problemCount).toBe(messages.length);
});
