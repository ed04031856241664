import { describe, expect, inject, it } from 'vitest';

import {
  boolArray,
  byteaArray,
  int2Array,
  int4Array,
  int8Array,
  jsonbArray,
  textArray,
  timestampArray,
  uuidArray,
} from '../../src/database/copy/binary-arrays.ts';
import { parseInstant } from '../../src/graph/snapshot/instants.ts';
import { withClient } from './with-client.ts';

const UUID = '01b8e094-9888-7dd6-90f5-f92e76df8454';

/** What the server reads, as its text; and an array with a null, and one without elements. */
describe.each<[type: string, encode: (values: never[]) => Buffer, value: unknown, text: string]>([
  ['boolean', boolArray, true, 't'],
  ['smallint', int2Array, -7, '-7'],
  ['integer', int4Array, -70_000, '-70000'],
  ['bigint', int8Array, 2n ** 63n - 1n, '9223372036854775807'],
  [
    'timestamp',
    timestampArray,
    parseInstant('1999-12-31T23:59:59.999999Z'),
    '"1999-12-31 23:59:59.999999"',
  ],
  ['uuid', uuidArray, Buffer.from(UUID.replaceAll('-', ''), 'hex'), UUID],
  ['text', textArray, 'é', 'é'],
  ['jsonb', jsonbArray, '[1]', '[1]'],
  ['bytea', byteaArray, Buffer.from([0, 255]), String.raw`"\\x00ff"`],
])('an array of %s', (type, encode, value, text) => {
  it.each([
    [[value], `{${text}}`],
    [[null, value, undefined], `{NULL,${text},NULL}`],
    [[], '{}'],
  ])('%#', async (values, wanted) => {
    const read = await withClient(inject('taskerTestServer').url, async (client) => {
      const { rows } = await client.query<{ read: string }>(
        `SELECT ($1::${type}[])::text AS read`,
        [encode(values as never[])],
      );
      return rows[0]?.read;
    });
    expect(read).toBe(wanted);
  });
});

it('refuses a number that is too wide, rather than writing another', () => {
  expect(() => int8Array([1n, 2n ** 63n])).toThrow(RangeError);
  expect(() => int8Array([-(2n ** 63n) - 1n])).toThrow(RangeError);
  expect(() => int4Array([2 ** 31])).toThrow(RangeError);
  expect(() => int2Array([2 ** 15])).toThrow(RangeError);
});
