import type { Logger } from 'pino';

import { TaskerError } from '../errors.ts';
import { createLogger } from '../observability/logger.ts';
import type { StepHandler, StepInvocation, StepLog } from '../templates/step-handler.ts';
import type { Failure } from '../policies/failure.ts';
import { describeFailure } from '../policies/failure.ts';
import { DEFAULT_RESULT_BYTES, resultText } from './result-text.ts';

/** How one attempt ended. */
export type HandlerOutcome = {
  /** Measured around the handler with a monotonic clock. */
  readonly durationSeconds: number;
  /** True when the handler still ran when its time was over; what it does later is ignored. */
  readonly abandoned: boolean;
} & (
  | {
      readonly kind: 'completed';
      /** JSON text of the results. */
      readonly results: string;
    }
  | {
      readonly kind: 'failed';
      readonly failure: Failure;
      readonly cause: 'thrown' | 'timeout' | 'result';
    }
  | {
      /** The caller's signal aborted first: neither results nor a failure of the step. */
      readonly kind: 'aborted';
      /** The signal's reason. */
      readonly reason: unknown;
    }
);

/** Counts over all attempts of an engine; written by {@link runHandler}. */
export interface HandlerCounts {
  /** Handlers given up that have not settled yet. */
  abandoned: number;
  /** Handlers given up that settled after all; their results were ignored. */
  late: number;
}

/** Options of {@link runHandler}. */
export interface RunHandlerOptions {
  /** Longest time of the attempt; default none. */
  readonly timeoutSeconds?: number | undefined;
  /** How long a handler may take to settle after its signal aborted; default 5. */
  readonly graceSeconds?: number | undefined;
  /** Largest JSON text of the results in bytes; default 1 MiB. */
  readonly maxResultBytes?: number | undefined;
  /** Cancels the attempt (a cancelled step, an engine that stops). */
  readonly signal?: AbortSignal | undefined;
  readonly counts?: HandlerCounts | undefined;
  /** What the handler's log is a child of; default a new one by `TASKER_LOG_LEVEL`. */
  readonly log?: Logger | undefined;
}

/** What the caller knows of an attempt; signal and log are made here, when the handler asks for them. */
export type UnsignalledInvocation = Omit<StepInvocation, 'signal' | 'log'>;

/** Longest delay that Node's timers hold. */
const LONGEST_MS = 2 ** 31 - 1;
/** How long a handler may take to settle after its signal aborted, seconds. */
export const DEFAULT_GRACE_SECONDS = 5;

/**
 * Runs one handler for one attempt and says how it ended; never rejects.
 *
 * When the time is over, or `signal` aborts, the handler's signal aborts, and the handler has
 * `graceSeconds` to settle before it is abandoned. What it returns after that moment counts for
 * nothing, because a handler that gives up early may return what it has so far. An abandoned
 * handler keeps running: nothing in JavaScript can end it, and one that never yields to the event
 * loop blocks its thread (give such a step `thread`). A late rejection is taken and dropped.
 *
 * Results that cannot be stored fail the step for good: a repetition would return them again.
 */
export async function runHandler(
  handler: StepHandler,
  invocation: UnsignalledInvocation,
  options: RunHandlerOptions = {},
): Promise<HandlerOutcome> {
  const { signal } = options;
  if (signal?.aborted === true) {
    return { kind: 'aborted', reason: signal.reason, durationSeconds: 0, abandoned: false };
  }
  const started = performance.now();
  const attempt = new LazySignal();
  let output: unknown;
  try {
    const begun = begin(handler, completed(invocation, attempt, options.log));
    output = isThenable(begun) ? await settled(begun, attempt, options) : begun;
  } catch (error) {
    const durationSeconds = secondsSince(started);
    if (error instanceof Interruption) return interrupted(error, durationSeconds);
    return {
      kind: 'failed',
      cause: 'thrown',
      failure: describeFailure(error),
      durationSeconds,
      abandoned: false,
    };
  }
  const durationSeconds = secondsSince(started);
  try {
    const results = resultText(output, options.maxResultBytes ?? DEFAULT_RESULT_BYTES);
    return { kind: 'completed', results, durationSeconds, abandoned: false };
  } catch (error) {
    const failure: Failure = { ...describeFailure(error), retryable: false };
    return { kind: 'failed', cause: 'result', failure, durationSeconds, abandoned: false };
  }
}

/** Calls the handler; what it returns may be a promise. */
function begin(handler: StepHandler, step: StepInvocation): unknown {
  if (typeof handler === 'function') return handler(step);
  const output: unknown = handler.process(step);
  if (handler.processResults === undefined) return output;
  const shape = (value: unknown): unknown =>
    handler.processResults?.(step, value, step.step.previousResults);
  return isThenable(output) ? shaped(output, shape) : shape(output);
}

async function shaped(
  output: PromiseLike<unknown>,
  shape: (value: unknown) => unknown,
): Promise<unknown> {
  return shape(await output);
}

/** The output of a promise, or an {@link Interruption}. */
async function settled(
  begun: PromiseLike<unknown>,
  attempt: LazySignal,
  options: RunHandlerOptions,
): Promise<unknown> {
  const { timeoutSeconds, graceSeconds = DEFAULT_GRACE_SECONDS, signal, counts } = options;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const interruption = new Promise<Interruption>((resolve) => {
    if (timeoutSeconds !== undefined) {
      timer = setTimeout(() => {
        const reason = timeoutError(timeoutSeconds);
        resolve(new Interruption('timeout', reason));
      }, milliseconds(timeoutSeconds));
    }
    if (signal !== undefined) {
      onAbort = () => resolve(new Interruption('aborted', signal.reason));
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
    }
  });
  // a promise of our own, so that a thenable of any make settles once and its rejection is taken
  const work = adopt(begun);
  try {
    const first = await Promise.race([work, interruption]);
    if (!(first instanceof Interruption)) return first.value;
    clearTimeout(timer);
    attempt.abort(first.reason);
    const rest = work.then(
      () => true,
      () => true,
    );
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), milliseconds(graceSeconds));
    });
    first.abandoned = !(await Promise.race([rest, late]));
    if (first.abandoned && counts !== undefined) {
      counts.abandoned++;
      void countLate(rest, counts);
    }
    throw first;
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
  }
}

async function countLate(rest: Promise<unknown>, counts: HandlerCounts): Promise<void> {
  await rest;
  counts.abandoned--;
  counts.late++;
}

/** An output in a box, so that it is never mistaken for an {@link Interruption}. */
interface Output {
  readonly value: unknown;
}

async function adopt(begun: PromiseLike<unknown>): Promise<Output> {
  return { value: await begun };
}

/** The end of an attempt that its handler did not bring about. */
class Interruption extends Error {
  readonly kind: 'timeout' | 'aborted';
  readonly reason: unknown;
  abandoned = false;

  constructor(kind: 'timeout' | 'aborted', reason: unknown) {
    super(kind);
    this.kind = kind;
    this.reason = reason;
  }
}

function interrupted(
  { kind, reason, abandoned }: Interruption,
  durationSeconds: number,
): HandlerOutcome {
  if (kind === 'aborted') return { kind, reason, durationSeconds, abandoned };
  const failure = describeTimeout(reason);
  return { kind: 'failed', cause: 'timeout', failure, durationSeconds, abandoned };
}

/** The failure of an attempt that took too long. */
export function timeoutFailure(timeoutSeconds: number): Failure {
  return describeTimeout(timeoutError(timeoutSeconds));
}

function describeTimeout(error: unknown): Failure {
  return {
    ...describeFailure(error),
    errorClass: 'TimeoutError',
    errorNames: ['TASKER_STEP_TIMEOUT', 'TimeoutError', 'Error'],
    backtrace: [],
  };
}

function timeoutError(timeoutSeconds: number): TaskerError {
  return new TaskerError(
    'TASKER_STEP_TIMEOUT',
    `The attempt took longer than ${timeoutSeconds} s.`,
    {
      data: { timeoutSeconds },
    },
  );
}

/** The attempt's AbortController, made when first asked for: most handlers never ask. */
class LazySignal {
  #controller: AbortController | undefined;
  #ended: { readonly reason: unknown } | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended !== undefined) this.#controller.abort(this.#ended.reason);
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#ended = { reason };
    this.#controller?.abort(reason);
  }
}

function completed(
  invocation: UnsignalledInvocation,
  running: LazySignal,
  parent: Logger | undefined,
): StepInvocation {
  const { context, results, attempt, taskId, stepId, idempotencyKey, task, step, config } =
    invocation;
  let log: StepLog | undefined;
  return {
    context,
    results,
    attempt,
    taskId,
    stepId,
    idempotencyKey,
    task,
    step,
    config,
    // own and enumerable, so that a handler may spread its invocation
    get signal() {
      return running.signal;
    },
    get log() {
      return (log ??= logOf(invocation, parent));
    },
  };
}

let ownLog: Logger | undefined;

function logOf(
  { task, step, taskId, stepId, attempt }: UnsignalledInvocation,
  parent: Logger = (ownLog ??= createLogger()),
): StepLog {
  return parent.child({
    task_id: String(taskId),
    task_name: task.name,
    step_id: String(stepId),
    step_name: step.name,
    attempt,
    correlation_id: task.correlationId,
  });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}

const milliseconds = (seconds: number): number => Math.min(Math.ceil(seconds * 1000), LONGEST_MS);

const secondsSince = (started: number): number =>
  Math.round((performance.now() - started) * 1000) / 1e6;
