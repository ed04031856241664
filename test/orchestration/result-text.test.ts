import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { describeFailure, failureResults } from '../../src/policies/failure.ts';
import { resultText } from '../../src/orchestration/result-text.ts';
import { PermanentError } from '../../src/policies/step-errors.ts';
import { testServerUrl } from '../support/database.ts';

const refused = (code: string): unknown => expect.objectContaining({ code });

describe('resultText', () => {
  test.each([
    [undefined, 'null'],
    [null, 'null'],
    [{ a: 1, b: undefined, c: () => 1 }, '{"a":1}'],
    ['\\u0000 written out', String.raw`"\\u0000 written out"`],
    ['\\\\ud800', String.raw`"\\\\ud800"`],
    ['😀 \n "quoted"', String.raw`"😀 \n \"quoted\""`],
    [new Map([[1, 2]]), '{}'],
    [{ toJSON: () => 'mine' }, '"mine"'],
  ])('%o is %s', (value, text) => {
    expect(resultText(value)).toBe(text);
  });

  const circle: unknown[] = [];
  circle.push(circle);
  test.each([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a bigint', { n: 1n }],
    ['a circle', circle],
    [
      'a toJSON that throws',
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
    ],
    [
      'a toJSON that throws no error',
      {
        toJSON: () => {
          throw null as unknown as Error;
        },
      },
    ],
    ['a NUL', { text: 'a\0b' }],
    ['a NUL in a key', { 'a\0b': 1 }],
    ['a NUL behind backslashes', 'a\\\\\0'],
    ['half a surrogate pair', ['\uD83D']],
    ['the other half', ['\uDE00']],
    ['deep nesting', Array.from({ length: 1500 }).reduce<unknown>((inner) => [inner], 1)],
    ['nesting without end', Array.from({ length: 200_000 }).reduce<unknown>((inner) => [inner], 1)],
  ])('refuses %s', (_what, value) => {
    expect(() => resultText(value)).toThrow(refused('TASKER_RESULT_NOT_SERIALISABLE'));
  });

  test('bounds the UTF-8 text to the byte', () => {
    expect(resultText('ab', 4)).toBe('"ab"');
    expect(() => resultText('ab', 3)).toThrow(refused('TASKER_RESULT_TOO_LARGE'));
    expect(resultText('ä😀', 8)).toBe('"ä😀"');
    expect(() => resultText('ä😀', 7)).toThrow(refused('TASKER_RESULT_TOO_LARGE'));
    expect(() => resultText({ list: 'x'.repeat(1_048_576) })).toThrow(
      refused('TASKER_RESULT_TOO_LARGE'),
    );
  });

  test('refuses what is too large at sight, without writing it', () => {
    let written = false;
    const list = Array.from({ length: 600_000 }, () => ({ toJSON: () => (written = true) }));
    expect(() => resultText(list)).toThrow(refused('TASKER_RESULT_TOO_LARGE'));
    expect(() => resultText(Buffer.alloc(52_428_800))).toThrow(refused('TASKER_RESULT_TOO_LARGE'));
    expect(written).toBe(false);
  });

  test('brackets inside texts are no nesting', () => {
    const value = ['[{'.repeat(2000), String.raw`\"[`.repeat(1000)];
    expect(JSON.parse(resultText(value))).toEqual(value);
  });

  test('what it takes reads back as JSON would, and holds no escape that jsonb refuses', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        const text = resultText(value);
        expect(text).toBe(JSON.stringify(value));
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const holds = value.isWellFormed() && !value.includes('\0');
        let taken = true;
        try {
          resultText([value]);
        } catch {
          taken = false;
        }
        expect(taken).toBe(holds);
      }),
      { numRuns: 1000 },
    );
  });
});

test('PostgreSQL takes as jsonb what is taken here, and refuses what is refused for its sake', async () => {
  const client = await connect(testServerUrl());
  const stored = async (text: string): Promise<unknown> =>
    (await client.query<{ value: unknown }>('SELECT $1::jsonb AS value', [text])).rows[0]?.value;
  try {
    const nested = (depth: number): unknown =>
      Array.from({ length: depth }).reduce<unknown>((inner) => ({ inner: [inner] }), 1);
    expect(await stored(resultText(nested(499)))).toEqual(nested(499));
    const values = [
      ...fc.sample(fc.jsonValue({ stringUnit: 'grapheme' }), { numRuns: 300, seed: 7 }),
      ...fc.sample(fc.string({ unit: 'binary' }), { numRuns: 300, seed: 7 }),
      'a\0b',
      '\uD83D',
      String.raw`\\u0000`,
    ];
    const taken = (value: unknown): boolean => {
      try {
        resultText(value);
        return true;
      } catch {
        return false;
      }
    };
    for (const value of values) {
      const attempt = await stored(JSON.stringify(value)).then(
        () => true,
        () => false,
      );
      expect(attempt, JSON.stringify(value)).toBe(taken(value));
      const message = typeof value === 'string' ? value : 'no text';
      const failure = describeFailure(new PermanentError(message, { context: { value } }));
      const fields = failureResults({ error_details: failure.context }, failure);
      expect(await stored(JSON.stringify(fields))).toEqual(JSON.parse(JSON.stringify(fields)));
    }
  } finally {
    await client.end();
  }
});
