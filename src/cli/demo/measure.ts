import { databaseSource } from '../../database/snapshot/snapshot-loader.ts';
import { railsDependencyLevelsOf } from '../../database/repositories/rails-levels-query.ts';
import {
  railsStepReadinessBatch,
  railsTaskContexts,
} from '../../database/repositories/rails-queries.ts';
import { readyStepIds } from '../../database/repositories/ready-ids-query.ts';
import { readinessRows } from '../../graph/kernels/answer-rows.ts';
import { resolveTasks, type BackendName, type Resolver } from '../../resolver/index.ts';
import type { CommandContext } from '../command-context.ts';
import type { Progress } from '../progress.ts';
import type { CheckReport } from './check-answers.ts';
import type { DemoClient } from './demo-database.ts';

/** Medians of one backend, ms. */
export interface BackendTimes {
  readonly backend: BackendName;
  /** Waiting for PostgreSQL and putting rows into arrays. */
  readonly load: number;
  /** Readiness, contexts and levels over loaded arrays. */
  readonly resolve: number;
  /** From the first request to the last answer: load and resolve overlap. */
  readonly cold: number;
}

/** Medians of the SQL side, ms, rows decoded as node-postgres does it. */
export interface SqlTimes {
  readonly readiness: number;
  readonly contexts: number;
  readonly levels: number;
  readonly readyIds: number;
}

/** What was measured. */
export interface Measurements {
  readonly rounds: number;
  readonly backends: readonly BackendTimes[];
  readonly sql: SqlTimes;
  /** Turning every readiness row into an object, ms. */
  readonly decode: number;
}

const ROUNDS = 5;
const LEAST_ROUNDS = 3;
/** No further round is begun after this many ms. */
const BUDGET = 15_000;
/** Resolutions of loaded arrays in a round; they take a millisecond or so each. */
const WARM_REPEATS = 20;

/**
 * Times every backend and the SQL side on the same rows. All of them take a turn in each round, in
 * rotated order, so that what else the machine does falls on all alike; medians count.
 */
export async function measure(
  context: CommandContext,
  progress: Progress,
  client: DemoClient,
  url: string,
  resolvers: readonly { readonly backend: BackendName; readonly resolver: Resolver }[],
  check: CheckReport,
): Promise<Measurements> {
  progress.phase('measuring');
  const { signal } = context;
  const { snapshots, nowMicros, taskIds, levelTaskIds } = check;
  const times = new Map<string, number[]>();
  const note = (name: string, millis: number): void => {
    times.set(name, [...(times.get(name) ?? []), millis]);
  };
  const timed = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    const started = performance.now();
    await work();
    note(name, performance.now() - started);
  };
  const forEach = async <T>(
    items: readonly T[],
    work: (item: T) => Promise<unknown>,
  ): Promise<void> => {
    for (const item of items) await work(item);
  };
  const turns: (() => Promise<void>)[] = resolvers.map(({ backend, resolver }) => async () => {
    const run = resolveTasks(databaseSource({ url }), { resolver, nowMicros, signal });
    for await (const chunk of run) void chunk;
    const { loadMillis, totalMillis } = run.summary();
    note(`${backend} load`, loadMillis);
    note(`${backend} cold`, totalMillis);
    for (let repeat = 0; repeat < WARM_REPEATS; repeat++) {
      await timed(`${backend} resolve`, () =>
        forEach(snapshots, (snapshot) => resolver.resolve(snapshot, { nowMicros, signal })),
      );
    }
  });
  turns.push(
    () => timed('readiness', () => forEach(taskIds, (ids) => railsStepReadinessBatch(client, ids))),
    () => timed('contexts', () => forEach(taskIds, (ids) => railsTaskContexts(client, ids))),
    () =>
      timed('levels', () => forEach(levelTaskIds, (ids) => railsDependencyLevelsOf(client, ids))),
    () => timed('readyIds', () => readyStepIds(client)),
    () =>
      timed('decode', async () => {
        for (const snapshot of snapshots)
          for (const row of readinessRows(snapshot, 'rails')) void row;
      }),
  );
  const started = performance.now();
  let rounds = 0;
  while (rounds < ROUNDS && (rounds < LEAST_ROUNDS || performance.now() - started < BUDGET)) {
    for (let turn = 0; turn < turns.length; turn++) {
      signal.throwIfAborted();
      await turns[(turn + rounds) % turns.length]!();
    }
    rounds++;
    progress.update(rounds, ROUNDS, 'rounds');
  }
  const of = (name: string): number => median(times.get(name) ?? []);
  return {
    rounds,
    backends: resolvers.map(({ backend }) => ({
      backend,
      load: of(`${backend} load`),
      resolve: of(`${backend} resolve`),
      cold: of(`${backend} cold`),
    })),
    sql: {
      readiness: of('readiness'),
      contexts: of('contexts'),
      levels: of('levels'),
      readyIds: of('readyIds'),
    },
    decode: of('decode'),
  };
}

function median(values: readonly number[]): number {
  const ordered = values.toSorted((a, b) => a - b);
  const middle = ordered.length >> 1;
  const upper = ordered[middle] ?? Number.NaN;
  return ordered.length % 2 === 1 ? upper : ((ordered[middle - 1] ?? Number.NaN) + upper) / 2;
}
