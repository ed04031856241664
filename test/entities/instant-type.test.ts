import { describe, expect, it } from 'vitest';

import { fromNaive, isInstant, toNaive } from '../../src/entities/instant-type.ts';

describe('an instant', () => {
  it.each([
    ['2026-03-01 09:30:00', '2026-03-01T09:30:00.000000Z'],
    ['2026-03-01 09:30:00.1', '2026-03-01T09:30:00.100000Z'],
    ['2026-03-01 09:30:00.000125', '2026-03-01T09:30:00.000125Z'],
    ['0044-03-15 12:00:00 BC', '0044-03-15T12:00:00.000000Z BC'],
    ['294276-12-31 23:59:59.999999', '294276-12-31T23:59:59.999999Z'],
    ['infinity', 'infinity'],
    ['-infinity', '-infinity'],
  ])('reads %s as %s', (naive, iso) => {
    expect(fromNaive(naive)).toBe(iso);
    expect(fromNaive(toNaive(iso))).toBe(iso);
  });

  it.each([
    ['2026-03-01T09:30:00Z', '2026-03-01 09:30:00'],
    ['2026-03-01T09:30:00', '2026-03-01 09:30:00'],
    ['2026-03-01 09:30:00.25', '2026-03-01 09:30:00.25'],
    ['2026-03-01T00:30:00.000125+02:00', '2026-02-28 22:30:00.000125'],
    ['2026-12-31T23:30:00.9-0100', '2027-01-01 00:30:00.9'],
  ])('writes %s as %s', (iso, naive) => {
    expect(toNaive(iso)).toBe(naive);
  });

  it.each([
    '',
    'now',
    '2026-03-01',
    '09:30:00',
    '2026-03-01T09:30Z',
    '2026-03-01T09:30:00.1234567Z',
    '0044-03-15T12:00:00-05:00 BC',
  ])('is not %j', (text) => {
    expect(isInstant(text)).toBe(false);
    expect(() => toNaive(text)).toThrow(RangeError);
  });
});
