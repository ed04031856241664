import fc from 'fast-check';
import { expect, test } from 'vitest';

import { IdIndex } from '../../src/graph/snapshot/id-index.ts';

const wordsOf = (ids: readonly bigint[]): Uint32Array =>
  new Uint32Array(BigInt64Array.from(ids).buffer);
const find = (index: IdIndex, id: bigint): number =>
  index.find(Number(BigInt.asUintN(32, id)), Number(BigInt.asUintN(32, id >> 32n)));

const near = fc.bigInt(-600n, 600n);
const far = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
const colliding = fc.bigInt(0n, 40n).map((high) => (high << 32n) | 7n);

test.each([
  ['nearly consecutive', near],
  ['anywhere', far],
  ['with one low word', colliding],
  ['mixed', fc.oneof(near, far, colliding)],
])('ids %s are found, others are not', (_name, id) => {
  fc.assert(
    fc.property(fc.array(id, { maxLength: 300 }), fc.array(fc.oneof(id, far)), (ids, others) => {
      const index = new IdIndex(wordsOf(ids), ids.length);
      const firsts = new Map<bigint, number>();
      const later: number[] = [];
      for (const [at, one] of ids.entries()) {
        if (firsts.has(one)) later.push(at);
        else firsts.set(one, at);
      }
      for (const [one, at] of firsts) expect(find(index, one)).toBe(at);
      for (const other of others) expect(find(index, other)).toBe(firsts.get(other) ?? -1);
      expect(index.duplicates).toStrictEqual(later);
    }),
    { numRuns: 300 },
  );
});

test('a table holds ids up to the end of their 32 bits', () => {
  const ids = [2n ** 32n - 1n, 2n ** 32n - 3n];
  const index = new IdIndex(wordsOf(ids), 2);
  expect(ids.map((id) => find(index, id))).toStrictEqual([0, 1]);
  expect(find(index, 2n ** 32n - 2n)).toBe(-1);
  expect(find(index, 2n ** 32n)).toBe(-1);
  expect(find(index, -1n)).toBe(-1);
});
