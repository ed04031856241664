import fc from 'fast-check';
import { expect, test } from 'vitest';

import { sharedColumn } from '../../../src/graph/resident/storage.ts';
import { ResidentIds } from '../../../src/graph/resident/ids.ts';

const CAPACITY = 8192;
const low = (id: bigint): number => Number(BigInt.asUintN(32, id));
const high = (id: bigint): number => Number(BigInt.asUintN(32, id >> 32n));

/** Ids that share words, neighbours, and ids far apart. */
const idOf = (at: number): bigint =>
  [BigInt(at), 2n ** 32n * BigInt(at), -BigInt(at) - 1n, 2n ** 53n + BigInt(at * 256)][at % 4]!;

// fast-check prints seed and path of a counterexample with the failure
test('finds what a map finds while thousands of ids come, move and go', () => {
  const acts = fc.array(fc.tuple(fc.constantFrom('add', 'add', 'delete', 'move'), fc.nat()), {
    minLength: 4000,
    maxLength: 4000,
  });
  fc.assert(
    fc.property(acts, (sequence) => {
      const ids = sharedColumn('i64', CAPACITY);
      const index = new ResidentIds(ids);
      const places = new Map<bigint, number>();
      let next = 0;
      for (const [act, pick] of sequence) {
        const held = [...places.keys()].at(pick % Math.max(1, Math.min(places.size, 50)));
        if (act === 'add' || held === undefined) {
          ids[next] = idOf(next);
          index.add(next);
          places.set(idOf(next), next);
          next++;
        } else if (act === 'delete') {
          index.delete(places.get(held)!);
          places.delete(held);
        } else {
          const from = places.get(held)!;
          ids[next] = held;
          index.move(from, next);
          places.set(held, next);
          next++;
        }
      }
      const found = (id: bigint): number => index.find(low(id), high(id));
      for (let at = 0; at < next; at++) expect(found(idOf(at))).toBe(places.get(idOf(at)) ?? -1);
    }),
    { numRuns: 15 },
  );
});

test('a full segment gives back every id but those that went', () => {
  const ids = sharedColumn('i64', CAPACITY);
  const index = new ResidentIds(ids);
  for (let at = 0; at < CAPACITY; at++) {
    ids[at] = BigInt(at);
    index.add(at);
  }
  for (let at = 0; at < CAPACITY; at += 3) index.delete(at);
  for (let at = 0; at < CAPACITY; at++) expect(index.find(at, 0)).toBe(at % 3 === 0 ? -1 : at);
  expect(index.bytes / CAPACITY).toBeLessThan(17);
});
