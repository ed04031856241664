import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';

import { startEmbeddedServer } from '../src/database/embedded/embedded-server.ts';
import { migrate } from '../src/database/schema/migrate.ts';
import { seedDatabase } from '../src/samples/seed/seed-database.ts';
import { databaseSource } from '../src/database/snapshot/snapshot-loader.ts';
import { resolveTasks } from '../src/resolver/index.ts';
import { parseMix } from '../src/samples/workflows/sample-workflows.ts';

const HELP = `Peak memory of bulk runs, each in a process of its own: it should not grow with the tasks.

  npm run bench:scale                     100,000 and 1,000,000 tasks of 2 steps
  npm run bench:scale -- --tasks 200000   one other size
  npm run bench:scale -- --mix batch10    tasks of 10 steps`;

const values = readOptions();

function readOptions() {
  try {
    const { values: given } = parseArgs({
      options: {
        tasks: { type: 'string', multiple: true, default: ['100000', '1000000'] },
        mix: { type: 'string', default: 'inventory/stock_management' },
        url: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const wrong = given.tasks.find((text) => !Number.isInteger(Number(text)) || Number(text) < 1);
    if (wrong !== undefined) throw new Error(`--tasks is "${wrong}", not a whole number from 1.`);
    parseMix(given.mix);
    return given;
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${what}\nnpm run bench:scale -- --help tells more.\n`);
    process.exit(64);
  }
}

/** What one run reports, as JSON, to the process that started it. */
interface Measured {
  readonly tasks: number;
  readonly steps: number;
  readonly seconds: number;
  readonly peakRssMiB: number;
  readonly startRssMiB: number;
  readonly peakSnapshotMiB: number;
}

if (values.help) process.stdout.write(`${HELP}\n`);
else if (values.url === undefined) await compareSizes();
else process.stdout.write(`${JSON.stringify(await measureRun(values.url))}\n`);

async function measureRun(url: string): Promise<Measured> {
  const mib = (bytes: number): number => Math.round(bytes / 2 ** 20);
  const startRssMiB = mib(process.memoryUsage.rss());
  const run = resolveTasks(databaseSource({ url }));
  for await (const chunk of run) if (chunk.counts.steps < 0) throw new Error('no steps');
  const summary = run.summary();
  return {
    tasks: summary.counts.tasks,
    steps: summary.counts.steps,
    seconds: summary.totalMillis / 1000,
    peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    startRssMiB,
    peakSnapshotMiB: mib(summary.peakSnapshotBytes),
  };
}

async function compareSizes(): Promise<void> {
  await using server = await startEmbeddedServer();
  for (const [at, text] of values.tasks.entries()) {
    const url = await server.createDatabase(`scale_${at}`);
    await migrate({ url });
    process.stderr.write(`seeding ${text} tasks\n`);
    const seeded = await seedDatabase({ url, tasks: Number(text), mix: parseMix(values.mix) });
    process.stderr.write(`seeded ${Math.round(seeded.stepsPerSecond)} steps/s; resolving\n`);
    const script = new URL(import.meta.url).pathname;
    const child = await promisify(execFile)(process.execPath, [script, '--url', url]);
    const measured = JSON.parse(child.stdout) as Measured;
    process.stdout.write(`${JSON.stringify(measured)}\n`);
    await server.dropDatabase(`scale_${at}`);
  }
}
