/** `npm run bench:engine`: our engine, and the peers beside it, on an embedded PostgreSQL of its own. */
import { mkdir, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { dirname } from 'node:path';

import { connect } from '../src/database/connection.ts';
import {
  startEmbeddedServer,
  type EmbeddedServer,
} from '../src/database/embedded/embedded-server.ts';
import { migrate } from '../src/database/schema/migrate.ts';
import { measureBesideOthers } from './engine/beside-others.ts';
import { measureCreation } from './engine/creation.ts';
import { measureDelivery } from './engine/delivery.ts';
import { measureTransitions } from './engine/durable-transition.ts';
import { EngineContestant } from './engine/engine-contestant.ts';
import {
  ENGINE_HELP,
  readEngineOptions,
  type EngineBenchOptions,
} from './engine/engine-options.ts';
import { measurePublishing } from './engine/events.ts';
import { measureLongRun } from './engine/long-run.ts';
import { measureIdle, measureLoad, measureRunOnly } from './engine/measure.ts';
import { settleTables } from './engine/settle.ts';
import { measureStart } from './engine/start-up.ts';
import { describeMachine } from './machine.ts';
import { startProgress, type BenchProgress } from './progress.ts';
import { RESULT_SCHEMA, type BenchResult, type Figure, type Measured } from './result.ts';
import { formatFigures, formatRows } from './table.ts';

/** Events published a round, for each task of the other scenarios. */
const EVENTS_A_TASK = 100;

/** What runs in one database after the other; each phase is one line of progress. */
async function measureOurs(
  server: EmbeddedServer,
  options: EngineBenchOptions,
  progress: BenchProgress,
): Promise<Figure[]> {
  const { tasks, fan, rounds, samples, active, longRun } = options;
  const figures: Figure[] = [];
  const url = await server.createDatabase('bench_engine');
  await migrate({ url });
  const client = await connect(url);
  try {
    await using engine = await EngineContestant.start(url, fan);
    progress.phase('load');
    await engine.dags(Math.min(200, tasks));
    await settleTables(url);
    figures.push(...(await measureLoad(engine, client, tasks, rounds)));
    progress.phase('one at a time');
    figures.push(
      ...(await measureIdle('engine, chain of 10', samples, () => engine.chain())),
      ...(await measureIdle('engine, pick-up', samples, () => engine.pickUp())),
      ...(await measureIdle(`engine, fan 1 to ${fan} to 1`, rounds, () => engine.fan())),
    );
    progress.phase('run only');
    figures.push(await measureRunOnly(engine, tasks, rounds));
  } finally {
    await client.end();
  }
  progress.phase('bulk creation');
  figures.push(...(await measureCreation(server, tasks, rounds)));
  progress.phase('single transitions');
  figures.push(...(await measureTransitions(server, samples)));
  progress.phase('start');
  figures.push(...(await measureStart(server, active, rounds)));
  progress.phase('events');
  figures.push(...(await measurePublishing(server, tasks * EVENTS_A_TASK, rounds)));
  progress.phase('delivery');
  const events = tasks * EVENTS_A_TASK;
  figures.push(...(await measureDelivery(server, { events, rounds, samples, tasks })));
  progress.phase('long run');
  figures.push(...(await measureLongRun(server, longRun)));
  return figures;
}

/** Settings of the server that the figures depend on. */
async function describeServer(server: EmbeddedServer): Promise<Record<string, string>> {
  const client = await connect(await server.createDatabase('bench_engine_settings'));
  try {
    const { rows } = await client.query<{ name: string; value: string }>(
      `SELECT name, current_setting(name) AS value FROM pg_settings
        WHERE name IN ('server_version', 'shared_buffers', 'synchronous_commit', 'fsync', 'wal_level',
                       'max_wal_size')
        ORDER BY name`,
    );
    return Object.fromEntries(rows.map(({ name, value }) => [`postgres ${name}`, value]));
  } finally {
    await client.end();
  }
}

async function run(options: EngineBenchOptions): Promise<void> {
  const startedAt = new Date().toISOString();
  const start = performance.now();
  const load = { 'load average before': Number(loadavg()[0]?.toFixed(1)) };
  const progress = startProgress(options.peers ? 2 : 1);
  progress.scenario('engine');
  try {
    await using server = await startEmbeddedServer();
    const figures = await measureOurs(server, options, progress);
    progress.done();
    progress.scenario('beside others');
    const { rows, ...others }: Measured = options.peers
      ? await measureBesideOthers(server, options, progress.phase)
      : { rows: [] };
    figures.push(...(others.figures ?? []));
    const skipped = others.skipped ?? [];
    const seconds = Math.round((performance.now() - start) / 1000);
    const machine = { ...(await describeMachine()), ...(await describeServer(server)) };
    const { rounds, remark } = options;
    const result: BenchResult = {
      schema: RESULT_SCHEMA,
      startedAt,
      seconds,
      machine,
      engine: { startedAt, seconds, rounds, machine: { ...machine, ...load }, remark },
      options: { only: ['engine'], rounds, maxSteps: options.tasks * 8 },
      rows,
      figures,
      skipped,
    };
    await mkdir(dirname(options.output), { recursive: true });
    await writeFile(options.output, `${JSON.stringify(result, undefined, 2)}\n`);
    process.stdout.write(`${formatRows(rows)}\n${formatFigures(figures, skipped)}`);
  } finally {
    progress.stop();
  }
}

const options = readEngineOptions(process.argv.slice(2));
if (options === 'help') {
  process.stdout.write(`${ENGINE_HELP}\n`);
} else if ('wrong' in options) {
  process.stderr.write(`${options.wrong}\nnpm run bench:engine -- --help tells more.\n`);
  process.exitCode = 64;
} else {
  await run(options);
}
