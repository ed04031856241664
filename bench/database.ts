import type pg from 'pg';

import {
  bigintArray,
  railsStepReadinessBatch,
} from '../src/database/repositories/rails-queries.ts';
import { readyStepIds as tunedReadyIds } from '../src/database/repositories/ready-ids-query.ts';
import { databaseSource } from '../src/database/snapshot/snapshot-loader.ts';
import type { GraphSnapshot } from '../src/graph/snapshot/snapshot.ts';
import { resolveTasks, type Resolver } from '../src/resolver/index.ts';
import { compareIds, templateContestants } from './by-template.ts';
import { Collected, openResolvers, THREADS, withoutAddon, type BenchContext } from './context.ts';
import { timeScenario, type Contestant } from './interleave.ts';
import type { Measured } from './result.ts';

/** Chunks larger than any size here: one snapshot. */
const ONE_CHUNK = 2 ** 30;

/** The SQL functions need seconds for a million steps. */
const SQL_MOST = 3;

/** Loading takes more than a second for them. */
const COLD_MOST = 5;

/** One call for 100,000 tasks can make the server build hash tables of many gigabytes. */
const TASKS_A_CALL = 20_000;

const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : 1);

/**
 * The same question to the same database: the SQL functions, tuned SQL, a cold run (load and
 * resolve), a warm one (resolve what is loaded), and the ready ids by template.
 */
export async function benchDatabase(context: BenchContext): Promise<Measured> {
  const collected = new Collected();
  for (const steps of context.sizes(10_000, 100_000, 1_000_000)) {
    const client = await context.databases.connect(steps);
    const other = await context.databases.connect(steps);
    try {
      await benchSize(context, client, other, collected);
    } finally {
      await Promise.all([client.end(), other.end()]);
    }
  }
  return collected;
}

/** Calls the work with slices of the tasks, one after the other. */
async function inSlices<T>(
  taskIds: readonly bigint[],
  work: (some: readonly bigint[]) => Promise<T[]>,
): Promise<T[]> {
  if (taskIds.length <= TASKS_A_CALL) return work(taskIds);
  const parts: T[][] = [];
  for (let at = 0; at < taskIds.length; at += TASKS_A_CALL) {
    parts.push(await work(taskIds.slice(at, at + TASKS_A_CALL)));
  }
  return parts.flat();
}

/** The SQL batch function, all columns. */
const batchRows = (client: pg.Client, taskIds: readonly bigint[]) =>
  inSlices(taskIds, (some) => railsStepReadinessBatch(client, some));

/** Ids of the ready steps by the SQL batch function. */
const batchReadyIds = (client: pg.Client, taskIds: readonly bigint[]): Promise<bigint[]> =>
  inSlices(taskIds, async (some) => {
    const ready = await client.query<[string]>({
      text: `SELECT workflow_step_id FROM get_step_readiness_status_batch($1::bigint[])
             WHERE ready_for_execution`,
      values: [bigintArray(some)],
      rowMode: 'array',
    });
    return ready.rows.map(([id]) => BigInt(id));
  });

/** Compares every step and gives the loaded snapshots; one transaction, hence one clock. */
async function compareAnswers(
  client: pg.Client,
  taskIds: readonly bigint[],
  resolver: Resolver,
): Promise<{ readonly snapshots: GraphSnapshot[]; readonly ready: bigint[] }> {
  const snapshots: GraphSnapshot[] = [];
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  const bySql = new Map<string, boolean>();
  for (const row of await batchRows(client, taskIds)) {
    bySql.set(row.workflow_step_id, row.ready_for_execution);
  }
  const byTunedSql = await tunedReadyIds(client);
  let compared = 0;
  const run = resolveTasks(databaseSource({ clients: [client] }), {
    resolver,
    chunkSteps: ONE_CHUNK,
  });
  for await (const chunk of run) {
    for (const row of chunk.readiness()) {
      compared++;
      if (bySql.get(String(row.workflow_step_id)) !== row.ready_for_execution) {
        throw new Error(`step ${row.workflow_step_id}: SQL and resolver differ`);
      }
    }
    snapshots.push(chunk.snapshot);
  }
  await client.query('COMMIT');
  if (compared !== bySql.size) throw new Error(`${compared} steps against ${bySql.size}`);
  const ready = [...bySql].flatMap(([id, is]) => (is ? [BigInt(id)] : [])).sort(ascending);
  compareIds(ready, byTunedSql.map(BigInt).toSorted(ascending), 'tuned SQL');
  return { snapshots, ready };
}

async function benchSize(
  context: BenchContext,
  client: pg.Client,
  other: pg.Client,
  collected: Collected,
): Promise<void> {
  const found = await client.query<[string]>({
    text: 'SELECT task_id FROM tasker_tasks ORDER BY 1',
    rowMode: 'array',
  });
  const taskIds = found.rows.map(([id]) => BigInt(id));
  const scenario = 'database';
  const names = ['auto', 'TypeScript', 'native, 1 thread', `native, ${THREADS} threads`];
  await using resolvers = openResolvers(names, scenario, collected.skipped);
  const auto = resolvers.get('auto') as Resolver;
  context.phase('comparing answers with SQL');
  const { snapshots, ready } = await compareAnswers(client, taskIds, auto);
  const now = snapshots[0]?.loadedAt ?? NaN;
  const steps = snapshots.reduce((sum, { views }) => sum + views.counts.steps, 0);
  const byTemplate = templateContestants(snapshots, now);
  compareIds(ready, byTemplate.ids, 'by template');
  const inTypeScript = await withoutAddon(() => templateContestants(snapshots, now));
  compareIds(ready, inTypeScript.ids, 'by template, TypeScript');

  const cold = (clients: readonly pg.Client[], resolver: Resolver, rows: boolean) => async () => {
    let count = 0;
    const source = databaseSource({ clients });
    for await (const chunk of resolveTasks(source, { resolver })) {
      if (!rows) count += chunk.counts.steps;
      else for (const row of chunk.readiness()) count += row.ready_for_execution ? 1 : 1;
    }
    if (count !== steps) throw new Error(`${count} steps of ${steps}`);
  };
  const warm = (resolver: Resolver, all: boolean) => async () => {
    for (const snapshot of snapshots) {
      await resolver.resolve(snapshot, { nowMicros: now, contexts: all, levels: all });
    }
  };
  const warmOnes = [...resolvers].filter(([name]) => name !== 'auto');
  const typeScript = resolvers.get('TypeScript') as Resolver;
  const both = [client, other];
  const calls = Math.ceil(taskIds.length / TASKS_A_CALL);
  const few = steps > 200_000 ? { most: COLD_MOST } : {};
  const inCalls =
    calls > 1 ? { most: SQL_MOST, note: `in ${calls} calls, one after the other` } : {};
  const contestants: Contestant[] = [
    {
      name: 'SQL batch function, 16 columns',
      run: () => batchRows(client, taskIds),
      ...inCalls,
    },
    {
      name: 'SQL batch function, ready ids',
      run: () => batchReadyIds(client, taskIds),
      ...inCalls,
    },
    { name: 'tuned SQL, ready ids', run: () => tunedReadyIds(client) },
    { name: 'cold: load + resolve, 2 connections', run: cold(both, auto, false), ...few },
    {
      name: 'cold: load + resolve, 2 connections, TypeScript',
      run: cold(both, typeScript, false),
      ...few,
    },
    { name: 'cold: load + resolve, 1 connection', run: cold([client], auto, false), ...few },
    { name: 'cold: load + resolve, 16 columns as objects', run: cold(both, auto, true), ...few },
    ...warmOnes.map(([name, resolver]) => ({
      name: `warm readiness: ${name}`,
      run: warm(resolver, false),
    })),
    ...warmOnes.map(([name, resolver]) => ({
      name: `warm readiness, contexts, levels: ${name}`,
      run: warm(resolver, true),
    })),
    ...inTypeScript.contestants.map((one) => ({ ...one, name: `${one.name}, TypeScript` })),
    ...byTemplate.contestants,
  ];
  context.phase(`against SQL, ${steps.toLocaleString('en')} steps`);
  collected.rows.push(...(await timeScenario(scenario, steps, contestants, context.rounds)));
}
