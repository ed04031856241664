import type pg from 'pg';

import { connect } from '../src/database/connection.ts';
import { startEmbeddedServer } from '../src/database/embedded-server.ts';
import { migrate } from '../src/database/migrate.ts';
import { bigintArray, railsStepReadinessBatch } from '../src/database/rails-queries.ts';
import { readyStepIds as tunedReadyIds } from '../src/database/ready-ids-query.ts';
import { seedDatabase } from '../src/database/seed.ts';
import { databaseSource } from '../src/database/snapshot-loader.ts';
import { readyStepIds } from '../src/graph/answer-rows.ts';
import type { GraphSnapshot } from '../src/graph/snapshot.ts';
import {
  createReadyIndex,
  createResolver,
  resolveTasks,
  STATE_CODES,
  type ReadyIndex,
  type Resolver,
} from '../src/resolver/index.ts';
import { parseMix } from '../src/templates/sample-workflows.ts';
import { interleave, type Contestant } from './interleave.ts';
import type { ResultRow } from './report.ts';
import { BENCH_NOW, SHAPES, shapedSnapshot } from './shapes.ts';

/** A contestant that is over in less than a millisecond takes its turn many times over. */
interface Repeated extends Contestant {
  readonly repeat?: number;
}

const CALLS = 50;
const SECOND = 1_000_000;

/** Ready steps by template: in memory against the kernels, in a database against SQL. */
export async function benchByTemplate(
  memorySteps: readonly number[],
  databaseTasks: readonly number[],
  rounds: number,
  onRow: (rows: readonly ResultRow[]) => void,
): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  const take = (done: readonly ResultRow[]): void => {
    rows.push(...done);
    onRow(done);
  };
  await using resolver = createResolver({ backend: 'inline' });
  for (const steps of memorySteps) {
    take(await benchMemory(shapedSnapshot(SHAPES.typical, steps), resolver, rounds));
  }
  await using server = await startEmbeddedServer();
  for (const tasks of databaseTasks) {
    const url = await server.createDatabase(`template_${tasks}`);
    await migrate({ url, railsFunctions: true });
    await seedDatabase({ url, tasks, mix: parseMix('batch10') });
    const client = await connect(url);
    try {
      take(await benchDatabase(client, resolver, tasks, rounds));
    } finally {
      await client.end();
    }
  }
  return rows;
}

/** Fails where two lists of ids differ; `found` in the order of the snapshot. */
function compareIds(expected: Iterable<bigint>, found: Iterable<bigint>, who: string): void {
  const others = [...expected];
  const ids = [...found];
  const at = ids.findIndex((id, index) => id !== others[index]);
  if (at !== -1 || ids.length !== others.length) {
    throw new Error(`${who}: ${ids.length} ready ids against ${others.length}, first at ${at}`);
  }
}

const waysOf = ({ groups }: ReadyIndex): string =>
  `${groups.templates.length} templates, ${groups.groupedTasks} tasks together`;

async function benchMemory(
  snapshot: GraphSnapshot,
  resolver: Resolver,
  rounds: number,
): Promise<ResultRow[]> {
  const { steps } = snapshot.views.counts;
  const answer = async (nowMicros: number): Promise<BigInt64Array> => {
    await resolver.resolve(snapshot, { nowMicros, contexts: false, levels: false });
    return readyStepIds(snapshot, 'rails');
  };
  const index = createReadyIndex(snapshot);
  for (const now of [BENCH_NOW, BENCH_NOW + 10 * SECOND, BENCH_NOW]) {
    compareIds(await answer(now), index.readyStepIds(now), 'the index');
  }
  const moving = createReadyIndex(snapshot);
  let clock = BENCH_NOW - 60 * SECOND;
  const changing = createReadyIndex(snapshot);
  const changes = Math.max(1, Math.floor(steps / 1000));
  let turn = 0;
  const contestants: Repeated[] = [
    { name: 'kernels: resolve readiness, collect ids', run: () => answer(BENCH_NOW) },
    { name: 'index: build', run: () => createReadyIndex(snapshot) },
    {
      name: 'index: build, first ids',
      run: () => createReadyIndex(snapshot).readyStepIds(BENCH_NOW),
    },
    { name: 'index: ids', run: () => index.readyStepIds(BENCH_NOW), repeat: CALLS },
    { name: 'index: count', run: () => index.readyCount(BENCH_NOW), repeat: CALLS },
    {
      name: 'index: ids, 10 ms later each',
      run: () => moving.readyStepIds((clock += SECOND / 100)),
      repeat: CALLS,
    },
    {
      name: `index: ids after ${changes.toLocaleString('en')} changed steps`,
      run() {
        const state = turn++ % 2 === 0 ? STATE_CODES.complete : STATE_CODES.pending;
        for (let at = 0; at < changes; at++) changing.update((at * 7919) % steps, { state });
        return changing.readyStepIds(BENCH_NOW);
      },
      repeat: CALLS,
    },
  ];
  const note = `${index.readyCount(BENCH_NOW)} ready, ${(index.groups.bytes / steps).toFixed(1)} bytes a step`;
  return timed('by template, memory, typical', steps, contestants, rounds, note);
}

async function benchDatabase(
  client: pg.Client,
  resolver: Resolver,
  tasks: number,
  rounds: number,
): Promise<ResultRow[]> {
  const found = await client.query<[string]>({
    text: 'SELECT task_id FROM tasker_tasks ORDER BY 1',
    rowMode: 'array',
  });
  const taskIds = found.rows.map(([id]) => BigInt(id));
  const batchReadyIds = async (): Promise<bigint[]> => {
    const ready = await client.query<[string]>({
      text: `SELECT workflow_step_id FROM get_step_readiness_status_batch($1::bigint[])
             WHERE ready_for_execution`,
      values: [bigintArray(taskIds)],
      rowMode: 'array',
    });
    return ready.rows.map(([id]) => BigInt(id));
  };
  // one transaction, hence one clock for SQL and the load
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  const bySql = await batchReadyIds();
  const byTunedSql = await tunedReadyIds(client);
  const snapshots: GraphSnapshot[] = [];
  const source = databaseSource({ clients: [client] });
  for await (const chunk of resolveTasks(source, { resolver, chunkSteps: 2 ** 30 })) {
    snapshots.push(chunk.snapshot);
  }
  await client.query('COMMIT');
  const now = snapshots[0]?.loadedAt ?? NaN;
  const steps = snapshots.reduce((sum, { views }) => sum + views.counts.steps, 0);
  const indexes = snapshots.map((snapshot) => createReadyIndex(snapshot));
  const answer = async (): Promise<BigInt64Array[]> => {
    const answers: BigInt64Array[] = [];
    for (const snapshot of snapshots) {
      await resolver.resolve(snapshot, { nowMicros: now, contexts: false, levels: false });
      answers.push(readyStepIds(snapshot, 'rails'));
    }
    return answers;
  };
  const ask = (): BigInt64Array[] => indexes.map((index) => index.readyStepIds(now));
  const ids = ask().flatMap((some) => [...some]);
  const inOrder = (a: bigint, b: bigint): number => (a < b ? -1 : 1);
  compareIds(
    (await answer()).flatMap((some) => [...some]),
    ids,
    'kernels',
  );
  compareIds(bySql.toSorted(inOrder), ids.toSorted(inOrder), 'SQL batch function');
  compareIds(byTunedSql.map(BigInt).toSorted(inOrder), ids.toSorted(inOrder), 'tuned SQL');

  const contestants: Repeated[] = [
    { name: 'SQL batch function, 16 columns', run: () => railsStepReadinessBatch(client, taskIds) },
    { name: 'SQL batch function, ready ids', run: batchReadyIds },
    { name: 'tuned SQL, ready ids', run: () => tunedReadyIds(client) },
    { name: 'kernels: resolve readiness, collect ids', run: answer },
    { name: 'index: build', run: () => snapshots.map((snapshot) => createReadyIndex(snapshot)) },
    { name: 'index: ids', run: ask, repeat: CALLS },
  ];
  const note = `${ids.length} ready, ${indexes.map(waysOf).join('; ')}`;
  const scenario = `by template, database, ${tasks.toLocaleString('en')} tasks`;
  return timed(scenario, steps, contestants, tasks >= 50_000 ? Math.min(rounds, 5) : rounds, note);
}

/** Runs the contestants in turns; the times are those of one call, the note stands at the last. */
async function timed(
  scenario: string,
  steps: number,
  contestants: readonly Repeated[],
  rounds: number,
  note: string,
): Promise<ResultRow[]> {
  const turns = contestants.map(({ name, run, repeat = 1 }) => ({
    name,
    async run() {
      for (let call = 0; call < repeat; call++) await run();
    },
  }));
  const timings = await interleave(turns, rounds);
  const reference = timings[0]?.medianMs ?? NaN;
  return timings.map(({ name, medianMs, minMs, maxMs }, at) => {
    const { repeat = 1 } = contestants[at] as Repeated;
    const median = medianMs / repeat;
    return {
      scenario,
      contestant: name,
      steps,
      medianMs: median,
      minMs: minMs / repeat,
      maxMs: maxMs / repeat,
      nsPerStep: (median * 1e6) / steps,
      timesFaster: reference / median,
      note: at === timings.length - 1 ? note : '',
    };
  });
}
