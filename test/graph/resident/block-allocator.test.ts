import fc from 'fast-check';
import { expect, test } from 'vitest';

import { BlockAllocator } from '../../../src/graph/resident/storage.ts';

const actArb = fc.oneof(
  { weight: 4, arbitrary: fc.record({ allocate: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 3, arbitrary: fc.record({ release: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ compact: fc.integer({ min: 1, max: 30 }) }) },
);

// fast-check prints seed and path of a counterexample with the failure
test('no two blocks overlap, free room is joined, compaction stays inside its blocks', () => {
  fc.assert(
    fc.property(fc.array(actArb, { maxLength: 200, size: 'max' }), (acts) => {
      const blocks = new BlockAllocator(2 ** 16);
      const used = new Map<number, number>();
      const sizeAt = (start: number): number => {
        const size = used.get(start);
        if (size === undefined) throw new Error(`no block starts at ${start}`);
        return size;
      };
      const move = (from: number, to: number, size: number): void => {
        expect(used.get(from)).toBe(size);
        used.delete(from);
        used.set(to, size);
      };
      for (const act of acts) {
        if ('allocate' in act) used.set(blocks.allocate(act.allocate), act.allocate);
        else if ('compact' in act) blocks.compact(act.compact, 20, sizeAt, move);
        else {
          const start = [...used.keys()][act.release % Math.max(1, used.size)];
          if (start === undefined) continue;
          blocks.release(start, used.get(start)!);
          used.delete(start);
        }
        let end = 0;
        let free = 0;
        const wrong: number[] = [];
        for (const [start, size] of [...used].toSorted(([x], [y]) => x - y)) {
          // the room between two blocks is one free block
          if (start !== end && blocks.freeAt(end) !== start - end) wrong.push(start);
          free += start - end;
          end = start + size;
        }
        expect(wrong).toStrictEqual([]);
        expect(blocks).toMatchObject({ top: end, free });
      }
    }),
    { numRuns: 300 },
  );
});

test('compaction passes blocks that are too large', () => {
  const blocks = new BlockAllocator(1000);
  const sizes = [5, 50, 5, 10];
  const starts = sizes.map((size) => blocks.allocate(size));
  expect(starts).toStrictEqual([0, 5, 55, 60]);
  blocks.release(0, 5);
  blocks.release(55, 5);
  const moves: number[][] = [];
  const sizeAt = (start: number): number => (start === 5 ? 50 : 10);
  const over = blocks.compact(1000, 20, sizeAt, (...moved) => moves.push(moved));
  expect(over).toBe(true);
  expect(moves).toStrictEqual([[60, 55, 10]]);
  expect(blocks).toMatchObject({ top: 65, free: 5 });
});
