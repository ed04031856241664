import { expect, it } from 'vitest';

import { STATE_CODES } from '../../src/graph/snapshot/state-codes.ts';
import {
  INITIAL_STATE,
  isWorkflowState,
  SATISFIED_STATES,
  WORKFLOW_STATES,
} from '../../src/state-machine/states.ts';

it('names the states that the snapshots have codes for', () => {
  expect(WORKFLOW_STATES.toSorted()).toEqual(Object.keys(STATE_CODES).toSorted());
});

it('satisfies children by the states whose code has the bit of the finished', () => {
  const done = WORKFLOW_STATES.filter((state) => STATE_CODES[state] >= 128);
  expect(done.toSorted()).toEqual([...SATISFIED_STATES].toSorted());
});

it('tells states from other texts', () => {
  expect(isWorkflowState(INITIAL_STATE)).toBe(true);
  expect(isWorkflowState('failed')).toBe(false);
});
