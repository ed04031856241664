import { describe, expect, test } from 'vitest';

import type { HandlerCounts, UnsignalledInvocation } from '../../src/orchestration/run-handler.ts';
import { runHandler } from '../../src/orchestration/run-handler.ts';
import { RetryableError } from '../../src/policies/step-errors.ts';
import type { StepHandler } from '../../src/templates/step-handler.ts';

const invocation: UnsignalledInvocation = {
  context: { order: 1 },
  results: { first: { n: 2 } },
  attempt: 1,
  taskId: 1n,
  stepId: 7n,
  idempotencyKey: 'tsk_1-7',
  task: { taskId: 1n, namespace: 'shop', name: 'order', version: '1.0.0' },
  step: { stepId: 7n, name: 'charge', attempt: 1, retryLimit: 3, previousResults: { old: true } },
  config: { limit: 5 },
};

const SHORT = { timeoutSeconds: 0.005, graceSeconds: 0.005 };

/** A promise that the test settles. */
function gate<T = void>(): PromiseWithResolvers<T> {
  return Promise.withResolvers<T>();
}

describe('runHandler', () => {
  test('a function gets the invocation, returning or resolving', async () => {
    const handler: StepHandler = (step) => ({
      order: step.context,
      results: step.results,
      attempt: step.step.attempt,
      config: step.config,
      aborted: step.signal.aborted,
    });
    const expected = {
      kind: 'completed',
      results:
        '{"order":{"order":1},"results":{"first":{"n":2}},"attempt":1,"config":{"limit":5},"aborted":false}',
      abandoned: false,
      durationSeconds: expect.any(Number),
    };
    expect(await runHandler(handler, invocation)).toEqual(expected);
    expect(await runHandler(async (step) => handler(step), invocation)).toEqual(expected);
    expect(await runHandler(() => undefined, invocation)).toMatchObject({ results: 'null' });
  });

  test('an object shapes its results apart from its work', async () => {
    class Charge {
      readonly #fee = 3;
      process(): number {
        return this.#fee;
      }
      processResults(_step: unknown, output: number, initial: unknown): unknown {
        return { fee: output + this.#fee, initial };
      }
    }
    const outcome = { kind: 'completed', results: '{"fee":6,"initial":{"old":true}}' };
    expect(await runHandler(new Charge() as StepHandler, invocation)).toMatchObject(outcome);
    const later = { process: async () => 3, processResults: async () => ({ done: true }) };
    expect(await runHandler(later, invocation)).toMatchObject({ results: '{"done":true}' });
    expect(await runHandler({ process: () => 3 }, invocation)).toMatchObject({ results: '3' });
    const broken = {
      process: () => 3,
      processResults: () => {
        throw new TypeError('shape');
      },
    };
    expect(await runHandler(broken, invocation)).toMatchObject({
      kind: 'failed',
      cause: 'thrown',
      failure: { errorClass: 'TypeError' },
    });
  });

  test.each<[string, unknown, string]>([
    ['an error', new RetryableError('busy', { retryAfter: 3 }), 'RetryableError'],
    ['null', null, 'Null'],
    ['a text', 'oops', 'String'],
  ])('throwing %s is a described failure, at once or later', async (_what, thrown, errorClass) => {
    const outcome = { kind: 'failed', cause: 'thrown', failure: { errorClass }, abandoned: false };
    const handlers: StepHandler[] = [
      () => {
        throw thrown as Error;
      },
      async () => {
        await Promise.resolve();
        throw thrown as Error;
      },
      {
        process: async () => {
          throw thrown as Error;
        },
      },
    ];
    for (const handler of handlers) {
      expect(await runHandler(handler, invocation, SHORT)).toMatchObject(outcome);
    }
  });

  test('a thenable of any make is one outcome', async () => {
    const twice = {
      // oxlint-disable-next-line unicorn/no-thenable -- what is tested
      then(resolve: (value: unknown) => void, reject: (error: Error) => void) {
        resolve(1);
        resolve(2);
        reject(new Error('late'));
      },
    };
    expect(await runHandler(() => twice, invocation)).toMatchObject({ results: '1' });
    // oxlint-disable-next-line unicorn/no-thenable -- what is tested
    const hostile = Object.defineProperty({}, 'then', {
      get() {
        throw new Error('then');
      },
    });
    expect(await runHandler(() => hostile, invocation)).toMatchObject({
      kind: 'failed',
      failure: { message: 'then' },
    });
  });

  test.each([
    [
      'a circle',
      'TASKER_RESULT_NOT_SERIALISABLE',
      () => {
        const o: object[] = [];
        o.push(o);
        return o;
      },
    ],
    ['a bigint', 'TASKER_RESULT_NOT_SERIALISABLE', () => 1n],
    ['a function', 'TASKER_RESULT_NOT_SERIALISABLE', () => () => 1],
    ['50 MB', 'TASKER_RESULT_TOO_LARGE', () => ({ text: 'x'.repeat(50_000_000) })],
  ])('returning %s fails for good with %s', async (_what, errorCode, handler) => {
    expect(await runHandler(handler, invocation)).toMatchObject({
      kind: 'failed',
      cause: 'result',
      failure: { errorCode, retryable: false },
    });
    expect(await runHandler(() => 'abc', invocation, { maxResultBytes: 4 })).toMatchObject({
      failure: { errorCode: 'TASKER_RESULT_TOO_LARGE' },
    });
  });

  test('a timeout aborts the signal; what comes after it counts for nothing', async () => {
    const seen: unknown[] = [];
    const outcome = await runHandler(
      async ({ signal }) => {
        const { promise, resolve } = gate();
        signal.addEventListener('abort', () => resolve());
        await promise;
        seen.push(signal.reason);
        return 'part of it';
      },
      invocation,
      { timeoutSeconds: 0.005, graceSeconds: 60 },
    );
    expect(outcome).toMatchObject({
      kind: 'failed',
      cause: 'timeout',
      abandoned: false,
      failure: {
        errorClass: 'TimeoutError',
        errorCode: 'TASKER_STEP_TIMEOUT',
        message: 'The attempt took longer than 0.005 s.',
      },
    });
    expect(outcome).not.toHaveProperty('failure.retryable');
    expect(seen).toMatchObject([{ code: 'TASKER_STEP_TIMEOUT' }]);
  });

  test('a handler that does not settle is abandoned; its late end is counted and dropped', async () => {
    const counts: HandlerCounts = { abandoned: 0, late: 0 };
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', listen);
    try {
      const [result, rejection] = [gate<string>(), gate<string>()];
      const outcomes = await Promise.all([
        runHandler(() => result.promise, invocation, { ...SHORT, counts }),
        runHandler(() => rejection.promise, invocation, { ...SHORT, counts }),
        runHandler(() => new Promise(() => undefined), invocation, { ...SHORT, counts }),
      ]);
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ kind: 'failed', cause: 'timeout', abandoned: true });
      }
      expect(counts).toEqual({ abandoned: 3, late: 0 });
      result.resolve('late');
      rejection.reject(new Error('late'));
      // rejections are reported after the microtasks of a turn
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
      expect(counts).toEqual({ abandoned: 1, late: 2 });
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', listen);
    }
  });

  test('the signal asked for after the timeout is aborted already', async () => {
    const { promise, resolve } = gate();
    const states: boolean[] = [];
    const finished = gate();
    await runHandler(
      async (step) => {
        await promise;
        states.push(step.signal.aborted);
        finished.resolve();
      },
      invocation,
      SHORT,
    );
    resolve();
    await finished.promise;
    expect(states).toEqual([true]);
  });

  test('the caller cancels: neither results nor failure', async () => {
    const controller = new AbortController();
    const reason = { why: 'drain' };
    const started = gate();
    const running = runHandler(
      async ({ signal }) => {
        started.resolve();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        throw signal.reason as Error;
      },
      invocation,
      { signal: controller.signal, timeoutSeconds: 60 },
    );
    await started.promise;
    controller.abort(reason);
    expect(await running).toMatchObject({ kind: 'aborted', reason, abandoned: false });

    let ran = false;
    const handler = (): void => void (ran = true);
    const outcome = await runHandler(handler, invocation, { signal: controller.signal });
    expect(outcome).toEqual({ kind: 'aborted', reason, abandoned: false, durationSeconds: 0 });
    expect(ran).toBe(false);
  });

  test('the caller cancels a handler that does not listen', async () => {
    const controller = new AbortController();
    const { promise, resolve } = gate();
    const running = runHandler(() => promise, invocation, {
      signal: controller.signal,
      graceSeconds: 0,
    });
    controller.abort('stop');
    expect(await running).toMatchObject({ kind: 'aborted', reason: 'stop', abandoned: true });
    resolve();
  });

  test('an invocation may be spread', async () => {
    const handler: StepHandler = (step) => {
      const copy = { ...step };
      return copy.signal === step.signal;
    };
    expect(await runHandler(handler, invocation)).toMatchObject({ results: 'true' });
  });
});
