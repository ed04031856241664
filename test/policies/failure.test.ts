import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { TaskerError } from '../../src/errors.ts';
import { describeFailure, failureResults } from '../../src/policies/failure.ts';
import { PermanentError, RetryableError, withNotes } from '../../src/policies/step-errors.ts';

class PaymentError extends Error {}
class PaymentDeclined extends PaymentError {}

describe('describeFailure', () => {
  test('names the class, what it extends, and keeps stack and causes', () => {
    const cause = Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' });
    const failure = describeFailure(new PaymentDeclined('no funds', { cause }));
    expect(failure).toMatchObject({
      message: 'no funds',
      errorClass: 'PaymentDeclined',
      errorCode: 'ECONNREFUSED',
      errorNames: ['ECONNREFUSED', 'PaymentDeclined', 'PaymentError', 'Error'],
    });
    expect(failure.backtrace[0]).toMatch(/^at .*failure\.test\.ts/);
    expect(failure.backtrace.at(-1)).toBe('Caused by: Error: connect refused');
    expect(failure).not.toHaveProperty('retryable');
  });

  test('reads what our own errors say', () => {
    const retryable = new RetryableError('busy', { retryAfter: 7, context: { queue: 'a', n: 1n } });
    expect(describeFailure(retryable)).toMatchObject({
      errorClass: 'RetryableError',
      retryable: true,
      retryAfterSeconds: 7,
      context: { queue: 'a', n: '1' },
    });
    const permanent = new PermanentError('declined', { errorCode: 'CARD', context: [1] });
    expect(describeFailure(permanent)).toMatchObject({
      errorClass: 'PermanentError',
      retryable: false,
      errorCode: 'CARD',
      context: { value: [1] },
    });
    expect(describeFailure(new TaskerError('TASKER_TOO_LARGE', 'x')).errorCode).toBe(
      'TASKER_TOO_LARGE',
    );
  });

  test('an error of somebody else that only looks like ours says nothing', () => {
    const other = Object.assign(new Error('x'), { retryable: false, retryAfterSeconds: 9 });
    expect(describeFailure(other)).not.toHaveProperty('retryable');
    expect(describeFailure(other)).not.toHaveProperty('retryAfterSeconds');
  });

  test.each([
    ['null', null, 'Null', 'null'],
    ['undefined', undefined, 'Undefined', 'null'],
    ['a text', 'went wrong', 'String', 'went wrong'],
    ['a number', 42, 'Number', '42'],
    ['a bigint', 42n, 'Bigint', '"42"'],
    ['a symbol', Symbol('s'), 'Symbol', '"[symbol]"'],
    ['a function', () => 1, 'Function', '"[function]"'],
    ['an object', { reason: 'r' }, 'Object', '{"reason":"r"}'],
    ['an object without a prototype', Object.create(null), 'Object', '{}'],
    ['an array', [1, 'b'], 'Array', '[1,"b"]'],
    ['a frozen error', Object.freeze(new TypeError('cold')), 'TypeError', 'cold'],
    ['a DOM exception', new DOMException('late', 'TimeoutError'), 'TimeoutError', 'late'],
  ])('takes %s', (_what, thrown, errorClass, message) => {
    expect(describeFailure(thrown)).toMatchObject({ errorClass, message });
  });

  test('takes getters and proxies that throw', () => {
    const hostile = Object.defineProperties(new Error('x'), {
      message: {
        get: () => {
          throw new Error('m');
        },
      },
      name: {
        get: () => {
          throw new Error('n');
        },
      },
      stack: {
        get: () => {
          throw new Error('s');
        },
      },
      cause: {
        get: () => {
          throw new Error('c');
        },
      },
      code: {
        get: () => {
          throw new Error('k');
        },
      },
    });
    expect(describeFailure(hostile)).toMatchObject({ errorClass: 'Error', backtrace: [] });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(describeFailure(proxy)).toMatchObject({ message: '"[unreadable]"' });
    const context = Object.defineProperty({ ok: 1 }, 'bad', {
      enumerable: true,
      get: () => {
        throw new Error('g');
      },
    });
    expect(describeFailure(new RetryableError('x', { context })).context).toEqual({
      ok: 1,
      bad: '[unreadable]',
    });
  });

  test('takes circular causes and contexts', () => {
    const first = new Error('first');
    const second = new Error('second', { cause: first });
    first.cause = second;
    expect(describeFailure(first).backtrace.filter((line) => line.startsWith('Caused'))).toEqual([
      'Caused by: Error: second',
    ]);
    const context: Record<string, unknown> = { a: 1 };
    context['self'] = context;
    expect(describeFailure(new PermanentError('x', { context })).context).toEqual({
      a: 1,
      self: '[circular]',
    });
  });

  test('bounds a huge message, stack, code and context', () => {
    const error = new PermanentError('x'.repeat(10_000_000), {
      errorCode: 'c'.repeat(10_000),
      context: { list: Array.from({ length: 100_000 }, () => 'y'.repeat(1000)) },
    });
    const failure = describeFailure(error);
    expect(failure.message).toHaveLength(2000);
    expect(failure.errorCode).toHaveLength(200);
    expect(failure.backtrace.length).toBeGreaterThan(0);
    expect(JSON.stringify(failure).length).toBeLessThan(1_000_000);
    const deep = Array.from({ length: 5000 }).reduce<unknown>((inner) => ({ inner }), 'bottom');
    expect(JSON.stringify(describeFailure(new PermanentError('d', { context: deep })))).toContain(
      '[left out]',
    );
  });

  test('leaves nothing that jsonb refuses', () => {
    const failure = describeFailure(
      new PermanentError('a\0b\uD800c', { context: { 'k\0': '\uDC00' } }),
    );
    expect(failure.message).toBe('a\u{FFFD}b\u{FFFD}c');
    expect(failure.context).toEqual({ 'k\u{FFFD}': '\u{FFFD}' });
  });

  test('never throws, and survives a JSON round trip', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withNullPrototype: true,
          withSparseArray: true,
          withTypedArray: true,
        }),
        (thing) => {
          for (const thrown of [thing, new RetryableError('x', { context: thing })]) {
            const failure = describeFailure(thrown);
            const read: unknown = JSON.parse(JSON.stringify(failure));
            expect(describeFailure(thrown)).toEqual(failure);
            expect(read).toEqual(JSON.parse(JSON.stringify(describeFailure(thrown))));
            expect(JSON.stringify(failure).length).toBeLessThan(3_000_000);
          }
        },
      ),
    );
  });
});

describe('RetryableError', () => {
  test('takes seconds, a date, and text of an instant', () => {
    const soon = new Date(Date.now() + 60_000);
    for (const retryAfter of [soon, soon.toISOString()]) {
      const { retryAfterSeconds } = new RetryableError('x', { retryAfter });
      expect(retryAfterSeconds).toBeGreaterThan(30);
      expect(retryAfterSeconds).toBeLessThanOrEqual(60);
    }
    expect(new RetryableError('x', { retryAfter: -5 }).retryAfterSeconds).toBe(0);
    expect(new RetryableError('x', { retryAfter: new Date(0) }).retryAfterSeconds).toBe(0);
  });

  test.each([NaN, Infinity, 'soon', new Date('x'), undefined, Symbol('s'), {}])(
    'takes %s for not given',
    (retryAfter) => {
      const error = new RetryableError('x', { retryAfter: retryAfter as number });
      expect(error.retryAfterSeconds).toBeUndefined();
    },
  );
});

describe('failureResults', () => {
  const failure = describeFailure(new PaymentDeclined('no funds'));
  const fields = {
    error: 'no funds',
    backtrace: failure.backtrace.join('\n'),
    error_class: 'PaymentDeclined',
  };

  test('merges into the previous results', () => {
    expect(failureResults({ kept: 1, error: 'old' }, failure)).toEqual({ kept: 1, ...fields });
  });

  test.each([
    [null, {}],
    [undefined, {}],
    ['text', { original_response: 'text', response_type: 'String' }],
    [[1, 2], { original_response: [1, 2], response_type: 'Array' }],
    [7, { original_response: 7, response_type: 'Number' }],
  ])('takes previous results %j', (previous, kept) => {
    expect(failureResults(previous, failure)).toEqual({ ...kept, ...fields });
  });

  test('adds what a framework handler noted, for an error of any kind', () => {
    const noted = { results: { error: true, error_details: { response_status: 500 } } };
    const cold = Object.freeze(new Error('cold'));
    expect(failureResults({}, describeFailure(withNotes(cold, noted)))).toMatchObject({
      error: 'cold',
      error_details: { response_status: 500 },
    });
    expect(failureResults({}, describeFailure(withNotes('text', noted)))).toMatchObject({
      error: '"text"',
      error_details: { response_status: 500 },
    });
  });
});
