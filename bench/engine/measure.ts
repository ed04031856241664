import type pg from 'pg';

import { figure, single } from '../figures.ts';
import type { Figure } from '../result.ts';
import type { EngineContestant } from './engine-contestant.ts';
import { serverUsage } from './server-usage.ts';
import { SAMPLE_STEPS } from './workloads.ts';

const LOWER = { better: 'lower' } as const;

/** Create and run under load, with what each step costs; the scenario's figures. */
export async function measureLoad(
  contestant: EngineContestant,
  client: pg.Client,
  tasks: number,
  rounds: number,
): Promise<Figure[]> {
  const scenario = 'engine, sample DAGs';
  const rates: number[] = [];
  const steps = tasks * SAMPLE_STEPS * rounds;
  const before = await serverUsage(client);
  const cpu = process.cpuUsage();
  const written = contestant.written;
  for (let round = 0; round < rounds; round++) {
    rates.push((tasks * SAMPLE_STEPS * 1000) / (await contestant.dags(tasks)));
  }
  const node = process.cpuUsage(cpu);
  const after = await serverUsage(client);
  const statements = contestant.written.statements - written.statements;
  const moves = contestant.written.moves - written.moves;
  const note = `${tasks.toLocaleString('en')} tasks a round`;
  return [
    figure(scenario, 'create + run', rates, { unit: 'steps/s', better: 'higher', note }),
    single(scenario, 'CPU of Node', (node.user + node.system) / steps, {
      unit: 'µs a step',
      ...LOWER,
    }),
    single(scenario, 'CPU of PostgreSQL', (after.cpuMicros - before.cpuMicros) / steps, {
      unit: 'µs a step',
      ...LOWER,
    }),
    single(scenario, 'statements', statements / steps, {
      unit: 'a step',
      ...LOWER,
      note: 'of transitions; creation takes one for some hundred tasks',
    }),
    single(scenario, 'commits that wrote', (after.commits - before.commits) / steps, {
      unit: 'a step',
      ...LOWER,
    }),
    single(scenario, 'WAL', (after.walBytes - before.walBytes) / steps, {
      unit: 'bytes a step',
      ...LOWER,
    }),
    single(scenario, 'group size', moves / statements, {
      unit: 'moves a statement',
      better: 'higher',
    }),
  ];
}

/** Tasks that were there before the engine: from its start to the end of the last one. */
export async function measureRunOnly(
  contestant: EngineContestant,
  tasks: number,
  rounds: number,
): Promise<Figure> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    rates.push((tasks * SAMPLE_STEPS * 1000) / (await contestant.runOnly(tasks)));
  }
  return figure('engine, sample DAGs', 'run only', rates, {
    unit: 'steps/s',
    better: 'higher',
    note: `${tasks.toLocaleString('en')} tasks a round, created before`,
  });
}

/** Times of an engine that has nothing else to do: median, and the 95th percentile apart. */
export async function measureIdle(
  scenario: string,
  samples: number,
  run: () => Promise<number>,
): Promise<Figure[]> {
  await run();
  const times: number[] = [];
  for (let at = 0; at < samples; at++) times.push(await run());
  const last = times.toSorted((a, b) => a - b)[Math.ceil(samples * 0.95) - 1] ?? NaN;
  return [
    figure(scenario, 'p50', times, { unit: 'ms', ...LOWER }),
    single(scenario, 'p95', last, { unit: 'ms', ...LOWER }),
  ];
}
