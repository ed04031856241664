import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';

import { benchByTemplate } from './by-template.ts';
import { benchDatabase } from './database.ts';
import { benchKernels } from './kernels.ts';
import { benchLoading } from './loading.ts';
import { describeMachine, formatTable, type ResultRow } from './report.ts';

const HELP = `Compares every resolver backend, and SQL on the same database. Answers are compared before
anything is timed; contestants take turns; medians are printed.

  npm run bench                       sizes of 1,000 to 1,000,000 steps, and 10 million in memory
  npm run bench -- --quick            up to 100,000 steps, for a look
  npm run bench -- --only memory      or: database, loading (ways from PostgreSQL to the client),
                                      template (ready ids by template)
  npm run bench -- --rounds 15        more rounds than the default 9
  npm run bench -- --output FILE      JSON goes there instead of bench/results/latest.json`;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string', default: '9' },
    output: { type: 'string', default: 'bench/results/latest.json' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  process.stdout.write(`${HELP}\n`);
} else {
  await main();
}

async function main(): Promise<void> {
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    process.stderr.write(`--rounds is "${values.rounds}", not a whole number from 1.\n`);
    process.exitCode = 64;
    return;
  }
  const { only } = values;
  if (only !== undefined && !['memory', 'database', 'loading', 'template'].includes(only)) {
    process.stderr.write(`--only is "${only}", not memory, database, loading or template.\n`);
    process.exitCode = 64;
    return;
  }
  const onRow = (done: readonly ResultRow[]): void => {
    process.stderr.write(
      `done: ${done[0]?.scenario}, ${done[0]?.steps.toLocaleString('en')} steps\n`,
    );
  };
  const rows: ResultRow[] = [];
  if (only === undefined || only === 'memory') {
    const sizes = values.quick ? [1000, 100_000] : [1000, 100_000, 1_000_000, 10_000_000];
    rows.push(...(await benchKernels(sizes, rounds, onRow)));
  }
  if (only === undefined || only === 'database') {
    const sizes = values.quick ? [1000, 10_000] : [1000, 10_000, 100_000];
    rows.push(...(await benchDatabase(sizes, rounds, onRow)));
  }
  if (only === undefined || only === 'template') {
    const sizes = values.quick ? [100_000] : [100_000, 1_000_000];
    const tasks = values.quick ? [10_000] : [100_000];
    rows.push(...(await benchByTemplate(sizes, tasks, rounds, onRow)));
  }
  if (only === 'loading') {
    rows.push(...(await benchLoading(values.quick ? 10_000 : 100_000, Math.min(rounds, 5), onRow)));
  }
  const machine = describeMachine();
  await mkdir(dirname(values.output), { recursive: true });
  await writeFile(values.output, `${JSON.stringify({ machine, rounds, rows }, undefined, 2)}\n`);
  process.stdout.write(`${JSON.stringify(machine)}\n\n${formatTable(rows)}\n\n${values.output}\n`);
}
