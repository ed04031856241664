import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { backoffSeconds } from '../../src/policies/backoff-calculator.ts';
import { describeFailure } from '../../src/policies/failure.ts';
import { attemptLimit, decideRetry } from '../../src/policies/retry-decision.ts';
import { DEFAULT_BACKOFF, FAILURE_WAIT, retryPolicy } from '../../src/policies/retry-policy.ts';
import { PermanentError, RetryableError, withNotes } from '../../src/policies/step-errors.ts';
import type { RetryPolicyOptions } from '../../src/policies/retry-policy-options.ts';

const LOWEST = (): number => 0;
const MIDDLE = (): number => 0.5;
const HIGHEST = (): number => 1 - Number.EPSILON;
const NOW = 1_795_000_000_123_456;

describe('the default backoff', () => {
  // contract, orchestration §7.1, its cap moved behind the jitter
  test.each([
    [0, 0, 0, 0],
    [1, 1, 1, 1],
    [2, 2, 2, 2],
    [3, 4, 4, 4],
    [4, 7, 8, 9],
    [5, 14, 16, 18],
    [6, 29, 32, 35],
    [7, 44, 49, 54],
    [8, 58, 64, 70],
    [10, 90, 100, 110],
    [17, 260, 289, 300],
    [18, 292, 300, 300],
    [19, 300, 300, 300],
    [44, 300, 300, 300],
    [1e9, 300, 300, 300],
  ])('after failure %d: %d, %d, %d s', (attempt, lowest, middle, highest) => {
    expect(backoffSeconds(DEFAULT_BACKOFF, attempt, LOWEST)).toBe(lowest);
    expect(backoffSeconds(DEFAULT_BACKOFF, attempt, MIDDLE)).toBe(middle);
    expect(backoffSeconds(DEFAULT_BACKOFF, attempt, HIGHEST)).toBe(highest);
  });

  test('takes every whole second of its range', () => {
    const seen = new Set(
      Array.from({ length: 1000 }, (_, at) => backoffSeconds(DEFAULT_BACKOFF, 7, () => at / 1000)),
    );
    expect([...seen].sort((a, b) => a - b)).toEqual([44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54]);
  });
});

test.each([
  [1, 2],
  [2, 4],
  [3, 8],
  [4, 16],
  [5, 30],
  [44, 30],
  [5000, 30],
])('the wait of a Rails engine after failure %d is %d s', (attempt, seconds) => {
  expect(backoffSeconds(FAILURE_WAIT, attempt)).toBe(seconds);
});

describe('a declared backoff', () => {
  const waits = (options: RetryPolicyOptions, random = MIDDLE): number[] => {
    const { backoff } = retryPolicy(options);
    return [1, 2, 3, 4, 5].map((attempt) => backoffSeconds(backoff, attempt, random));
  };

  test('list: the last entry repeats, or a power follows', () => {
    const seconds = [0.5, 10];
    expect(waits({ backoff: { strategy: 'list', seconds } })).toEqual([0.5, 10, 10, 10, 10]);
    expect(waits({ backoff: { strategy: 'list', seconds, power: 1.5 } })).toEqual([
      0.5, 10, 5, 8, 11,
    ]);
  });

  test('exponential', () => {
    expect(waits({ backoff: { strategy: 'exponential' } })).toEqual([1, 2, 4, 8, 16]);
    const backoff = {
      strategy: 'exponential',
      initialSeconds: 0.1,
      factor: 10,
      maxSeconds: 50,
    } as const;
    expect(waits({ backoff })).toEqual([0.1, 1, 10, 50, 50]);
    expect(waits({ backoff }, LOWEST)).toEqual([0.09, 0.9, 9, 50, 50]);
    expect(waits({ backoff: { strategy: 'exponential', initialSeconds: 0, factor: 100 } })).toEqual(
      [0, 0, 0, 0, 0],
    );
  });

  test('constant', () => {
    const backoff = { strategy: 'constant', seconds: 30, jitter: 0.5 } as const;
    expect(waits({ backoff })).toEqual([30, 30, 30, 30, 30]);
    expect(waits({ backoff }, LOWEST)).toEqual([15, 15, 15, 15, 15]);
    expect(waits({ backoff: { ...backoff, jitter: 0 } }, LOWEST)).toEqual([30, 30, 30, 30, 30]);
  });

  test('stays within its bounds, whatever the attempt', () => {
    const bounds = {
      maxSeconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    };
    const seconds = fc.double({ min: 0, max: 1e6, noNaN: true });
    const backoffs = fc.oneof(
      fc.record({
        strategy: fc.constant('list' as const),
        seconds: fc.array(seconds, { minLength: 1 }),
        ...bounds,
      }),
      fc.record({
        strategy: fc.constant('exponential' as const),
        initialSeconds: seconds,
        factor: fc.double({ min: 1, max: 100, noNaN: true }),
        ...bounds,
      }),
      fc.record({ strategy: fc.constant('constant' as const), seconds, ...bounds }),
    );
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(
        backoffs,
        fc.integer({ min: 1, max: 2 ** 31 - 1 }),
        random,
        (options, attempt, number) => {
          const { backoff } = retryPolicy({ backoff: options });
          const still = backoffSeconds({ ...backoff, jitter: 0, maxSeconds: 31_536_000 }, attempt);
          const moved = backoffSeconds(backoff, attempt, () => number);
          expect(moved).toBeGreaterThanOrEqual(0);
          expect(moved).toBeLessThanOrEqual(options.maxSeconds + 1e-6);
          expect(moved).toBeGreaterThanOrEqual(
            Math.min(still * (1 - options.jitter), options.maxSeconds) - 1e-6,
          );
          expect(moved).toBeLessThanOrEqual(still * (1 + options.jitter) + 1e-6);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('retryPolicy', () => {
  test.each([
    [{ backoff: { strategy: 'cubic' } }, 'retry.backoff.strategy', '"cubic"'],
    [{ backoff: { strategy: 'list', seconds: [] } }, 'retry.backoff.seconds', '[]'],
    [{ backoff: { strategy: 'list', seconds: [1, -1] } }, 'retry.backoff.seconds[1]', '-1'],
    [{ backoff: { strategy: 'list', seconds: [1], power: 11 } }, 'retry.backoff.power', '11'],
    [{ backoff: { strategy: 'list', seconds: [1], factor: 2 } }, 'retry.backoff.factor', '2'],
    [{ backoff: { strategy: 'exponential', factor: 0.5 } }, 'retry.backoff.factor', '0.5'],
    [
      { backoff: { strategy: 'exponential', initialSeconds: NaN } },
      'retry.backoff.initialSeconds',
      'NaN',
    ],
    [{ backoff: { strategy: 'constant' } }, 'retry.backoff.seconds', 'undefined'],
    [{ backoff: { strategy: 'constant', seconds: '5' } }, 'retry.backoff.seconds', '"5"'],
    [{ backoff: { strategy: 'constant', seconds: 1, jitter: 2 } }, 'retry.backoff.jitter', '2'],
    [
      { backoff: { strategy: 'constant', seconds: 1, maxSeconds: 1e9 } },
      'retry.backoff.maxSeconds',
      '1000000000',
    ],
    [{ byError: { Oops: 'sometimes' } }, 'retry.byError.Oops', '"sometimes"'],
    [{ byError: { Oops: null } }, 'retry.byError.Oops', 'null'],
    [{ byError: [] }, 'retry.byError', '[]'],
    [{ bakoff: {} }, 'retry.bakoff', '{}'],
    [[], 'retry', '[]'],
    [null, 'retry', 'null'],
    [5n, 'retry', '5'],
  ])('refuses %o', (options, field, value) => {
    expect(() => retryPolicy(options as RetryPolicyOptions)).toThrow(
      expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT', data: { field, value } }),
    );
  });
});

describe('decideRetry', () => {
  class PaymentDeclined extends RetryableError {}
  const failed = { attempt: 1, retryLimit: 3, retryable: true, nowMicros: NOW, random: MIDDLE };
  const failure = describeFailure(new Error('x'));

  test('an ordinary error waits by the default backoff', () => {
    expect(decideRetry({ ...failed, failure })).toEqual({
      final: false,
      nextAttemptAt: NOW + 1_000_000,
      backoffSeconds: 1,
    });
  });

  test('the limit counts attempts in all; null is 3, 0 is 1', () => {
    const exhausted = { final: true, reason: 'attempts_exhausted' };
    const last = (retryLimit: number | null): number => {
      for (let attempt = 1; ; attempt++) {
        if (decideRetry({ ...failed, failure, attempt, retryLimit }).final) return attempt;
      }
    };
    expect([3, 1, 0, -2, null].map(last)).toEqual([3, 1, 1, 1, 3]);
    expect([3, 1, 0, null].map(attemptLimit)).toEqual([3, 1, 1, 3]);
    expect(decideRetry({ ...failed, failure, attempt: 3 })).toEqual(exhausted);
    expect(decideRetry({ ...failed, failure, attempt: 7 })).toEqual(exhausted);
  });

  test('a step that is not retryable, and a permanent error, are final at once', () => {
    expect(decideRetry({ ...failed, failure, retryable: false })).toEqual({
      final: true,
      reason: 'not_retryable',
    });
    expect(decideRetry({ ...failed, failure, retryable: null }).final).toBe(false);
    expect(decideRetry({ ...failed, failure: describeFailure(new PermanentError('no')) })).toEqual({
      final: true,
      reason: 'permanent_error',
    });
  });

  test('rules by error: code before class before what it extends', () => {
    const wait = (seconds: number) => ({ strategy: 'constant', seconds, jitter: 0 }) as const;
    const policy = retryPolicy({
      byError: {
        PaymentDeclined: 'never',
        ECONNRESET: wait(7),
        TimeoutError: wait(5),
        Error: wait(9),
      },
    });
    const decide = (error: unknown) =>
      decideRetry({ ...failed, policy, failure: describeFailure(error) });
    const seconds = (error: unknown) => {
      const decision = decide(error);
      return decision.final ? decision.reason : decision.backoffSeconds;
    };
    expect(seconds(new PaymentDeclined('x', { retryAfter: 1 }))).toBe('never_by_rule');
    expect(seconds(new DOMException('x', 'TimeoutError'))).toBe(5);
    expect(seconds(Object.assign(new TypeError('x'), { code: 'ECONNRESET' }))).toBe(7);
    expect(seconds(new TypeError('x'))).toBe(9);
    expect(seconds('a text')).toBe(1);
    expect(seconds({ name: '__proto__' })).toBe(1);
  });

  test('a Retry-After wins and is capped', () => {
    const after = (retryAfter: number) => describeFailure(new RetryableError('x', { retryAfter }));
    const policy = retryPolicy({ backoff: { strategy: 'constant', seconds: 5, maxSeconds: 60 } });
    expect(decideRetry({ ...failed, failure: after(2.000_001_25) })).toEqual({
      final: false,
      nextAttemptAt: NOW + 2_000_002,
      backoffSeconds: 3,
    });
    expect(decideRetry({ ...failed, policy, failure: after(3600) })).toMatchObject({
      backoffSeconds: 60,
    });
    expect(decideRetry({ ...failed, failure: after(3600) })).toMatchObject({ backoffSeconds: 300 });
    expect(decideRetry({ ...failed, failure: after(0) })).toMatchObject({
      nextAttemptAt: NOW,
      backoffSeconds: 0,
    });
  });

  test('a failure without backoff waits as in Rails, unless the step names a backoff', () => {
    const none = describeFailure(withNotes(new Error('500'), { backoff: false }));
    const policy = retryPolicy({ backoff: { strategy: 'constant', seconds: 50 } });
    const wait = (attempt: number) =>
      decideRetry({ ...failed, attempt, retryLimit: 9, failure: none });
    expect([1, 2, 5].map(wait)).toMatchObject([
      { backoffSeconds: 2 },
      { backoffSeconds: 4 },
      { backoffSeconds: 30 },
    ]);
    expect(decideRetry({ ...failed, policy, failure: none })).toMatchObject({ backoffSeconds: 50 });
  });

  test('whoever reads only the whole seconds runs the step no earlier, and less than a second later', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 0, max: 2 ** 52 }),
        fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: undefined }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.constantFrom<RetryPolicyOptions>(
          {},
          { backoff: { strategy: 'exponential', initialSeconds: 0.123_456_7 } },
        ),
        (attempt, nowMicros, retryAfter, number, options) => {
          const decision = decideRetry({
            attempt,
            retryLimit: 1000,
            retryable: null,
            failure: describeFailure(new RetryableError('x', { retryAfter })),
            policy: retryPolicy(options),
            nowMicros,
            random: () => number,
          });
          if (decision.final) throw new Error('final');
          const rails = nowMicros + decision.backoffSeconds * 1e6;
          expect(Number.isInteger(decision.backoffSeconds)).toBe(true);
          expect(Number.isInteger(decision.nextAttemptAt)).toBe(true);
          expect(decision.nextAttemptAt).toBeGreaterThanOrEqual(nowMicros);
          expect(rails).toBeGreaterThanOrEqual(decision.nextAttemptAt);
          expect(rails - decision.nextAttemptAt).toBeLessThan(1e6);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
