import type { EmbeddedServer } from '../../src/database/embedded/embedded-server.ts';
import { migrate } from '../../src/database/schema/migrate.ts';
import { figure, single } from '../figures.ts';
import { usedBytes } from '../garbage.ts';
import type { Figure } from '../result.ts';
import { trendOf, type Sample } from '../trend.ts';
import { EngineContestant } from './engine-contestant.ts';
import { settleTables } from './settle.ts';
import { SAMPLE_STEPS } from './workloads.ts';

/** Looks at the heap, or as many as there are tasks; the first fifth, in which caches fill, does not count. */
const MOST_LOOKS = 50;
const WARM_UP_SHARE = 0.2;

/** One engine that runs many steps: does its memory grow, and does it get slower? */
export async function measureLongRun(server: EmbeddedServer, steps: number): Promise<Figure[]> {
  const url = await server.createDatabase('bench_engine_long_run');
  await migrate({ url });
  await using contestant = await EngineContestant.start(url, 1);
  const looks = Math.min(MOST_LOOKS, Math.max(4, Math.floor(steps / SAMPLE_STEPS)));
  const tasks = Math.max(1, Math.round(steps / SAMPLE_STEPS / looks));
  await contestant.dags(tasks);
  await settleTables(url);
  const rates: number[] = [];
  const samples: Sample[] = [];
  for (let look = 0; look < looks; look++) {
    rates.push((tasks * SAMPLE_STEPS * 1000) / (await contestant.dags(tasks)));
    if (look < looks * WARM_UP_SHARE) continue;
    // a look is a minute to the trend: how long one takes says nothing here
    samples.push({ seconds: look * 60, value: usedBytes() });
  }
  const mean = samples.reduce((sum, { value }) => sum + value, 0) / samples.length;
  const { slope, low } = trendOf(samples);
  const share = (perLook: number): number => (100 * perLook * samples.length) / mean;
  const scenario = 'engine, long run';
  const note = `${(tasks * SAMPLE_STEPS * looks).toLocaleString('en')} steps`;
  const about = { better: 'lower', note } as const;
  return [
    figure(scenario, 'create + run', rates, { unit: 'steps/s', better: 'higher', note }),
    figure(
      scenario,
      'heap in use',
      samples.map(({ value }) => value / 2 ** 20),
      { unit: 'MiB', ...about },
    ),
    single(scenario, 'heap, slope', slope / (tasks * SAMPLE_STEPS), {
      unit: 'bytes a step',
      ...about,
    }),
    single(scenario, 'heap, growth that is certain', Math.max(0, share(low)), {
      unit: '% of it',
      ...about,
      note: 'lower end of the interval of 95 %, over the run',
    }),
  ];
}
