import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { compareResults, formatComparison } from './compare.ts';
import { BenchContext } from './context.ts';
import { describeMachine } from './machine.ts';
import { HELP, readOptions, UsageError, type BenchOptions } from './options.ts';
import { startProgress } from './progress.ts';
import {
  parseResult,
  RESULT_SCHEMA,
  type BenchResult,
  type Figure,
  type ResultRow,
  type Skipped,
} from './result.ts';
import { SCENARIOS } from './scenarios.ts';
import { formatFigures, formatRows } from './table.ts';

/** A result file that the command line names. */
async function readResult(option: string, path: string): Promise<BenchResult> {
  try {
    return parseResult(await readFile(path, 'utf8'));
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--${option} ${path} cannot be used: ${what}.`);
  }
}

/** Makes sure that a file can be written, without changing what is in it. */
async function prepareOutput(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await (await open(path, 'a')).close();
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--output ${path} cannot be written: ${what}.`);
  }
}

async function runScenarios(options: BenchOptions): Promise<BenchResult> {
  const startedAt = new Date().toISOString();
  const start = performance.now();
  const chosen = SCENARIOS.filter(({ name }) => options.only.includes(name));
  const rows: ResultRow[] = [];
  const figures: Figure[] = [];
  const skipped: Skipped[] = [];
  const progress = startProgress(chosen.length);
  try {
    const { rounds, maxSteps } = options;
    await using context = new BenchContext({ rounds, maxSteps, phase: progress.phase });
    for (const scenario of chosen) {
      progress.scenario(scenario.name);
      const measured = await scenario.run(context);
      rows.push(...measured.rows);
      figures.push(...(measured.figures ?? []));
      skipped.push(...(measured.skipped ?? []));
      progress.done();
    }
    const machine = { ...(await describeMachine()), ...(await context.databases.describe()) };
    return {
      schema: RESULT_SCHEMA,
      startedAt,
      seconds: Math.round((performance.now() - start) / 1000),
      machine,
      options: { only: options.only, rounds, maxSteps },
      rows,
      figures,
      skipped,
    };
  } finally {
    progress.stop();
  }
}

async function main(options: BenchOptions): Promise<void> {
  const say = (text: string): void => void process.stdout.write(text);
  if (options.ask === 'help') {
    say(`${HELP}\n`);
    return;
  }
  if (options.ask === 'list') {
    for (const { name, about } of SCENARIOS) say(`${name.padEnd(10)} ${about}\n`);
    return;
  }
  // before anything runs: a wrong path is not to be found out after ten minutes
  const before =
    options.compare === undefined ? undefined : await readResult('compare', options.compare);
  let result: BenchResult;
  if (options.input === undefined) {
    await prepareOutput(options.output);
    result = await runScenarios(options);
    await writeFile(options.output, `${JSON.stringify(result, undefined, 2)}\n`);
    const machine = Object.entries(result.machine).map(([fact, value]) => `${fact}: ${value}\n`);
    say(`${machine.join('')}\n${formatRows(result.rows)}\n`);
    say(`${formatFigures(result.figures, result.skipped)}\n`);
    say(`${options.output}, ${result.seconds} s\n`);
  } else {
    result = await readResult('input', options.input);
  }
  if (before !== undefined) say(`\n${formatComparison(compareResults(before, result))}`);
}

try {
  await main(readOptions(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\nnpm run bench -- --help tells more.\n`);
  process.exitCode = 64;
}
