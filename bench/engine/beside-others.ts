import type { EmbeddedServer } from '../../src/database/embedded/embedded-server.ts';
import { connect } from '../../src/database/connection.ts';
import { migrate } from '../../src/database/schema/migrate.ts';
import { single } from '../figures.ts';
import { spreadOf, type Figure, type Measured, type ResultRow, type Skipped } from '../result.ts';
import type { EngineBenchOptions } from './engine-options.ts';
import { entrants, installPeers, type Entrant } from './peers.ts';
import { serverUsage, type ServerUsage } from './server-usage.ts';
import { settleTables } from './settle.ts';
import { CHAIN, SAMPLE_STEPS, type Workload, type WorkflowContestant } from './workloads.ts';

/** Longest time that a contestant may take for one answer, s. */
const LIMIT_SECONDS = 120;

/** A turn repeats what is short for so long at most, ms. */
const TURN_MS = 4000;

const WORKLOADS = ['dags', 'chain', 'fan', 'pickUp'] as const;

/** A contestant, and what it has reached so far. */
interface Standing extends Entrant {
  readonly url: string;
  readonly times: Readonly<Record<Workload, number[]>>;
  readonly usage: ServerUsage[];
  remarks: WorkflowContestant['remarks'];
  /** Why it takes no further part. */
  out: string | undefined;
}

/** Our engine and the peers in turns: in each round one after the other, alone on the server. */
export async function measureBesideOthers(
  server: EmbeddedServer,
  options: EngineBenchOptions,
  phase: (name: string) => void,
): Promise<Measured> {
  await installPeers(phase);
  const standings: Standing[] = [];
  for (const [at, entrant] of entrants().entries()) {
    const url = await server.createDatabase(`bench_peer_${at}`);
    if (at === 0) await migrate({ url });
    const times = { dags: [], chain: [], fan: [], pickUp: [] };
    standings.push({ ...entrant, url, times, usage: [], remarks: {}, out: undefined });
  }
  for (let round = -1; round < options.rounds; round++) {
    for (let turn = 0; turn < standings.length; turn++) {
      const standing = standings[(turn + Math.max(0, round)) % standings.length] as Standing;
      if (standing.out !== undefined) continue;
      phase(`${round < 0 ? 'trial' : `round ${round + 1}`}: ${standing.name}`);
      await takeTurn(standing, options, round < 0);
    }
  }
  return {
    rows: WORKLOADS.flatMap((workload) => rowsOf(standings, workload, stepsOf(options)[workload])),
    figures: standings.flatMap((standing) => usageFigures(standing, options)),
    skipped: standings.flatMap(skippedOf),
  };
}

/** Opens the contestant, asks everything of it and closes it. A trial checks counts and times nothing. */
async function takeTurn(
  standing: Standing,
  { redis, fan: fanWidth, peerTasks, samples }: EngineBenchOptions,
  trial: boolean,
): Promise<void> {
  const { url, times, usage } = standing;
  let contestant: WorkflowContestant | undefined;
  try {
    contestant = await within(standing.open({ url, redis, fanWidth }));
    standing.remarks = contestant.remarks;
    if (trial) {
      await within(contestant.dags?.(Math.min(peerTasks, SAMPLE_STEPS * 5)));
      await within(contestant.chain?.());
      await within(contestant.pickUp?.());
      await settleTables(url);
      return;
    }
    const client = await connect(url);
    try {
      const before = await serverUsage(client);
      const dags = await within(contestant.dags?.(peerTasks));
      if (dags !== undefined) {
        times.dags.push(dags);
        usage.push(difference(await serverUsage(client), before));
      }
    } finally {
      await client.end();
    }
    for (const workload of ['chain', 'pickUp'] as const) {
      const start = performance.now();
      for (let at = 0; at < samples && performance.now() - start < TURN_MS; at++) {
        const ms = await within(contestant[workload]?.());
        if (ms === undefined) break;
        times[workload].push(ms);
      }
    }
    const fan = await within(contestant.fan?.());
    if (fan !== undefined) times.fan.push(fan);
  } catch (error) {
    // a peer that cannot take part is no reason to measure nothing; our own engine is
    if (standing.name === 'tasker-core') throw error;
    standing.out = error instanceof Error ? error.message : String(error);
  } finally {
    await within(contestant?.[Symbol.asyncDispose]()).catch(() => undefined);
  }
}

/** The promise, unless it takes longer than {@link LIMIT_SECONDS}. */
async function within<T>(work: PromiseLike<T>): Promise<T>;
async function within<T>(work: PromiseLike<T> | undefined): Promise<T | undefined>;
async function within<T>(work: PromiseLike<T> | undefined): Promise<T | undefined> {
  if (work === undefined) return undefined;
  const { promise, reject } = Promise.withResolvers<never>();
  const late = new Error(`not over after ${LIMIT_SECONDS} s`);
  const timer = setTimeout(() => reject(late), LIMIT_SECONDS * 1000);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

const SCENARIOS: Readonly<Record<Workload, string>> = {
  dags: 'engines, sample DAGs',
  chain: 'engines, chain of 10',
  fan: 'engines, fan',
  pickUp: 'engines, pick-up',
};

const stepsOf = ({ peerTasks, fan }: EngineBenchOptions): Readonly<Record<Workload, number>> => ({
  dags: peerTasks * SAMPLE_STEPS,
  chain: CHAIN.parents.length,
  fan: fan + 2,
  pickUp: 1,
});

/** One row for each contestant that has times; ours comes first and is what the others are set against. */
function rowsOf(standings: readonly Standing[], workload: Workload, steps: number): ResultRow[] {
  const ours = spreadOf(standings[0]?.times[workload] ?? []).median;
  return standings
    .filter(({ times }) => times[workload].length > 0)
    .map(({ name, times, remarks }) => {
      const { median, min, q1, q3, max, samples } = spreadOf(times[workload]);
      return {
        scenario: SCENARIOS[workload],
        contestant: name,
        steps,
        medianMs: median,
        minMs: min,
        q1Ms: q1,
        q3Ms: q3,
        maxMs: max,
        samples,
        nsPerStep: (median * 1e6) / steps,
        timesFaster: ours / median,
        note: remarks[workload] ?? '',
      };
    });
}

const difference = (after: ServerUsage, before: ServerUsage): ServerUsage => ({
  commits: after.commits - before.commits,
  walBytes: after.walBytes - before.walBytes,
  cpuMicros: after.cpuMicros - before.cpuMicros,
});

/** What a step of the sample DAGs cost the PostgreSQL server; nothing for who does not use it. */
function usageFigures({ name, usage }: Standing, { peerTasks }: EngineBenchOptions): Figure[] {
  const steps = peerTasks * SAMPLE_STEPS;
  const middle = (read: (used: ServerUsage) => number): number => spreadOf(usage.map(read)).median;
  if (usage.length === 0 || name.endsWith('Redis')) return [];
  const scenario = 'engines, cost of a step';
  const better = 'lower';
  return [
    single(scenario, `${name}: commits that wrote`, middle((used) => used.commits) / steps, {
      unit: 'a step',
      better,
    }),
    single(scenario, `${name}: WAL`, middle((used) => used.walBytes) / steps, {
      unit: 'bytes a step',
      better,
    }),
    single(scenario, `${name}: CPU of PostgreSQL`, middle((used) => used.cpuMicros) / steps, {
      unit: 'µs a step',
      better,
    }),
  ];
}

function skippedOf({ name, out, remarks, times }: Standing): Skipped[] {
  return WORKLOADS.filter((workload) => times[workload].length === 0).map((workload) => ({
    scenario: SCENARIOS[workload],
    contestant: name,
    reason: out ?? remarks[workload] ?? 'no answer',
  }));
}
