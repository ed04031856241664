import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parseRetryAfter, retryAfterOf } from '../../src/policies/retry-after.ts';

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0);

describe('parseRetryAfter', () => {
  test.each([
    [null, 0],
    [undefined, 0],
    ['', 0],
    ['  ', 0],
    ['0', 0],
    ['120', 120],
    [' 7 ', 7],
    ['999999', 999_999],
    [30, 30],
    [1.5, 1.5],
    ['Mon, 23 Nov 2026 12:00:30 GMT', 30],
    ['mon, 23 nov 2026 12:00:30 gmt', 30],
    ['Monday, 23-Nov-26 12:01:00 GMT', 60],
    ['Mon Nov 23 12:00:05 2026', 5],
    ['Tue Dec  1 12:00:00 2026', 8 * 86_400],
    ['Mon, 23 Nov 2026 11:00:00 GMT', 0],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 0],
    ['2026-11-23T13:00:10+01:00', 10],
  ])('%j is %d seconds', (value, seconds) => {
    expect(parseRetryAfter(value, NOW)).toBe(seconds);
  });

  test('a date between two seconds rounds up, so that no attempt comes early', () => {
    expect(parseRetryAfter('Mon, 23 Nov 2026 12:00:30 GMT', NOW + 1)).toBe(30);
    expect(parseRetryAfter('Mon, 23 Nov 2026 12:00:30 GMT', NOW + 1000)).toBe(29);
  });

  test.each([
    'soon',
    '-1',
    '1.5',
    '12 s',
    'Mon, 31 Feb 2026 12:00:00 GMT',
    'Mon, 23 Nix 2026 12:00:00 GMT',
    'Mon, 23 Nov 2026 25:00:00 GMT',
    NaN,
    -1,
    Infinity,
    {},
    true,
    5n,
  ])('%s is none', (value) => {
    expect(parseRetryAfter(value, NOW)).toBeUndefined();
  });

  test('never throws; what it gives is a number of seconds from 0', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.anything()), (value) => {
        const seconds = parseRetryAfter(value, NOW);
        expect(seconds === undefined || seconds >= 0).toBe(true);
      }),
    );
  });

  test('reads back any date in the form that is sent', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3_000_000_000 }), (seconds) => {
        const text = new Date(seconds * 1000).toUTCString();
        expect(parseRetryAfter(text, 0)).toBe(seconds);
      }),
    );
  });
});

describe('retryAfterOf', () => {
  test.each([
    { 'Retry-After': '9' },
    { 'RETRY-AFTER': '9' },
    { 'retry-after': ['9', '10'] },
    new Headers({ 'Retry-after': '9' }),
    new Map([['Retry-After', '9']]),
    [['retry-After', '9']],
  ])('finds the header in %j', (headers) => {
    expect(retryAfterOf(headers, NOW)).toBe(9);
  });

  test.each([
    null,
    undefined,
    'retry-after: 9',
    {},
    { 'retry-after': '' },
    { 'retry-after': null },
    { 'retry-after': 'soon' },
    [1],
    new Map([[1, 2]]),
  ])('finds none in %j', (headers) => {
    expect(retryAfterOf(headers, NOW)).toBeUndefined();
  });
});
