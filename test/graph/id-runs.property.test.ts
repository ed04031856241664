import fc from 'fast-check';
import { expect, test } from 'vitest';

import { IdRuns } from '../../src/graph/planes/id-runs.ts';
import { allocateSnapshot } from '../../src/graph/snapshot/layout.ts';
import { finishNow } from '../../src/graph/snapshot/pieces.ts';

/** Where ids start: within 32 bits, just below their end, and at the ends of 64. */
const startArb = fc.constantFrom(1n, 2n ** 31n - 20n, 2n ** 32n - 70n, 2n ** 62n, -(2n ** 63n));
/** How far each id is from the one before: a run now and then, or none. */
const gapsArb = fc.array(fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, fc.nat({ max: 9 })), {
  minLength: 1,
  maxLength: 40,
});

test('marked ids come out, whether they follow each other or not', () => {
  fc.assert(
    fc.property(
      startArb,
      fc.oneof(fc.constant([1]), gapsArb),
      fc.nat({ max: 300 }),
      fc.infiniteStream(fc.boolean()),
      (start, gaps, steps, isMarked) => {
        const counts = { tasks: 1, steps, ghosts: 2, edges: 0, timed: 0 };
        const views = allocateSnapshot(counts);
        const marks = new Int32Array(Math.ceil(steps / 32));
        const expected: bigint[] = [];
        let id = start;
        for (let step = 0; step < steps; step++) {
          views.stepId[step] = id;
          if (isMarked.next().value) {
            marks[step >>> 5] = marks[step >>> 5]! | (1 << (step & 31));
            expected.push(id);
          }
          id += BigInt(gaps[step % gaps.length]!);
        }
        const found = finishNow(IdRuns.of(views)).read(marks, expected.length);
        expect([...found]).toStrictEqual(expected);
      },
    ),
    { numRuns: 500 },
  );
});
