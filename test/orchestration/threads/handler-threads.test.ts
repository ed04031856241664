import { threadId } from 'node:worker_threads';

import { describe, expect, it, onTestFinished } from 'vitest';

import { HandlerThreads } from '../../../src/orchestration/handler-threads.ts';
import type {
  HandlerOutcome,
  UnsignalledInvocation,
} from '../../../src/orchestration/run-handler.ts';
import type { HandlerModule } from '../../../src/templates/step-handler.ts';

const module = new URL('thread-handlers.ts', import.meta.url).href;
const of = (name: string): HandlerModule => ({ module, export: name });

function invocation(more: { attempt?: number; config?: unknown } = {}): UnsignalledInvocation {
  const { attempt = 1, config } = more;
  return {
    context: { order: 1 },
    results: { before: { total: 3 } },
    attempt,
    taskId: 7n,
    stepId: 8n,
    idempotencyKey: 'tsk_7-8',
    task: { taskId: 7n, namespace: 'default', name: 'task', version: '0.1.0' },
    step: { stepId: 8n, name: 'step', attempt, retryLimit: 3, previousResults: null },
    config,
  };
}

function threads(options: ConstructorParameters<typeof HandlerThreads>[0] = {}): HandlerThreads {
  const made = new HandlerThreads({ threads: 1, ...options });
  onTestFinished(() => made.stop());
  return made;
}

function resultsOf(outcome: HandlerOutcome): unknown {
  expect(outcome).toMatchObject({ kind: 'completed', abandoned: false });
  return outcome.kind === 'completed' ? JSON.parse(outcome.results) : undefined;
}

describe('a handler in a thread', () => {
  it('is given copies of everything', async () => {
    const given = invocation({ config: { depth: 2 } });
    const results = resultsOf(await threads().run(of('echo'), given, {}));
    expect(results).toEqual({
      context: { order: 1, changed: true },
      results: { before: { total: 3 } },
      config: { depth: 2 },
      name: 'step',
      task: '7',
      threadId: expect.any(Number),
    });
    expect((results as { threadId: number }).threadId).not.toBe(threadId);
    expect(given.context).toEqual({ order: 1 });
  });

  it('may be an object that shapes its results', async () => {
    const outcome = await threads().run(of('shaped'), invocation({ attempt: 2 }), {});
    expect(resultsOf(outcome)).toEqual({ shaped: 2 });
  });

  it('fails as it does in the engine thread', async () => {
    expect(await threads().run(of('refuse'), invocation(), {})).toMatchObject({
      kind: 'failed',
      cause: 'thrown',
      failure: {
        message: 'not now',
        errorClass: 'RetryableError',
        errorCode: 'BUSY',
        retryable: true,
        retryAfterSeconds: 0,
        context: { n: '1' },
      },
    });
  });

  it('leaves the event loop free while it computes', async () => {
    const pool = threads();
    resultsOf(await pool.run(of('shaped'), invocation(), {}));
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    count();
    const config = { milliseconds: 100 };
    expect(resultsOf(await pool.run(of('compute'), invocation({ config }), {}))).toBe('computed');
    isOver = true;
    expect(turns).toBeGreaterThan(10);
  });

  it('waits until a thread is idle', async () => {
    const pool = threads();
    const config = { milliseconds: 5 };
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, () => pool.run(of('compute'), invocation({ config }), {})),
    );
    expect(outcomes.map(resultsOf)).toEqual(Array.from({ length: 6 }, () => 'computed'));
  });

  it.each([
    ['obedient', 0.02, 5],
    ['compute', 0.02, 0],
  ])('ends at its timeout: %s', async (name, timeoutSeconds, graceSeconds) => {
    const pool = threads();
    const given = invocation({ config: { milliseconds: 600_000 } });
    const outcome = await pool.run(of(name), given, { timeoutSeconds, graceSeconds });
    expect(outcome).toMatchObject({
      kind: 'failed',
      cause: 'timeout',
      failure: { errorClass: 'TimeoutError', errorCode: 'TASKER_STEP_TIMEOUT' },
    });
    // the thread, or the one in its place, goes on
    expect(resultsOf(await pool.run(of('shaped'), invocation(), {}))).toEqual({ shaped: 1 });
  });

  it.each([
    ['obedient', 5],
    ['compute', 0],
  ])('ends when it is aborted: %s', async (name, graceSeconds) => {
    const pool = threads();
    const controller = new AbortController();
    const given = invocation({ config: { milliseconds: 600_000 } });
    const { signal } = controller;
    const running = pool.run(of(name), given, { graceSeconds, signal });
    const waiting = pool.run(of(name), given, { graceSeconds, signal });
    const reason = new Error('cancelled');
    setTimeout(() => controller.abort(reason), 300);
    expect(await running).toMatchObject({ kind: 'aborted', reason });
    expect(await waiting).toMatchObject({ kind: 'aborted', reason, durationSeconds: 0 });
    expect(resultsOf(await pool.run(of('shaped'), invocation(), {}))).toEqual({ shaped: 1 });
  });

  it('does not begin when it is aborted before', async () => {
    const outcome = await threads().run(of('echo'), invocation(), {
      signal: AbortSignal.abort('early'),
    });
    expect(outcome).toMatchObject({ kind: 'aborted', reason: 'early' });
  });

  it.each(['exit', 'memory'])('may die: %s', async (config) => {
    const pool = threads({ threads: 2, heapMegabytes: 64 });
    const [died, lived] = await Promise.all([
      pool.run(of('die'), invocation({ config }), {}),
      pool.run(of('compute'), invocation({ config: { milliseconds: 300 } }), {}),
    ]);
    expect(died).toMatchObject({
      kind: 'failed',
      cause: 'thrown',
      failure: { errorCode: 'TASKER_WORKER_LOST' },
    });
    expect(died).not.toHaveProperty('failure.retryable');
    expect(resultsOf(lived)).toBe('computed');
    const again = await Promise.all(
      [2, 3].map((attempt) => pool.run(of('die'), invocation({ attempt }), {})),
    );
    expect(again.map(resultsOf)).toEqual(['alive in attempt 2', 'alive in attempt 3']);
  });

  it.each(['missing', 'notAHandler'])('must be there: %s', async (name) => {
    expect(await threads().run(of(name), invocation(), {})).toMatchObject({
      kind: 'failed',
      failure: { errorCode: 'TASKER_UNKNOWN_HANDLER', retryable: false },
    });
  });

  it('fails for good when it cannot be given its configuration', async () => {
    const config = { format: () => 'text' };
    expect(await threads().run(of('echo'), invocation({ config }), {})).toMatchObject({
      kind: 'failed',
      failure: { errorClass: 'DataCloneError', retryable: false },
    });
  });

  it('may return no more than is allowed', async () => {
    expect(await threads().run(of('echo'), invocation(), { maxResultBytes: 10 })).toMatchObject({
      kind: 'failed',
      cause: 'result',
      failure: { errorCode: 'TASKER_RESULT_TOO_LARGE', retryable: false },
    });
  });

  it('ends with the threads', async () => {
    const pool = new HandlerThreads({ threads: 1 });
    const running = pool.run(of('obedient'), invocation(), {});
    await pool.stop();
    await pool.stop();
    expect(await running).toMatchObject({ failure: { errorCode: 'TASKER_WORKER_LOST' } });
  });
});
