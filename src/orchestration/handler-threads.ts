import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort } from 'node:worker_threads';

import { Piscina } from 'piscina';

import { TaskerError } from '../errors.ts';
import type { HandlerModule } from '../templates/step-handler.ts';
import { describeFailure } from '../policies/failure.ts';
import {
  DEFAULT_GRACE_SECONDS,
  timeoutFailure,
  type HandlerOutcome,
  type RunHandlerOptions,
  type UnsignalledInvocation,
} from './run-handler.ts';
import type { ThreadAbort, ThreadStep } from './thread-step.ts';

/** Options of {@link HandlerThreads}. */
export interface HandlerThreadsOptions {
  /** Worker threads; default one less than the machine's cores, at least one. */
  readonly threads?: number | undefined;
  /** Heap of each, MiB; default Node's. */
  readonly heapMegabytes?: number | undefined;
}

/** Sources run unbuilt as .ts; below node_modules only built .js can. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const workerUrl = new URL(`../../workers/handler.${extension}`, import.meta.url);

/** Longest delay that Node's timers hold. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Runs handlers in worker threads, one attempt in each at a time; idle threads take the next one.
 * A thread that dies, or that is ended because its handler went on after its time, fails only the
 * attempt that it ran, and another takes its place. Threads start with the first attempt.
 */
export class HandlerThreads {
  readonly #options: HandlerThreadsOptions;
  #pool: Piscina | undefined;

  constructor(options: HandlerThreadsOptions) {
    this.#options = options;
  }

  /**
   * Runs one attempt; never rejects. The timeout runs from the moment that a thread took the attempt.
   * A handler that has not returned `graceSeconds` after its signal aborted is ended with its thread.
   */
  async run(
    module: HandlerModule,
    invocation: UnsignalledInvocation,
    options: Omit<RunHandlerOptions, 'counts'>,
  ): Promise<HandlerOutcome> {
    const { timeoutSeconds, graceSeconds = DEFAULT_GRACE_SECONDS, maxResultBytes } = options;
    const { port1: port, port2 } = new MessageChannel();
    const run = new ThreadRun(port, { ...options, graceSeconds });
    const step: ThreadStep = {
      module,
      invocation,
      timeoutSeconds,
      graceSeconds,
      maxResultBytes,
      port: port2,
    };
    try {
      const running: unknown = await this.#start().run(step, {
        transferList: [port2],
        signal: run.kill.signal,
      });
      const outcome = running as HandlerOutcome;
      return outcome.kind === 'aborted' ? { ...outcome, reason: options.signal?.reason } : outcome;
    } catch (error) {
      return run.endedBy(error);
    } finally {
      run.close();
    }
  }

  #start(): Piscina {
    if (this.#pool !== undefined) return this.#pool;
    const { threads = Math.max(1, availableParallelism() - 1), heapMegabytes } = this.#options;
    const pool = new Piscina({
      filename: workerUrl.href,
      minThreads: threads,
      maxThreads: threads,
      recordTiming: false,
      ...(heapMegabytes !== undefined && {
        resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
      }),
    });
    // a thread that dies while it has nothing to do is nobody's failure
    pool.on('error', () => undefined);
    this.#pool = pool;
    return pool;
  }

  /** Ends the threads and what they still run. Idempotent. */
  async stop(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.destroy();
  }
}

/** The engine's side of one attempt in a thread. */
class ThreadRun {
  readonly kill = new AbortController();
  readonly #port: MessagePort;
  readonly #options: RunHandlerOptions & { readonly graceSeconds: number };
  readonly #onAbort = (): void => this.#abort();
  #begun: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(port: MessagePort, options: RunHandlerOptions & { readonly graceSeconds: number }) {
    this.#port = port;
    this.#options = options;
    port.once('message', () => this.#begin());
    const { signal } = options;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted === true) this.#abort();
  }

  #begin(): void {
    this.#begun = performance.now();
    const { timeoutSeconds, graceSeconds } = this.#options;
    // the thread sees to its timeout by itself, unless its handler never yields
    if (timeoutSeconds !== undefined) this.#killAfter(timeoutSeconds + graceSeconds);
  }

  #abort(): void {
    if (this.#begun === undefined) return this.kill.abort();
    const { signal, graceSeconds } = this.#options;
    this.#port.postMessage(describedReason(signal?.reason), []);
    this.#killAfter(graceSeconds);
  }

  #killAfter(seconds: number): void {
    clearTimeout(this.#timer);
    // a little later than the thread itself, which knows more
    const delay = Math.min(Math.ceil(seconds * 1000) + 100, LONGEST_MS);
    this.#timer = setTimeout(() => this.kill.abort(), delay);
  }

  /** How the attempt ended that the thread did not live to tell of. */
  endedBy(error: unknown): HandlerOutcome {
    const { signal, timeoutSeconds } = this.#options;
    const begun = this.#begun;
    const durationSeconds =
      begun === undefined ? 0 : Math.round((performance.now() - begun) * 1000) / 1e6;
    const facts = { durationSeconds, abandoned: false } as const;
    if (signal?.aborted === true) return { kind: 'aborted', reason: signal.reason, ...facts };
    if (this.kill.signal.aborted && timeoutSeconds !== undefined) {
      return {
        kind: 'failed',
        cause: 'timeout',
        failure: timeoutFailure(timeoutSeconds),
        ...facts,
      };
    }
    const failure = isUncloneable(error)
      ? { ...describeFailure(error), retryable: false }
      : describeFailure(lost(error));
    return { kind: 'failed', cause: 'thrown', failure, ...facts };
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#port.close();
  }
}

function describedReason(reason: unknown): ThreadAbort {
  const { errorClass: name, message } = describeFailure(reason);
  return { name, message };
}

/** Configuration with a function in it, say: another attempt would fail as well. */
function isUncloneable(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'DataCloneError';
}

function lost(cause: unknown): TaskerError {
  return new TaskerError('TASKER_WORKER_LOST', 'The thread that ran the step died.', {
    cause,
    remedy: 'See whether the handler exits the process or takes too much memory.',
  });
}
