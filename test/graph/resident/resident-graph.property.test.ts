import { describe, expect, test } from 'vitest';

import type { Rules } from '../../../src/graph/rules/rules.ts';
import { runOperations } from './operations.ts';

const RUNS = 25;
// in the test's title, so that every run names it
const SEED = Math.floor(Math.random() * 2 ** 31);

describe.each<Rules>(['rails', 'engine'])('under %s rules', (rules) => {
  test(`${RUNS} x 200 operations agree with fresh resolutions (seed ${SEED})`, () => {
    expect(runOperations(rules, RUNS, SEED)).toBe(RUNS * 200);
  });
});
