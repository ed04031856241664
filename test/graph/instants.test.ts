import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  formatExactly,
  formatInstant,
  formatNaive,
  instantText,
  nearestInstant,
  parseInstant,
} from '../../src/graph/snapshot/instants.ts';
import { oracleMicros, oracleNaiveText, oracleText } from '../support/oracle-instants.ts';

describe('instants', () => {
  test('print and read back, equal to counting days by hand', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
        (at) => {
          expect(formatNaive(at)).toBe(oracleNaiveText(at));
          expect(parseInstant(formatNaive(at))).toBe(at);
          expect(parseInstant(formatInstant(at))).toBe(at);
          expect(oracleMicros(formatInstant(at))).toBe(at);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('keep their form where a double has no single microseconds left', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.integer({ min: 1, max: 1024 }), (at, factor) => {
        const text = formatNaive(Math.abs(at) * factor);
        expect(text).toMatch(/^\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
        expect(parseInstant(text)).toBeDefined();
      }),
      { numRuns: 2000 },
    );
    expect(formatNaive(8_017_690_843_042_713_000)).toMatch(/^256040-07-04T/);
    expect(formatNaive(253_402_300_800_000_000)).toBe('10000-01-01T00:00:00.000000');
    expect(parseInstant('10000-01-01T00:00:00')).toBe(253_402_300_800_000_000);
  });

  test('reach as far as the timestamps of PostgreSQL', () => {
    // 4714-11-24 BC and the last day of 294276 by the Gregorian calendar
    const first = -210_866_803_200_000_000;
    const last = 9_224_318_015_999_000_000;
    expect(formatNaive(first)).toBe('4714-11-24T00:00:00.000000 BC');
    expect(parseInstant('4714-11-24T00:00:00.000000 BC')).toBe(first);
    expect(formatInstant(last)).toMatch(/^294276-12-31T23:59:5\d\.\d{6}Z$/);
    expect(nearestInstant('294276-12-31 23:59:59')).toBe(last);
    fc.assert(
      fc.property(fc.integer({ min: first / 1e6, max: -62_135_596_800 }), (second) => {
        const at = second * 1e6;
        expect(formatInstant(at)).toBe(oracleText(at));
        expect(parseInstant(formatInstant(at))).toBe(at);
        expect(oracleMicros(formatNaive(at))).toBe(at);
      }),
    );
  });

  test('the year 1 follows 1 BC', () => {
    const first = parseInstant('0001-01-01') as number;
    expect(formatNaive(first - 1_000_000)).toBe('0001-12-31T23:59:59.000000 BC');
    expect(formatInstant(first - 1_000_000)).toBe('0001-12-31T23:59:59.000000Z BC');
    expect(parseInstant('0001-12-31T23:59:59Z BC')).toBe(first - 1_000_000);
    // leap years: 1 BC, 5 BC, …
    expect(parseInstant('0005-02-29 BC')).toBeDefined();
    expect(parseInstant('0004-02-29 BC')).toBeUndefined();
    expect(parseInstant('0000-01-01')).toBeUndefined();
  });

  test.each([
    ['2026-11-23T03:53:17.824585', 1_795_405_997_824_585],
    ['2026-11-23 03:53:17.824585', 1_795_405_997_824_585],
    ['2026-11-23T03:53:17.824585Z', 1_795_405_997_824_585],
    ['2026-11-23T03:53:17.824585+00', 1_795_405_997_824_585],
    ['2026-11-23T03:53:17.824585+00:00', 1_795_405_997_824_585],
    ['2026-11-23T03:53:17.5', 1_795_405_997_500_000],
    ['2026-11-23T03:53', 1_795_405_980_000_000],
    ['1970-01-01', 0],
    ['1969-12-31T23:59:59.999999', -1],
    ['2024-02-29', 1_709_164_800_000_000],
    ['infinity', Infinity],
    ['-infinity', -Infinity],
  ])('%s is read', (text, expected) => {
    expect(parseInstant(text)).toBe(expected);
  });

  test('years below 100 are themselves, not of the twentieth century', () => {
    expect(parseInstant('0050-03-01')).toBe(oracleMicros('0050-03-01T00:00:00'));
    expect(formatNaive(parseInstant('0001-01-01') as number)).toBe('0001-01-01T00:00:00.000000');
  });

  test.each([
    '',
    'now',
    '2026-02-29',
    '2026-13-01',
    '2026-00-10',
    '2026-04-31',
    '2026-11-23T24:00:00',
    '2026-11-23T12:60',
    '2026-11-23T12:00:60',
    '2026-11-23T12:00:00.1234567',
    '2026-11-23T12:00:00+01:00',
    '2026-11-23T12:00:00-05',
    '2026-11-23T12:00:00+00:30',
    '2026-11-23T12',
    '23.11.2026',
    ' 2026-11-23',
    'Infinity',
  ])('"%s" is refused', (text) => {
    expect(parseInstant(text)).toBeUndefined();
  });

  test('infinite instants carry no zone', () => {
    expect(formatInstant(Infinity)).toBe('infinity');
    expect(formatInstant(-Infinity)).toBe('-infinity');
    expect(formatNaive(Infinity)).toBe('infinity');
    expect(formatNaive(-Infinity)).toBe('-infinity');
    expect(formatInstant(0)).toBe('1970-01-01T00:00:00.000000Z');
  });

  test.each([
    '9999-12-31 23:59:59.999999',
    '2255-06-05T23:47:34.740993',
    '1684-07-28T00:12:25.259007',
    '0001-01-01T00:00:00.000001',
    '4714-11-24T00:00:00.000001 BC',
    '294276-12-31T23:59:59.999999',
  ])('%s, which a double does not hold, is refused and not rounded', (text) => {
    expect(parseInstant(text)).toBeUndefined();
    expect(nearestInstant(text)).toBeDefined();
  });

  test.each([
    '9999-12-31T23:59:59.000000',
    '9999-12-31T00:00:00.000000',
    '2255-06-05T23:47:34.740992',
    '0001-01-01T00:00:00.000000',
    '4714-11-24T00:00:00.000000 BC',
    '10000-01-01T00:00:00.000032',
  ])('%s, which a double holds, stays what it is', (text) => {
    expect(formatNaive(parseInstant(text) as number)).toBe(text);
    expect(nearestInstant(text)).toBe(parseInstant(text));
  });

  test('what is read prints the same text in all years', () => {
    const [first, last] = [-210_866_803_200_000_000n, 9_224_318_015_999_999_999n];
    fc.assert(
      fc.property(fc.bigInt({ min: first, max: last }), (micros) => {
        const text = formatExactly(micros);
        const read = parseInstant(text);
        expect(read === undefined ? text : formatInstant(read)).toBe(text);
        expect(read === undefined).toBe(BigInt(Number(micros)) !== micros);
        expect(nearestInstant(text)).toBe(Number(micros));
        expect(instantText(text)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['9999-12-31 23:59:59.999999', '9999-12-31T23:59:59.999999Z'],
    ['2026-11-23 03:53:17.5', '2026-11-23T03:53:17.500000Z'],
    ['0044-03-15 12:00:00 BC', '0044-03-15T12:00:00.000000Z BC'],
    ['2026-11-23', '2026-11-23T00:00:00.000000Z'],
    ['infinity', 'infinity'],
    ['-infinity', '-infinity'],
  ])("the server's %s is told as %s", (text, told) => {
    expect(instantText(text)).toBe(told);
  });
});
