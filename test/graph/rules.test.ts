import { describe, expect, test } from 'vitest';

import { completionPercentage } from '../../src/graph/kernels/contexts.ts';
import { engineRetryLimit, failureWaitMicros } from '../../src/graph/rules/rules.ts';
import {
  FIRST_FOREIGN_STATE,
  MAX_FOREIGN_STATES,
  StateTexts,
  stateText,
} from '../../src/graph/snapshot/state-codes.ts';

describe('wait after a failure', () => {
  test.each([
    [0, 1_000_000],
    [1, 2_000_000],
    [2, 4_000_000],
    [3, 8_000_000],
    [4, 16_000_000],
    [5, 30_000_000],
    [43, 30_000_000],
    [44, 30_000_000],
    [1024, 30_000_000],
    [2 ** 31 - 1, 30_000_000],
    [-1, 500_000],
    [-6, 15_625],
    [-7, 7812], // 7812.5, a half to the even one
    [-8, 3906],
    [-20, 1],
    [-21, 0],
    [-(2 ** 31), 0],
  ])('%i attempts: %i µs', (attempts, micros) => {
    expect(failureWaitMicros(attempts, false)).toBe(micros);
  });

  test('attempts that are null count as one, whatever stands in the column', () => {
    expect(failureWaitMicros(0, true)).toBe(2_000_000);
  });
});

test('a limit of 0 allows one attempt under engine rules, others say what they say', () => {
  expect([-1, 0, 1, 3].map(engineRetryLimit)).toStrictEqual([-1, 1, 1, 3]);
});

test.each([
  [0, 0, '0.0'],
  [0, 3, '0.00'],
  [1, 3, '33.33'],
  [2, 3, '66.67'],
  [3, 3, '100.00'],
  [1, 16, '6.25'],
  [1, 32, '3.13'], // 3.125
  [3, 32, '9.38'], // 9.375
  [1, 800, '0.13'], // 0.125
  [1, 20_000, '0.01'], // 0.005
  [1, 20_001, '0.00'],
  [19_999, 20_000, '100.00'],
  [1, 1_000_000, '0.00'],
  [4_294_967_294, 4_294_967_295, '100.00'],
])('%i of %i complete: %s', (completed, total, text) => {
  expect(completionPercentage(completed, total)).toBe(text);
});

describe('state texts', () => {
  test('every text keeps its code until the codes are used up', () => {
    const states = new StateTexts();
    const texts = Array.from({ length: MAX_FOREIGN_STATES }, (_, at) => `state ${at}`);
    const codes = texts.map((text) => states.code(text));
    expect(codes).toStrictEqual(texts.map((_, at) => FIRST_FOREIGN_STATE + at));
    expect(codes.at(-1)).toBe(127);
    expect(codes.map((code) => stateText(code, states.foreign))).toStrictEqual(texts);
    expect(states.code('one more')).toBe(-1);
    expect(states.code('state 0')).toBe(FIRST_FOREIGN_STATE);
    expect(states.code('complete')).toBe(128);
  });

  test('a code without a text is shown as such', () => {
    expect(stateText(17, [])).toBe('unknown(17)');
    expect(stateText(200, ['x'])).toBe('unknown(200)');
  });
});
