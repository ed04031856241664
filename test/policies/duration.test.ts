import { expect, test } from 'vitest';

import { secondsOf } from '../../src/policies/duration.ts';

test.each([
  [0, 0],
  [2.5, 2.5],
  ['250ms', 0.25],
  ['10s', 10],
  ['1.5m', 90],
  ['2 h', 7200],
  ['1d', 86_400],
  ['0.1ms', 0.0001],
])('%j is %d seconds', (duration, seconds) => {
  expect(secondsOf(duration)).toBe(seconds);
});

test.each([-1, Number.NaN, Infinity, '', '10', '-1s', '1 week', 's', '1s ', 'Infinity', null, {}])(
  '%j is no duration',
  (wrong) => {
    expect(secondsOf(wrong)).toBeUndefined();
  },
);
