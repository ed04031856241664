import { expect, it } from 'vitest';

import { TaskerError } from '../../src/errors.ts';
import { EVENT_CATALOG } from '../../src/events/catalog.ts';
import { WORKFLOW_STATES, type StepState } from '../../src/state-machine/states.ts';
import {
  isAllowed,
  ruleOf,
  stepTransition,
  taskTransition,
} from '../../src/state-machine/transition.ts';

/** The contract's table, written by hand: what may follow each state. */
const ALLOWED = {
  task: {
    pending: ['in_progress', 'error', 'cancelled'],
    in_progress: ['complete', 'error', 'cancelled', 'pending'],
    error: ['pending', 'resolved_manually'],
    complete: ['cancelled'],
    resolved_manually: ['cancelled'],
    cancelled: [],
  },
  step: {
    pending: ['in_progress', 'error', 'cancelled', 'resolved_manually'],
    in_progress: ['complete', 'error', 'cancelled'],
    error: ['pending', 'resolved_manually'],
    complete: [],
    resolved_manually: [],
    cancelled: [],
  },
} as const satisfies Record<'task' | 'step', Record<StepState, readonly StepState[]>>;

const PAIRS = (['task', 'step'] as const).flatMap((subject) =>
  WORKFLOW_STATES.flatMap((from) => WORKFLOW_STATES.map((to) => ({ subject, from, to }))),
);

const isListed = ({ subject, from, to }: (typeof PAIRS)[number]): boolean =>
  (ALLOWED[subject][from] as readonly StepState[]).includes(to);

it.each(PAIRS.filter(isListed))('lets a $subject go from $from to $to', ({ subject, from, to }) => {
  expect(isAllowed(subject, from, to)).toBe(true);
  const { event } = ruleOf(subject, from, to);
  expect(event.startsWith(`${subject}.`)).toBe(true);
  expect(EVENT_CATALOG).toHaveProperty([event]);
  const made = subject === 'task' ? taskTransition(from, to) : stepTransition(from, to);
  expect(made).toEqual({ subject, from, to, event });
});

it.each(PAIRS.filter((pair) => !isListed(pair)))(
  'refuses a $subject that would go from $from to $to, and says what it may',
  ({ subject, from, to }) => {
    expect(isAllowed(subject, from, to)).toBe(false);
    const error = errorOf(() => ruleOf(subject, from, to));
    expect(error.code).toBe('TASKER_INVALID_TRANSITION');
    expect(error.message).toContain(`${from} to ${to}`);
    expect(error.data).toEqual({ subject, from, to, allowed: [...ALLOWED[subject][from]] });
  },
);

function errorOf(work: () => unknown): TaskerError {
  try {
    work();
  } catch (error) {
    if (error instanceof TaskerError) return error;
  }
  throw new Error('no coded error');
}

it('knows at compile time what a known state allows', () => {
  expect(stepTransition('pending', 'in_progress').event).toBe('step.execution_requested');
  expect(taskTransition('error', 'pending').event).toBe('task.retry_requested');
  // @ts-expect-error a complete step stays complete
  expect(() => stepTransition('complete', 'pending')).toThrow('complete is final');
  // @ts-expect-error a task does not complete before it starts
  expect(() => taskTransition('pending', 'complete')).toThrow('from pending it may go to');
});

it('refuses a text that is no state', () => {
  expect(() => ruleOf('step', 'failed' as StepState, 'pending')).toThrow('failed to pending');
});
