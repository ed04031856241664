import { Piscina } from 'piscina';

import { fromWire, isTaskerError, TaskerError } from '../errors.ts';
import type { Cycle } from '../graph/kernels/cycles.ts';
import { HEADER, type SnapshotViews } from '../graph/snapshot/layout.ts';
import type { ResolveParameters } from '../graph/kernels/resolve.ts';
import type { ResolveAnswer, ResolveJob } from '../../workers/resolve.ts';
import { stretchCount, type Backend } from './backend.ts';

/** Options of the pool backend. */
export interface PoolOptions {
  /** Worker threads. */
  readonly threads: number;
  /** Snapshots that may wait or run at once; further calls wait for a place. */
  readonly queueLimit: number;
  /** What a call does when the queue is full: wait for a place, or raise TASKER_QUEUE_FULL. */
  readonly whenFull: 'wait' | 'reject';
}

/** The pool with what a test needs to see of it. */
export interface PoolBackend extends Backend {
  /** Ids of the living worker threads. */
  readonly threadIds: () => number[];
  /** Kills one worker thread; for fault tests. */
  readonly killWorker: () => Promise<void>;
}

/** Sources run unbuilt as .ts; below node_modules only built .js can. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const workerUrl = new URL(`../../workers/resolve.${extension}`, import.meta.url);

/**
 * The kernels on Piscina worker threads over the snapshot's shared memory: nothing is copied, and
 * idle workers take the next stretch of tasks. A snapshot whose worker dies is worked off once
 * more; dies that too, TASKER_WORKER_LOST. Threads start at the first call.
 */
export function poolBackend(options: PoolOptions): PoolBackend {
  let piscina: Piscina | undefined;
  let closed = false;
  let inside = 0;
  const waiting: (() => void)[] = [];
  /** Resolves when no thread of a pool that was put away runs any more. */
  let quiet: Promise<unknown> = Promise.resolve();

  /** Piscina fails the calls of its threads before these have come to a halt. */
  async function putAway(started: Piscina): Promise<void> {
    const gone = started.destroy();
    quiet = Promise.all([quiet, gone]);
    await gone;
  }

  function start(): Piscina {
    if (piscina !== undefined) return piscina;
    const started = new Piscina({
      filename: workerUrl.href,
      minThreads: options.threads,
      maxThreads: options.threads,
      recordTiming: false,
      // the parent's own flags (a test runner's loader, say) are not the workers' business
      execArgv: [],
    });
    started.on('error', () => undefined); // the calls that it concerns fail by themselves
    started.on('workerDestroy', () => setImmediate(() => replaceIfShort(started)));
    piscina = started;
    return started;
  }

  /**
   * Piscina gives up on new workers once one has died before it was ready, and what is queued would
   * wait for ever: such a pool is put away, its calls fail, and the next one starts another.
   */
  function replaceIfShort(started: Piscina): void {
    if (piscina !== started || started.threads.length >= options.threads) return;
    piscina = undefined;
    void putAway(started);
  }

  async function enter(signal: AbortSignal | undefined): Promise<void> {
    if (inside < options.queueLimit) {
      inside++;
      return;
    }
    if (options.whenFull === 'reject') {
      throw new TaskerError(
        'TASKER_QUEUE_FULL',
        `The resolver queue holds ${options.queueLimit} snapshots already.`,
        { data: { queueLimit: options.queueLimit }, remedy: 'Wait, or raise queueLimit.' },
      );
    }
    const { promise, resolve: admit, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      const place = waiting.indexOf(admit);
      if (place === -1) return; // handed over already; the caller looks at the signal again
      waiting.splice(place, 1);
      reject(signal?.reason as Error);
    };
    waiting.push(admit);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await promise; // the place is handed over by leave()
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) inside--;
    else next();
  }

  async function share(views: SnapshotViews, parameters: ResolveParameters): Promise<Cycle[]> {
    const stretches = stretchCount(views);
    const job: ResolveJob = { buffer: views.buffer, parameters, stretches };
    await quiet; // a thread that is being ended would take a stretch with it
    views.header[HEADER.cursor] = 0;
    const shares = Math.min(options.threads, stretches);
    const settled = await Promise.allSettled(
      Array.from({ length: shares }, () => start().run(job) as Promise<ResolveAnswer>),
    );
    const cycles: Cycle[] = [];
    for (const result of settled) {
      if (result.status === 'rejected') throw lost(result.reason);
      if ('error' in result.value) throw fromWire(result.value.error);
      for (const cycle of result.value.cycles) cycles.push(cycle);
    }
    return cycles.sort((a, b) => a.task - b.task);
  }

  const lost = (cause: unknown): TaskerError =>
    closed
      ? new TaskerError('TASKER_RESOLVER_CLOSED', 'The resolver was stopped.', { cause })
      : new TaskerError('TASKER_WORKER_LOST', 'A resolver worker died at its work.', { cause });

  async function resolve(
    views: SnapshotViews,
    parameters: ResolveParameters,
    signal: AbortSignal | undefined,
  ): Promise<Cycle[]> {
    if (closed) throw lost(undefined);
    signal?.throwIfAborted();
    await enter(signal);
    const cancel = (): void => void Atomics.store(views.header, HEADER.cancel, 1);
    Atomics.store(views.header, HEADER.cancel, 0);
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      if (closed) throw lost(undefined); // stopped while this call waited for its place
      signal?.throwIfAborted();
      const cycles = await share(views, parameters).catch((error: unknown) => {
        if (closed || !isTaskerError(error, 'TASKER_WORKER_LOST')) throw error;
        return share(views, parameters);
      });
      signal?.throwIfAborted();
      return cycles;
    } finally {
      signal?.removeEventListener('abort', cancel);
      await quiet; // a thread that is being ended may still write
      leave();
    }
  }

  return {
    name: 'pool',
    resolve,
    async close() {
      closed = true;
      const pool = piscina;
      piscina = undefined;
      if (pool !== undefined) await putAway(pool);
    },
    threadIds: () => (piscina?.threads ?? []).map((thread) => thread.threadId),
    killWorker: async () => void (await start().threads[0]?.terminate()),
  };
}
