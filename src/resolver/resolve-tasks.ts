import { TaskerError } from '../errors.ts';
import type { GraphSnapshot } from '../graph/snapshot/snapshot.ts';
import type { Rules } from '../graph/rules/rules.ts';
import type { RowProblem } from '../graph/snapshot/row-problem.ts';
import { SnapshotTooLargeError } from '../graph/snapshot/too-large.ts';
import {
  addCounts,
  chunkResult,
  emptyCounts,
  type AnswerCounts,
  type ChunkResult,
  type CycleReport,
} from './chunk-result.ts';
import { hostNowMicros } from './host-clock.ts';
import { createResolver, type Resolver, type ResolverOptions } from './resolver.ts';
import type {
  LoadProgress,
  SnapshotSource,
  SnapshotStream,
} from '../graph/snapshot/snapshot-source.ts';

/** Options of {@link resolveTasks}. */
export interface ResolveTasksOptions extends ResolverOptions {
  /** A resolver to use, which stays open; without it the run makes and stops its own. */
  resolver?: Resolver;
  /**
   * Steps a chunk should hold. Memory is bounded by the chunks in flight; below some thousand steps
   * the round trips show. Default 65,536.
   */
  chunkSteps?: number;
  /** Chunks held at once, the one that the caller has included; default 3 × threads, at most 8. */
  chunksInFlight?: number;
  /** The clock, µs since the epoch; default: the source's own, else the host's at the start. */
  nowMicros?: number;
  /** Whether to compute contexts and levels beside readiness; default true. */
  contexts?: boolean;
  levels?: boolean;
  signal?: AbortSignal;
  onProgress?: (progress: LoadProgress) => void;
}

/** What a run did; complete once its chunks are at an end. */
export interface RunSummary {
  readonly rules: Rules;
  readonly counts: Readonly<AnswerCounts>;
  /** What the source read; the counts' tasks + tasksSetApart always equal its tasks. */
  readonly read: { readonly tasks: number; readonly steps: number; readonly edges: number };
  readonly unknownTasks: readonly bigint[];
  /** The first {@link DETAIL_LIMIT} cycles and row problems; the counts have them all. */
  readonly cycles: readonly CycleReport[];
  readonly problems: readonly RowProblem[];
  readonly problemCount: number;
  readonly chunks: number;
  /** Time the source was waited for, and time spent resolving (they overlap), ms. */
  readonly loadMillis: number;
  readonly resolveMillis: number;
  /** From first request to last chunk, ms. */
  readonly totalMillis: number;
  readonly nowMicros: number | undefined;
  /** Largest bytes of snapshots in flight at one time. */
  readonly peakSnapshotBytes: number;
}

/** How many cycles and row problems a summary lists. */
export const DETAIL_LIMIT = 1000;

/** A bulk run: an async iterable of chunk results, to be taken once. */
export interface ResolveRun extends AsyncIterable<ChunkResult> {
  /** Totals so far; final after the last chunk. */
  summary(): RunSummary;
}

/**
 * Resolves whole sources in bulk: chunks of whole tasks are loaded, resolved while the next ones
 * load, and handed out in order of task id. Memory is bounded by `chunksInFlight`.
 *
 * Errors: whatever the source raises (TASKER_BAD_INPUT, TASKER_DATABASE_UNREACHABLE,
 * TASKER_NOT_TASKER_DATABASE), the resolver's, TASKER_BAD_ARGUMENT, TASKER_TOO_LARGE (rows that
 * memory or the snapshot layout cannot hold), the signal's reason.
 * Unknown tasks, cycles and contradicting rows are no errors: they stand in the summary.
 */
export function resolveTasks(
  source: SnapshotSource,
  options: ResolveTasksOptions = {},
): ResolveRun {
  const chunkSteps = positive('chunkSteps', options.chunkSteps ?? 65_536);
  const run = new RunState(options.rules ?? options.resolver?.rules ?? 'rails');
  if (options.resolver !== undefined && options.resolver.rules !== run.rules) {
    throw new TaskerError(
      'TASKER_BAD_ARGUMENT',
      `Option rules is ${run.rules}, but the resolver's rules are ${options.resolver.rules}.`,
    );
  }
  const inFlight = options.chunksInFlight;
  if (inFlight !== undefined) positive('chunksInFlight', inFlight);
  let taken = false;
  return {
    summary: () => run.summary(),
    [Symbol.asyncIterator]() {
      if (taken) {
        throw new TaskerError('TASKER_BAD_ARGUMENT', 'A run can be taken once.', {
          remedy: 'Call resolveTasks again.',
        });
      }
      taken = true;
      return chunks(source, options, chunkSteps, run);
    },
  };
}

function positive(field: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value;
  throw new TaskerError(
    'TASKER_BAD_ARGUMENT',
    `Option ${field} is ${value}, not a whole number from 1.`,
    { data: { field, value } },
  );
}

/** Everything a run adds up. */
class RunState {
  readonly rules: Rules;
  readonly counts = emptyCounts();
  readonly cycles: CycleReport[] = [];
  readonly problems: RowProblem[] = [];
  problemCount = 0;
  chunks = 0;
  loadMillis = 0;
  resolveMillis = 0;
  started = 0;
  ended = 0;
  nowMicros: number | undefined;
  bytes = 0;
  peakBytes = 0;
  stream: SnapshotStream | undefined;

  constructor(rules: Rules) {
    this.rules = rules;
  }

  enter(snapshot: GraphSnapshot): void {
    this.bytes += snapshot.views.buffer.byteLength;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
  }

  leave(snapshot: GraphSnapshot): void {
    this.bytes -= snapshot.views.buffer.byteLength;
  }

  take(chunk: ChunkResult): void {
    this.chunks++;
    this.resolveMillis += chunk.resolution.millis;
    addCounts(this.counts, chunk.counts);
    this.note(chunk.problems);
    for (const cycle of chunk.cycles) {
      if (this.cycles.length < DETAIL_LIMIT) this.cycles.push(cycle);
    }
  }

  note(problems: readonly RowProblem[]): void {
    this.problemCount += problems.length;
    this.problems.push(...problems.slice(0, DETAIL_LIMIT - this.problems.length));
  }

  #totalMillis(): number {
    if (this.started === 0) return 0;
    return (this.ended === 0 ? performance.now() : this.ended) - this.started;
  }

  summary(): RunSummary {
    const totals = this.stream?.totals();
    return {
      rules: this.rules,
      counts: { ...this.counts },
      read: {
        tasks: totals?.tasks ?? 0,
        steps: totals?.steps ?? 0,
        edges: totals?.edges ?? 0,
      },
      unknownTasks: totals?.unknownTasks ?? [],
      cycles: this.cycles,
      problems: this.problems,
      problemCount: this.problemCount,
      chunks: this.chunks,
      loadMillis: this.loadMillis,
      resolveMillis: this.resolveMillis,
      totalMillis: this.#totalMillis(),
      nowMicros: this.nowMicros,
      peakSnapshotBytes: this.peakBytes,
    };
  }
}

async function* chunks(
  source: SnapshotSource,
  options: ResolveTasksOptions,
  chunkSteps: number,
  run: RunState,
): AsyncGenerator<ChunkResult> {
  const resolver = options.resolver ?? createResolver(options);
  const stop = new AbortController();
  const signal =
    options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const limit = options.chunksInFlight ?? Math.min(8, resolver.report.threads * 3);
  run.started = performance.now();
  const queue = new ChunkQueue(limit);
  const pumping = pump(source, options, chunkSteps, run, resolver, signal, queue);
  // the queue hands the failure on; it may come while the caller is busy with a chunk
  pumping.catch(() => undefined);
  try {
    for (let chunk = await queue.shift(); chunk !== undefined; chunk = await queue.shift()) {
      run.take(chunk);
      yield chunk;
      run.leave(chunk.snapshot);
      queue.release();
    }
    await pumping;
    run.note(run.stream?.totals().problems ?? []);
  } finally {
    run.ended = performance.now();
    stop.abort(new TaskerError('TASKER_RESOLVER_CLOSED', 'The run was left before its end.'));
    queue.release(Infinity);
    await pumping.catch(() => undefined);
    if (options.resolver === undefined) await resolver.stop();
  }
}

/** Loads chunks and starts resolving each at once, as far as the queue has room. */
async function pump(
  source: SnapshotSource,
  options: ResolveTasksOptions,
  chunkSteps: number,
  run: RunState,
  resolver: Resolver,
  signal: AbortSignal,
  queue: ChunkQueue,
): Promise<void> {
  try {
    const asked = performance.now();
    const stream = await source.open({ chunkSteps, signal, onProgress: options.onProgress });
    run.stream = stream;
    run.loadMillis += performance.now() - asked;
    const iterator = stream[Symbol.asyncIterator]();
    try {
      for (let index = 0; ; index++) {
        await queue.room();
        signal.throwIfAborted();
        const requested = performance.now();
        const loaded = await iterator.next();
        run.loadMillis += performance.now() - requested;
        if (loaded.done === true) break;
        const snapshot = loaded.value;
        run.nowMicros ??= options.nowMicros ?? stream.now ?? snapshot.loadedAt ?? hostNowMicros();
        run.enter(snapshot);
        queue.push(resolveChunk(index, snapshot, resolver, options, run.nowMicros, signal));
      }
    } finally {
      await iterator.return?.();
    }
    queue.end();
  } catch (error) {
    const coded = error instanceof SnapshotTooLargeError ? tooLarge(error) : error;
    queue.fail(coded);
    throw coded;
  }
}

function tooLarge(cause: SnapshotTooLargeError): TaskerError {
  return new TaskerError('TASKER_TOO_LARGE', `The rows do not fit into memory: ${cause.message}.`, {
    cause,
    remedy: 'Resolve fewer tasks at once, or smaller chunks of them (chunkSteps).',
  });
}

async function resolveChunk(
  index: number,
  snapshot: GraphSnapshot,
  resolver: Resolver,
  options: ResolveTasksOptions,
  nowMicros: number,
  signal: AbortSignal,
): Promise<ChunkResult> {
  const resolution = await resolver.resolve(snapshot, {
    nowMicros,
    contexts: options.contexts ?? true,
    levels: options.levels ?? true,
    signal,
  });
  return chunkResult(index, snapshot, resolution, resolver.rules, {
    contexts: options.contexts ?? true,
    levels: options.levels ?? true,
  });
}

/** Hands chunks from the loader to the caller, in order, a bounded number at a time. */
class ChunkQueue {
  readonly #limit: number;
  readonly #items: Promise<ChunkResult>[] = [];
  #held = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wakeTaker: (() => void) | undefined;
  #wakeLoader: (() => void) | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves when one more chunk may be loaded. */
  async room(): Promise<void> {
    while (this.#held >= this.#limit) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wakeLoader = resolve;
      await promise;
    }
  }

  push(item: Promise<ChunkResult>): void {
    item.catch(() => undefined); // the taker sees the failure; it may come before it is awaited
    this.#held++;
    this.#items.push(item);
    this.#wakeTaker?.();
  }

  end(): void {
    this.#ended = true;
    this.#wakeTaker?.();
  }

  fail(error: unknown): void {
    this.#failure = { error };
    this.#wakeTaker?.();
  }

  /** The next chunk, or undefined at the end. */
  async shift(): Promise<ChunkResult | undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) return item;
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#ended) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wakeTaker = resolve;
      await promise;
    }
  }

  /** The caller is done with `count` chunks. */
  release(count = 1): void {
    this.#held -= count;
    this.#wakeLoader?.();
  }
}
