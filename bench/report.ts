/** `npm run bench:report`: docs/performance.md and its charts from the JSON of a run. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { chartsOf, drawChart } from './charts.ts';
import { LATEST } from './options.ts';
import { performancePage } from './performance-page.ts';
import { parseResult, withEngine, type BenchResult } from './result.ts';

const HELP = `Writes docs/performance.md and docs/charts from the JSON of a run, and keeps that JSON as
bench/results/published.json.

  npm run bench:report                    from ${LATEST}
  npm run bench:report -- --input FILE    from another file
  npm run bench:report -- --engine FILE   the engine's part from a file of bench:engine, the rest from
                                          what is published
  npm run bench:report -- --root FOLDER   into another folder than the project's

Exit codes: 0 done, 64 wrong arguments.`;

/** The resolver's part and the engine's: what is not named stays as it is published. */
async function joinedResult(
  input: string | undefined,
  engine: string | undefined,
  published: string,
): Promise<BenchResult> {
  const read = async (path: string): Promise<BenchResult> =>
    parseResult(await readFile(path, 'utf8'));
  const result = await read(input ?? (engine === undefined ? LATEST : published));
  if (engine !== undefined) return withEngine(result, await read(engine));
  if (result.engine !== undefined) return result;
  const before = await read(published).catch(() => undefined);
  return before === undefined ? result : withEngine(result, before);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      input: { type: 'string' },
      engine: { type: 'string' },
      root: { type: 'string', default: fileURLToPath(new URL('..', import.meta.url)) },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  const published = join(values.root, 'bench', 'results', 'published.json');
  const result = await joinedResult(values.input, values.engine, published);
  const charts = chartsOf(result);
  const folder = join(values.root, 'docs', 'charts');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const chart of charts) {
    await writeFile(join(folder, `${chart.name}.svg`), await drawChart(chart));
  }
  const page = join(values.root, 'docs', 'performance.md');
  await writeFile(page, performancePage(result, charts));
  await mkdir(dirname(published), { recursive: true });
  await writeFile(published, `${JSON.stringify(result, undefined, 2)}\n`);
  process.stdout.write(`${page} and ${charts.length} charts\n`);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  const what = error instanceof Error ? error.message : String(error);
  process.stderr.write(`No report: ${what}.\nnpm run bench:report -- --help tells more.\n`);
  process.exitCode = 64;
}
