import fc from 'fast-check';
import { expect, test } from 'vitest';

import { StepLists } from '../../../src/graph/resident/ready-queue.ts';
import { TimerWheel } from '../../../src/graph/resident/timer-wheel.ts';

const START = 1_800_000_000_000_000;
const DAY = 86_400_000_000;

const spanArb = fc.oneof(
  fc.integer({ min: 1, max: 5000 }),
  fc.integer({ min: 1, max: 40_000_000 }),
  fc.integer({ min: 1, max: 40 * DAY }),
  fc.constantFrom(1023, 1024, 1025, 32 * 1024, 32 ** 3 * 1024, 32 ** 6 * 1024, Infinity),
);
const actArb = fc.oneof(
  { weight: 3, arbitrary: fc.record({ add: spanArb }) },
  { weight: 1, arbitrary: fc.record({ remove: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ advance: fc.oneof(spanArb, fc.constant(0)) }) },
);

// fast-check prints seed and path of a counterexample with the failure
test('hands out exactly what is over, whatever comes in between', () => {
  fc.assert(
    fc.property(fc.array(actArb, { maxLength: 120 }), (acts) => {
      const ends: number[] = [];
      const waiting = new Set<number>();
      const wheel = new TimerWheel(new StepLists(128), (step) => ends[step]!, START);
      let now = START;
      for (const act of acts) {
        const due: number[] = [];
        if ('add' in act) {
          ends.push(now + act.add);
          waiting.add(ends.length - 1);
          wheel.add(ends.length - 1);
        } else if ('remove' in act) {
          const step = [...waiting][act.remove % Math.max(1, waiting.size)];
          if (step === undefined) continue;
          waiting.delete(step);
          wheel.remove(step);
        } else if (Number.isFinite(act.advance)) {
          now += act.advance;
          wheel.advance(now, (step) => due.push(step));
        }
        const over = [...waiting].filter((step) => ends[step]! <= now);
        expect(due.toSorted((x, y) => x - y)).toStrictEqual(over);
        for (const step of due) waiting.delete(step);
        const earliest = Math.min(Infinity, ...[...waiting].map((step) => ends[step]!));
        expect(wheel.nextDueAt()).toBeLessThanOrEqual(earliest);
        // a wait that was struck out may still be due, if others wait behind it
        const none = waiting.size === 0;
        expect(none && wheel.nextDueAt() < Infinity).toBe(false);
      }
    }),
    { numRuns: 1500 },
  );
});

test('advancing to nextDueAt again and again reaches a far wait in few steps', () => {
  const end = START + 300 * DAY + 12_345;
  const wheel = new TimerWheel(new StepLists(1), () => end, START);
  wheel.add(0);
  const due: number[] = [];
  let advances = 0;
  while (due.length === 0) {
    const now = wheel.nextDueAt();
    expect(now).toBeLessThanOrEqual(end);
    wheel.advance(now, (step) => due.push(step));
    advances++;
  }
  expect(due).toStrictEqual([0]);
  expect(advances).toBeLessThanOrEqual(8);
});

test('waits come in the order of their ticks', () => {
  const ends = [5_000_000, 3_000, 70_000_000, 2_000, 4_000_000_000].map((span) => START + span);
  const wheel = new TimerWheel(new StepLists(8), (step) => ends[step]!, START);
  for (const step of ends.keys()) wheel.add(step);
  const due: number[] = [];
  wheel.advance(START + DAY, (step) => due.push(step));
  expect(due).toStrictEqual([3, 1, 0, 2, 4]);
});

test('the next instant costs nothing to ask for, however many waits are far or in one tick', () => {
  const waits = 100_000;
  let asked = 0;
  const ends = Array.from({ length: waits }, (_, at) =>
    at % 2 === 0 ? START + 500 : START + 400 * DAY + at,
  );
  const lists = new StepLists(waits);
  const wheel = new TimerWheel(
    lists,
    (step) => {
      asked++;
      return ends[step]!;
    },
    START,
  );
  for (const step of ends.keys()) wheel.add(step);
  asked = 0;
  for (let time = 0; time < 1000; time++) expect(wheel.nextDueAt()).toBe(START + 500);
  wheel.advance(START + 500, () => undefined);
  const advanced = asked;
  for (let time = 0; time < 1000; time++) {
    expect(wheel.nextDueAt()).toBe(START + 400 * DAY + 1);
  }
  expect(asked).toBe(advanced);
});
