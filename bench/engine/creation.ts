import type { EmbeddedServer } from '../../src/database/embedded/embedded-server.ts';
import { connect } from '../../src/database/connection.ts';
import { migrate } from '../../src/database/schema/migrate.ts';
import { figure } from '../figures.ts';
import type { Figure } from '../result.ts';
import { EngineContestant } from './engine-contestant.ts';
import { SAMPLE_STEPS } from './workloads.ts';

/** Bulk creation without an engine that runs, both ways in turns; steps a second. */
export async function measureCreation(
  server: EmbeddedServer,
  tasks: number,
  rounds: number,
): Promise<Figure[]> {
  const url = await server.createDatabase('bench_engine_creation');
  await migrate({ url });
  await using contestant = await EngineContestant.open(url);
  // makes the catalog's rows, the sessions and their statements
  await contestant.create(8);
  await contestant.create(8, { trusted: true });
  const ways = [
    { name: 'checked', options: {}, rates: [] as number[] },
    { name: 'trusted', options: { trusted: true }, rates: [] as number[] },
  ];
  for (let round = 0; round < rounds; round++) {
    for (const { options, rates } of round % 2 === 0 ? ways : ways.toReversed()) {
      const start = performance.now();
      await contestant.create(tasks, options);
      rates.push((tasks * SAMPLE_STEPS * 1000) / (performance.now() - start));
    }
  }
  await expectSteps(url, (16 + 2 * rounds * tasks) * SAMPLE_STEPS);
  return ways.map(({ name, rates }) =>
    figure('engine, bulk creation', name, rates, {
      unit: 'steps/s',
      better: 'higher',
      note: `${tasks.toLocaleString('en')} tasks a round, 2 sessions`,
    }),
  );
}

async function expectSteps(url: string, steps: number): Promise<void> {
  const client = await connect(url);
  try {
    const { rows } = await client.query<{ steps: string }>(
      'SELECT count(*)::text AS steps FROM tasker_workflow_steps WHERE NOT processed',
    );
    if (rows[0]?.steps === String(steps)) return;
    throw new Error(`${rows[0]?.steps} of ${steps} steps were created`);
  } finally {
    await client.end();
  }
}
