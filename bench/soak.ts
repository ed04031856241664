/** `npm run bench:soak`: does a resolver that never rests grow? */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import type { TopLevelSpec } from 'vega-lite';

import { drawChart } from './charts.ts';
import { openResolvers, THREADS } from './context.ts';
import { collectGarbage } from './garbage.ts';
import { describeMachine } from './machine.ts';
import { startProgress } from './progress.ts';
import { RESULT_SCHEMA, type Skipped } from './result.ts';
import { BENCH_NOW, SHAPES, shapedSnapshot } from './shapes.ts';
import { trendOf, type Sample } from './trend.ts';

const HELP = `Lets the pool and the addon resolve without a rest, samples the resident memory of the process,
and fails when it grows: when the slope is above zero with 95 % confidence and the growth over the
run is more than 2 % of the memory. The first fifth, in which caches fill, does not count.

  npm run bench:soak                      30 minutes
  npm run bench:soak -- --minutes 2       any other time, also 0.1
  npm run bench:soak -- --output FILE     instead of bench/results/soak.json; the chart lies beside it

Exit codes: 0 no growth, 1 it grows, 64 wrong arguments.`;

const SAMPLE_SECONDS = 1;
const WARM_UP_SHARE = 0.2;
const LEAST_GROWTH = 0.02;
/** One for each way through the addon: in the calling thread, on one thread, on several. */
const SIZES = [1000, 60_000, 200_000] as const;

interface Options {
  readonly minutes: number;
  readonly output: string;
}

async function soak({ minutes, output }: Options): Promise<number> {
  const skipped: Skipped[] = [];
  const names = [`pool, ${THREADS} threads`, `native, ${THREADS} threads`];
  const samples: Sample[] = [];
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  let calls = 0;
  const progress = startProgress(1);
  progress.scenario('soak');
  {
    await using resolvers = openResolvers(names, 'soak', skipped);
    let nextSample = 0;
    let nextWord = 0;
    while (seconds() < minutes * 60) {
      // new snapshots each time: their memory has to come back as well
      const snapshots = SIZES.map((size) => shapedSnapshot(SHAPES.typical, size));
      for (let turn = 0; turn < 50 && seconds() < minutes * 60; turn++) {
        for (const resolver of resolvers.values()) {
          for (const snapshot of snapshots) {
            await resolver.resolve(snapshot, { nowMicros: BENCH_NOW + turn });
            calls++;
          }
        }
        await setImmediate();
        if (seconds() < nextSample) continue;
        collectGarbage();
        samples.push({ seconds: seconds(), value: process.memoryUsage.rss() / 2 ** 20 });
        nextSample = seconds() + Math.min(SAMPLE_SECONDS, (minutes * 60) / 100);
        if (seconds() < nextWord) continue;
        progress.phase(`${calls} calls, ${Math.round(samples.at(-1)?.value ?? 0)} MiB`);
        nextWord = seconds() + 20;
      }
    }
  }
  progress.stop();
  const counted = samples.filter((sample) => sample.seconds >= minutes * 60 * WARM_UP_SHARE);
  const trend = trendOf(counted);
  const mean = counted.reduce((sum, { value }) => sum + value, 0) / counted.length;
  const growth = (trend.slope * minutes * (1 - WARM_UP_SHARE)) / mean;
  const grows = trend.low > 0 && growth > LEAST_GROWTH;
  const machine = await describeMachine();
  const report = { schema: RESULT_SCHEMA, machine, minutes, calls, skipped, trend, grows, samples };
  await mkdir(dirname(output), { recursive: true });
  await writeFile(output, `${JSON.stringify(report, undefined, 1)}\n`);
  const title = `Resident memory of a resolver at work, ${minutes} minutes, ${calls.toLocaleString('en')} calls`;
  const spec: TopLevelSpec = {
    title,
    width: 560,
    height: 240,
    data: { values: samples.map(({ seconds: at, value }) => ({ minutes: at / 60, value })) },
    mark: { type: 'line', strokeWidth: 1.5, color: '#3b82c4' },
    encoding: {
      x: { field: 'minutes', type: 'quantitative', title: 'minutes' },
      y: { field: 'value', type: 'quantitative', title: 'resident memory, MiB' },
    },
  };
  const chart = `${output.replace(/\.json$/, '')}.svg`;
  await writeFile(chart, await drawChart({ title, spec }));
  for (const { contestant, reason } of skipped) {
    process.stdout.write(`without ${contestant}: ${reason}\n`);
  }
  process.stdout.write(
    `${calls} calls, ${mean.toFixed(1)} MiB, slope ${trend.slope.toFixed(3)} MiB a minute ` +
      `(95 % between ${trend.low.toFixed(3)} and ${trend.high.toFixed(3)}): ` +
      `${grows ? 'it GROWS' : 'no growth'}\n${output}, ${chart}\n`,
  );
  return grows ? 1 : 0;
}

function readOptions(): Options | 'help' | { readonly wrong: string } {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string', default: '30' },
        output: { type: 'string', default: 'bench/results/soak.json' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return 'help';
    const minutes = Number(values.minutes);
    if (minutes > 0 && Number.isFinite(minutes)) return { minutes, output: values.output };
    return { wrong: `--minutes is "${values.minutes}", not a number above 0.` };
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) };
  }
}

const options = readOptions();
if (options === 'help') {
  process.stdout.write(`${HELP}\n`);
} else if ('wrong' in options) {
  process.stderr.write(`${options.wrong}\nnpm run bench:soak -- --help tells more.\n`);
  process.exitCode = 64;
} else {
  process.exitCode = await soak(options);
}
