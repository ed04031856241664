import { availableParallelism } from 'node:os';

import { TaskerError } from '../errors.ts';
import type { Cycle } from '../graph/kernels/cycles.ts';
import type { Rules } from '../graph/rules/rules.ts';
import type { GraphSnapshot } from '../graph/snapshot/snapshot.ts';
import type { Backend, BackendName } from './backend.ts';
import { hostNowMicros } from './host-clock.ts';
import { inlineBackend } from './inline.ts';
import { loadNative, nativeUnavailable, type NativeAttempt } from './native.ts';
import { poolBackend } from './pool.ts';
import { createReadyIndexAsync, type ReadyIndex } from './planning/ready-index.ts';
import { letGo, takeHold } from './snapshot-hold.ts';

/** Options of {@link createResolver}. */
export interface ResolverOptions {
  /**
   * Where to resolve. `auto` takes the native addon where there is one, but for the smallest
   * snapshots; without it the calling thread for small snapshots and the pool for large ones where
   * there is more than one core. The others insist. Default `auto`.
   */
  backend?: BackendName | 'auto';
  /**
   * Worker threads of the pool, and threads of the addon for large snapshots. More than the machine has
   * cores only costs memory.
   * Default: the cores this process may use, at most 8.
   */
  threads?: number;
  /** Rule set of every resolution; default `rails`. */
  rules?: Rules;
  /**
   * Snapshots that may wait or run on the pool at once, which bounds memory; a good value is two or
   * three a thread. Default: 3 × threads.
   */
  queueLimit?: number;
  /** What a call does while the queue is full; default `wait`. */
  whenFull?: 'wait' | 'reject';
}

/** What one resolution may vary. */
export interface ResolveOptions {
  /** The clock, µs since the epoch; default: what the snapshot was loaded with, else the host's. */
  nowMicros?: number;
  /** Whether to write contexts and levels beside readiness; default true. */
  contexts?: boolean;
  levels?: boolean;
  signal?: AbortSignal;
}

/** What a resolution did besides filling the snapshot's output sections. */
export interface Resolution {
  readonly backend: BackendName;
  readonly cycles: readonly Cycle[];
  readonly nowMicros: number;
  /** Time from call to answer, ms. */
  readonly millis: number;
}

/** What a resolver chose, and why everything else was not chosen. */
export interface ResolverReport {
  readonly requested: BackendName | 'auto';
  readonly rules: Rules;
  readonly threads: number;
  /** Backend of the latest resolution. */
  readonly chosen: BackendName | undefined;
  /** Why the latest resolution ran there. */
  readonly why: string;
  /** Why each other backend was not used. */
  readonly notChosen: Readonly<Partial<Record<BackendName, string>>>;
  /** Resolutions so far, by backend. */
  readonly runs: Readonly<Record<BackendName, number>>;
  /** Where the native addon was looked for. */
  readonly native: readonly NativeAttempt[];
  /** The file or package that the addon was loaded from. */
  readonly nativeBinary: string | undefined;
}

/** Resolves snapshots; `stop()` or `await using` releases its threads. */
export interface Resolver extends AsyncDisposable {
  readonly report: ResolverReport;
  readonly rules: Rules;
  /**
   * Fills the output sections of a snapshot. One snapshot is resolved by one call at a time,
   * whatever the resolver and its thread: the buffer itself says that it is taken.
   *
   * Errors: TASKER_BAD_ARGUMENT (the snapshot is being resolved already), TASKER_QUEUE_FULL,
   * TASKER_WORKER_LOST, TASKER_RESOLVER_CLOSED, the signal's reason. O(steps + edges).
   */
  resolve(snapshot: GraphSnapshot, options?: ResolveOptions): Promise<Resolution>;
  /**
   * Ids of the steps of a snapshot that may run, of answered tasks, by task, then step: what
   * `resolve` says of the same rows. No output section is written. Tasks that share a graph are
   * resolved together as bit planes, which are kept as long as the snapshot: the first question
   * costs as much as one or two resolutions and leaves the event loop to others in between (see
   * `createReadyIndexAsync`), each later one, at any clock, costs a fraction of one and runs in the
   * calling thread. From the first question on the snapshot's rows must stay as they are: what is
   * changed in them is not seen. `createReadyIndex` takes changes.
   *
   * Errors: TASKER_BAD_ARGUMENT, TASKER_RESOLVER_CLOSED, the signal's reason. The first time O(steps + edges), later
   * O(edges / 32) over tasks that share a graph and O(edges) over the others, O(1) an id.
   */
  readyStepIds(
    snapshot: GraphSnapshot,
    options?: Pick<ResolveOptions, 'nowMicros' | 'signal'>,
  ): Promise<BigInt64Array>;
  /** Stops the threads; idempotent. Calls still under way fail with TASKER_RESOLVER_CLOSED. */
  stop(): Promise<void>;
}

/**
 * Steps from which `auto` prefers the pool: below, waking the workers costs more than they save.
 * Measured by `npm run bench -- --only routing`.
 */
export const POOL_THRESHOLD_STEPS = 400_000;

/**
 * Steps from which `auto` prefers the addon. Measured by `npm run bench -- --only routing`: a call
 * of it takes half of what the kernels in TypeScript take for a single step.
 */
export const NATIVE_THRESHOLD_STEPS = 1;

function checkOptions(options: ResolverOptions): void {
  const bad = (field: string, value: unknown, wanted: string): TaskerError =>
    new TaskerError('TASKER_BAD_ARGUMENT', `Option ${field} is ${String(value)}, not ${wanted}.`, {
      data: { field, value: String(value) },
    });
  const { backend = 'auto', rules = 'rails', threads = 1, queueLimit = 1 } = options;
  const { whenFull = 'wait' } = options;
  if (!['auto', 'inline', 'pool', 'native'].includes(backend)) {
    throw bad('backend', backend, 'auto, inline, pool or native');
  }
  if (!['rails', 'engine'].includes(rules)) throw bad('rules', rules, 'rails or engine');
  if (!['wait', 'reject'].includes(whenFull)) throw bad('whenFull', whenFull, 'wait or reject');
  if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
    throw bad('threads', threads, 'a whole number from 1 to 256');
  }
  if (!Number.isInteger(queueLimit) || queueLimit < 1) {
    throw bad('queueLimit', queueLimit, 'a whole number from 1');
  }
}

interface Choice {
  readonly backend: Backend;
  readonly why: string;
  readonly notChosen: Partial<Record<BackendName, string>>;
}

/**
 * A resolver with one choice of backend and rules.
 *
 * Errors: TASKER_BAD_ARGUMENT names the option; TASKER_BACKEND_UNAVAILABLE where the
 * addon is insisted on (`native`, TASKER_NATIVE=required) and none can be used, with each place that
 * was tried.
 */
export function createResolver(options: ResolverOptions = {}): Resolver {
  checkOptions(options);
  const requested = options.backend ?? 'auto';
  const rules = options.rules ?? 'rails';
  const cores = availableParallelism();
  const threads = options.threads ?? Math.min(8, cores);
  const native = loadNative(process.env, threads);
  if (requested === 'native' && native.backend === undefined) {
    throw nativeUnavailable(native.attempts, 'Choose auto, inline or pool.');
  }
  const inline = inlineBackend();
  const pool = poolBackend({
    threads,
    queueLimit: options.queueLimit ?? threads * 3,
    whenFull: options.whenFull ?? 'wait',
  });
  const noAddon = native.attempts.map(({ place, reason }) => `${place} ${reason}`).join('; ');

  function choose(steps: number, tasks: number): Choice {
    if (requested !== 'auto') {
      const backend = { inline, pool, native: native.backend ?? inline }[requested];
      return { backend, why: 'asked for', notChosen: {} };
    }
    if (native.backend !== undefined) return chooseNative(native.backend, steps);
    const notChosen: Partial<Record<BackendName, string>> = { native: noAddon };
    if (threads < 2) {
      notChosen.pool = 'one thread gains nothing over the calling one';
    } else if (steps < POOL_THRESHOLD_STEPS) {
      notChosen.pool = `${steps} steps are fewer than the ${POOL_THRESHOLD_STEPS} that pay for waking workers`;
    } else if (tasks < 2) {
      notChosen.pool = 'one task cannot be shared out';
    } else {
      notChosen.inline = `${steps} steps are enough for ${threads} threads to be faster`;
      return { backend: pool, why: `large snapshot, ${threads} threads`, notChosen };
    }
    return { backend: inline, why: `small snapshot or one thread`, notChosen };
  }

  function chooseNative(backend: Backend, steps: number): Choice {
    const ownThreads = 'the addon has threads of its own';
    if (steps >= NATIVE_THRESHOLD_STEPS) {
      const reason = `${steps} steps are enough for the addon to be faster`;
      return {
        backend,
        why: 'the native addon is here',
        notChosen: { inline: reason, pool: ownThreads },
      };
    }
    const reason = `${steps} steps are fewer than the ${NATIVE_THRESHOLD_STEPS} that pay for calling it`;
    return {
      backend: inline,
      why: 'tiny snapshot',
      notChosen: { native: reason, pool: ownThreads },
    };
  }

  let latest: Choice | undefined;
  let stopped = false;
  const runs: Record<BackendName, number> = { inline: 0, pool: 0, native: 0 };

  const closed = (): TaskerError =>
    new TaskerError('TASKER_RESOLVER_CLOSED', 'The resolver was stopped.');

  async function resolve(snapshot: GraphSnapshot, call: ResolveOptions = {}): Promise<Resolution> {
    if (stopped) throw closed();
    const { views } = snapshot;
    const started = performance.now();
    const nowMicros = call.nowMicros ?? snapshot.loadedAt ?? hostNowMicros();
    // callers in plain JavaScript are not held back by the type
    if (typeof nowMicros !== 'number' || Number.isNaN(nowMicros)) {
      const value = String(nowMicros);
      throw new TaskerError(
        'TASKER_BAD_ARGUMENT',
        `Option nowMicros is ${value}, not an instant.`,
        {
          data: { field: 'nowMicros', value },
        },
      );
    }
    const choice = choose(views.counts.steps, views.counts.tasks);
    const ticket = takeHold(views);
    if (ticket === undefined) {
      throw new TaskerError('TASKER_BAD_ARGUMENT', 'The snapshot is being resolved already.', {
        remedy: 'Wait for the first call; if its thread was ended at its work, load it anew.',
      });
    }
    latest = choice;
    try {
      const cycles = await choice.backend.resolve(
        views,
        { rules, nowMicros, contexts: call.contexts ?? true, levels: call.levels ?? true },
        call.signal,
        ticket,
      );
      runs[choice.backend.name]++;
      const millis = performance.now() - started;
      return { backend: choice.backend.name, cycles, nowMicros, millis };
    } finally {
      letGo(views, ticket);
    }
  }

  const indexes = new WeakMap<SharedArrayBuffer, Promise<ReadyIndex>>();

  /** The snapshot's index; who comes while another call builds it waits for that one. */
  async function indexOf(
    snapshot: GraphSnapshot,
    signal: AbortSignal | undefined,
  ): Promise<ReadyIndex> {
    const { buffer } = snapshot.views;
    for (;;) {
      const begun = indexes.get(buffer);
      if (begun === undefined) {
        const backend = requested === 'pool' ? 'inline' : requested;
        const own = createReadyIndexAsync(snapshot, rules, { backend, ...(signal && { signal }) });
        indexes.set(buffer, own);
        return own.catch((error: unknown) => {
          indexes.delete(buffer);
          throw error;
        });
      }
      const index = await begun.catch(() => undefined);
      signal?.throwIfAborted();
      // the other call was given up: its signal is not ours
      if (index !== undefined) return index;
    }
  }

  async function readyStepIds(
    snapshot: GraphSnapshot,
    call: Pick<ResolveOptions, 'nowMicros' | 'signal'> = {},
  ): Promise<BigInt64Array> {
    if (stopped) throw closed();
    call.signal?.throwIfAborted();
    const index = await indexOf(snapshot, call.signal);
    if (stopped) throw closed();
    return index.readyStepIds(call.nowMicros ?? snapshot.loadedAt ?? hostNowMicros());
  }

  async function stop(): Promise<void> {
    stopped = true;
    await Promise.all([inline.close(), pool.close(), native.backend?.close()]);
  }

  return {
    rules,
    resolve,
    readyStepIds,
    stop,
    [Symbol.asyncDispose]: stop,
    get report(): ResolverReport {
      return {
        requested,
        rules,
        threads,
        chosen: latest?.backend.name,
        why: latest?.why ?? 'nothing resolved yet',
        notChosen: latest?.notChosen ?? (native.backend === undefined ? { native: noAddon } : {}),
        runs: { ...runs },
        native: native.attempts,
        nativeBinary: native.binary,
      };
    },
  };
}
