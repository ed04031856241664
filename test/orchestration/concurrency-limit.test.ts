import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { ConcurrencySample } from '../../src/orchestration/concurrency-limit.ts';
import { ConcurrencyLimit, nextLimit } from '../../src/orchestration/concurrency-limit.ts';
import type { ConcurrencyOptions } from '../../src/options.ts';
import { concurrencyRules } from '../../src/policies/concurrency-options.ts';
import { LatencyBaselines } from '../../src/policies/latency-baselines.ts';

const rules = concurrencyRules({ min: 3, max: 200, initial: 50 });
const calm: ConcurrencySample = {
  inFlight: 1000,
  eventLoopDelayMs: 1,
  poolWaitMs: 0,
  latencyRatio: 1,
};

/** The limit after so many equal intervals. */
function after(limit: number, intervals: number, sample: ConcurrencySample): number {
  let next = limit;
  for (let interval = 0; interval < intervals; interval++) next = nextLimit(next, sample, rules);
  return next;
}

const number = fc.double({ min: 0, max: 1e6 });
const samples = fc.record({
  inFlight: fc.nat(100_000),
  eventLoopDelayMs: number,
  poolWaitMs: number,
  latencyRatio: number,
});

describe('nextLimit', () => {
  test('stays within its bounds, whatever is measured', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 3, max: 200, noNaN: true }),
        fc.array(samples),
        (start, list) => {
          let limit = start;
          for (const sample of list) limit = nextLimit(limit, sample, rules);
          expect(limit).toBeGreaterThanOrEqual(3);
          expect(limit).toBeLessThanOrEqual(200);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('a worse interval never gives a higher limit', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 3, max: 200, noNaN: true }),
        samples,
        samples,
        (limit, one, two) => {
          const worse = {
            inFlight: one.inFlight,
            eventLoopDelayMs: Math.max(one.eventLoopDelayMs || 0, two.eventLoopDelayMs || 0),
            poolWaitMs: Math.max(one.poolWaitMs || 0, two.poolWaitMs || 0),
            latencyRatio: Math.max(one.latencyRatio || 1, two.latencyRatio || 1),
          };
          const better = {
            ...worse,
            ...one,
            latencyRatio: Math.min(one.latencyRatio || 1, worse.latencyRatio),
          };
          const used = { inFlight: 1000 };
          expect(nextLimit(limit, { ...worse, ...used }, rules)).toBeLessThanOrEqual(
            nextLimit(limit, { ...better, ...used }, rules) + 1e-9,
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('grows to the most while all is well and it is used, and not while idle', () => {
    expect(after(3, 200, calm)).toBe(200);
    expect(after(50, 200, { ...calm, inFlight: 24 })).toBe(50);
    expect(nextLimit(50, { ...calm, inFlight: 25 }, rules)).toBeGreaterThan(50);
  });

  test.each([{ eventLoopDelayMs: 51 }, { poolWaitMs: 101 }])(
    'gives way to %j, busy or not',
    (bad) => {
      expect(nextLimit(100, { ...calm, ...bad }, rules)).toBeCloseTo(90);
      expect(nextLimit(100, { ...calm, inFlight: 0, ...bad }, rules)).toBeCloseTo(90);
      expect(after(200, 50, { ...calm, ...bad })).toBe(3);
    },
  );

  test('follows handlers that grow slower, beyond what is tolerated, and recovers', () => {
    expect(nextLimit(100, { ...calm, latencyRatio: 1.5 }, rules)).toBeGreaterThan(100);
    expect(nextLimit(100, { ...calm, latencyRatio: 2 }, rules)).toBeCloseTo(95);
    expect(nextLimit(100, { ...calm, latencyRatio: 1000 }, rules)).toBeCloseTo(90);
    const low = after(200, 60, { ...calm, latencyRatio: 5 });
    expect(low).toBe(3);
    expect(after(low, 200, calm)).toBe(200);
  });

  test('takes an interval without handlers for a usual one', () => {
    expect(nextLimit(50, { ...calm, latencyRatio: NaN }, rules)).toBe(nextLimit(50, calm, rules));
  });
});

describe('ConcurrencyLimit', () => {
  test('fixed stays what it is', () => {
    const limit = new ConcurrencyLimit(7);
    limit.start();
    limit.running(100);
    limit.finished('step', 9);
    limit.observe({ ...calm, eventLoopDelayMs: 1000 });
    expect(limit.tick()).toEqual({
      inFlight: 100,
      eventLoopDelayMs: 0,
      poolWaitMs: 0,
      latencyRatio: NaN,
    });
    expect(limit.current).toBe(7);
    expect(limit.adaptive).toBe(false);
    limit.stop();
  });

  test('adapts to what it was told since the last tick', () => {
    const limit = new ConcurrencyLimit({ min: 2, max: 100, initial: 40 });
    expect(limit.current).toBe(40);
    for (const inFlight of [5, 40, 12]) limit.running(inFlight);
    for (const wait of [3, 250, 20]) limit.waitedForPool(wait);
    expect(limit.tick()).toMatchObject({ inFlight: 40, poolWaitMs: 250 });
    expect(limit.current).toBe(36);
    limit.running(36);
    expect(limit.tick()).toMatchObject({ inFlight: 36, poolWaitMs: 0 });
    expect(limit.current).toBeGreaterThan(36);
  });

  test('measures the event loop between start and stop, both of which may be called twice', async () => {
    const limit = new ConcurrencyLimit({ initial: 100 });
    limit.start();
    limit.start();
    const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));
    await turn();
    limit.tick();
    const before = limit.current;
    // the first turn after a tick begins its count
    await turn();
    const end = performance.now() + 200;
    while (performance.now() < end);
    await turn();
    expect(limit.tick().eventLoopDelayMs).toBeGreaterThan(100);
    expect(limit.current).toBeLessThan(before);
    limit.stop();
    limit.stop();
    expect(limit.tick().eventLoopDelayMs).toBe(0);
  });

  test.each<[ConcurrencyOptions, string, string]>([
    [0, 'concurrency', '0'],
    [1.5, 'concurrency', '1.5'],
    [NaN, 'concurrency', 'NaN'],
    [{ max: 0 }, 'concurrency.max', '0'],
    [{ min: 20, max: 10 }, 'concurrency.min', '20'],
    [{ min: 20, initial: 10 }, 'concurrency.initial', '10'],
    [{ latencyTolerance: 0.5 }, 'concurrency.latencyTolerance', '0.5'],
    [{ limit: 3 } as ConcurrencyOptions, 'concurrency.limit', '3'],
    ['many' as unknown as ConcurrencyOptions, 'concurrency', '"many"'],
  ])('refuses %j', (options, field, value) => {
    expect(() => new ConcurrencyLimit(options)).toThrow(
      expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT', data: { field, value } }),
    );
  });

  test('the bounds hold the start', () => {
    expect(new ConcurrencyLimit().current).toBe(64);
    expect(new ConcurrencyLimit({ max: 2 }).current).toBe(2);
    expect(new ConcurrencyLimit({ min: 90 }).current).toBe(90);
  });
});

describe('LatencyBaselines', () => {
  const record = (
    baselines: LatencyBaselines,
    key: string,
    seconds: number,
    times: number,
  ): void => {
    for (let run = 0; run < times; run++) baselines.record(key, seconds);
  };

  test('compares each handler with itself, not with the mixture', () => {
    const baselines = new LatencyBaselines();
    record(baselines, 'fast', 0.01, 50);
    record(baselines, 'slow', 10, 50);
    expect(baselines.takeRatio()).toBeCloseTo(1);
    record(baselines, 'slow', 10, 500);
    expect(baselines.takeRatio()).toBeCloseTo(1);
    record(baselines, 'fast', 0.02, 5);
    expect(baselines.takeRatio()).toBeGreaterThan(1.8);
  });

  test('says nothing without runs, or before a baseline is worth it', () => {
    const baselines = new LatencyBaselines();
    expect(baselines.takeRatio()).toBeNaN();
    record(baselines, 'new', 1, 10);
    baselines.record('new', NaN);
    expect(baselines.takeRatio()).toBeNaN();
    baselines.record('new', 3);
    expect(baselines.takeRatio()).toBeCloseTo(3);
    expect(baselines.takeRatio()).toBeNaN();
  });

  test('what lasts becomes usual; times below a millisecond are all alike', () => {
    const baselines = new LatencyBaselines();
    record(baselines, 'step', 1, 100);
    record(baselines, 'step', 2, 1000);
    baselines.takeRatio();
    baselines.record('step', 2);
    expect(baselines.takeRatio()).toBeCloseTo(1, 1);
    record(baselines, 'noop', 0.000_01, 20);
    record(baselines, 'noop', 0.000_9, 20);
    expect(baselines.takeRatio()).toBe(1);
  });

  test('keeps a bounded number of keys', () => {
    const baselines = new LatencyBaselines();
    record(baselines, 'first', 1, 11);
    for (let key = 0; key < 10_000; key++) baselines.record(`key ${key}`, 1);
    baselines.takeRatio();
    baselines.record('first', 1);
    expect(baselines.takeRatio()).toBeNaN();
  });
});
