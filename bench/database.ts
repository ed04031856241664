import type pg from 'pg';

import { connect } from '../src/database/connection.ts';
import { startEmbeddedServer } from '../src/database/embedded-server.ts';
import { migrate } from '../src/database/migrate.ts';
import { railsStepReadiness, railsStepReadinessBatch } from '../src/database/rails-queries.ts';
import { createReadinessRepository } from '../src/database/readiness-repository.ts';
import { readyStepIds } from '../src/database/ready-ids-query.ts';
import { seedDatabase } from '../src/database/seed.ts';
import { databaseSource } from '../src/database/snapshot-loader.ts';
import type { GraphSnapshot } from '../src/graph/snapshot.ts';
import { createResolver, resolveTasks, type Resolver } from '../src/resolver/index.ts';
import { parseMix } from '../src/templates/sample-workflows.ts';
import { interleave, type Contestant, type Timing } from './interleave.ts';
import type { ResultRow } from './report.ts';

/** Everything that the contestants of one size share. */
interface Stage {
  readonly client: pg.Client;
  /** A second session, for the loader. */
  readonly other: pg.Client;
  readonly taskIds: readonly bigint[];
  readonly resolver: Resolver;
  readonly snapshots: readonly GraphSnapshot[];
  readonly steps: number;
}

/**
 * The same question to the same database: the SQL functions, the tuned query, and a cold run
 * (load and resolve) or a warm one (resolve what is loaded), for sizes in tasks of 10 steps.
 */
export async function benchDatabase(
  sizes: readonly number[],
  rounds: number,
  onRow: (rows: readonly ResultRow[]) => void,
): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  await using server = await startEmbeddedServer();
  await using resolver = createResolver();
  for (const tasks of sizes) {
    const url = await server.createDatabase(`bench_${tasks}`);
    await migrate({ url, railsFunctions: true });
    await seedDatabase({ url, tasks, mix: parseMix('batch10') });
    const client = await connect(url);
    const other = await connect(url);
    try {
      const done = await benchSize(await openStage(client, other, resolver), tasks, rounds);
      rows.push(...done);
      onRow(done);
    } finally {
      await Promise.all([client.end(), other.end()]);
    }
  }
  return rows;
}

async function openStage(client: pg.Client, other: pg.Client, resolver: Resolver): Promise<Stage> {
  const ids = await client.query<{ id: string }>(
    'SELECT task_id AS id FROM tasker_tasks ORDER BY 1',
  );
  const snapshots: GraphSnapshot[] = [];
  let steps = 0;
  for await (const chunk of resolveTasks(databaseSource({ clients: [client] }), { resolver })) {
    snapshots.push(chunk.snapshot);
    steps += chunk.counts.steps;
  }
  const taskIds = ids.rows.map((row) => BigInt(row.id));
  return { client, other, taskIds, resolver, snapshots, steps };
}

/** Compares readiness of every step with the SQL function, inside one transaction's NOW(). */
async function compareAnswers(stage: Stage): Promise<void> {
  const { client, taskIds } = stage;
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  const ready = new Map<string, boolean>();
  for (const row of await railsStepReadinessBatch(client, taskIds)) {
    ready.set(row.workflow_step_id, row.ready_for_execution);
  }
  let compared = 0;
  for await (const chunk of resolveTasks(databaseSource({ clients: [client] }), {
    resolver: stage.resolver,
  })) {
    for (const row of chunk.readiness()) {
      compared++;
      if (ready.get(String(row.workflow_step_id)) !== row.ready_for_execution) {
        throw new Error(`step ${row.workflow_step_id}: SQL and resolver differ`);
      }
    }
  }
  const tuned = await readyStepIds(client);
  const expected = [...ready].filter(([, is]) => is).length;
  await client.query('COMMIT');
  if (compared !== ready.size || tuned.length !== expected) {
    throw new Error(
      `${compared} steps against ${ready.size}, ${tuned.length} ready against ${expected}`,
    );
  }
}

async function benchSize(stage: Stage, tasks: number, rounds: number): Promise<ResultRow[]> {
  await compareAnswers(stage);
  const { client, other, resolver, snapshots, steps, taskIds } = stage;
  const cold = (clients: readonly pg.Client[]) => async (): Promise<void> => {
    const run = resolveTasks(databaseSource({ clients }), { resolver });
    for await (const chunk of run) if (chunk.counts.steps < 0) throw new Error('no steps');
  };
  const warm = (call: { contexts: boolean; levels: boolean }) => async (): Promise<void> => {
    for (const snapshot of snapshots) await resolver.resolve(snapshot, call);
  };
  const contestants: Contestant[] = [
    { name: 'SQL batch function, 16 columns', run: () => railsStepReadinessBatch(client, taskIds) },
    { name: 'tuned SQL, ready ids only', run: () => readyStepIds(client) },
    { name: 'cold: load + resolve, 2 connections', run: cold([client, other]) },
    { name: 'cold: load + resolve, 1 connection', run: cold([client]) },
    { name: 'warm: readiness', run: warm({ contexts: false, levels: false }) },
    { name: 'warm: readiness, contexts, levels', run: warm({ contexts: true, levels: true }) },
  ];
  const rows = toRows(
    `database, ${tasks.toLocaleString('en')} tasks`,
    steps,
    await interleave(contestants, tasks >= 50_000 ? Math.min(rounds, 5) : rounds),
  );
  return [...rows, ...(await benchSingle(stage, tasks, rounds))];
}

/** One task of 10 steps at a time, another one in each call. */
async function benchSingle(stage: Stage, tasks: number, rounds: number): Promise<ResultRow[]> {
  const repository = createReadinessRepository(stage.client);
  const turns = { sql: 0, ours: 0 };
  const next = (who: keyof typeof turns): bigint =>
    stage.taskIds[(turns[who]++ * 7919) % stage.taskIds.length] as bigint;
  const timings = await interleave(
    [
      { name: 'SQL function', run: () => railsStepReadiness(stage.client, next('sql')) },
      { name: 'repository', run: () => repository.stepReadiness(next('ours')) },
    ],
    rounds * 100,
  );
  return toRows(`database, one task of ${tasks.toLocaleString('en')}`, 10, timings);
}

function toRows(scenario: string, steps: number, timings: readonly Timing[]): ResultRow[] {
  const reference = timings[0]?.medianMs ?? NaN;
  return timings.map((timing) => ({
    scenario,
    contestant: timing.name,
    steps,
    medianMs: timing.medianMs,
    minMs: timing.minMs,
    maxMs: timing.maxMs,
    nsPerStep: (timing.medianMs * 1e6) / steps,
    timesFaster: reference / timing.medianMs,
    note: '',
  }));
}
