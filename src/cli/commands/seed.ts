import { type Command, Option } from 'commander';

import type { SeedProgress, SeedReport } from '../../database/seed/seed.ts';
import type { CommandContext, RunAction } from '../command-context.ts';
import { EXIT_CODE_HELP, EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { addOptions, databaseOption, databaseUrl, type InputOptions } from '../input-options.ts';
import { jsonText } from '../json-text.ts';
import { wholeNumber } from '../option-values.ts';
import { startProgress, type Progress } from '../progress.ts';
import { countText, factLines, millisText } from '../text-table.ts';

interface SeedCommandOptions extends InputOptions {
  readonly tasks: number;
  readonly mix?: string;
  readonly seed?: number;
  readonly force?: true;
  readonly json?: true;
}

/** Adds `tasker seed`. */
export function addSeedCommand(program: Command, run: RunAction): void {
  const command = program
    .command('seed')
    .summary('fill a database with sample tasks in mixed states')
    .description(
      'Fills a migrated database with tasks of the sample workflows: complete, running, waiting, failed and untouched ones. The same seed gives the same rows. Refuses a database that holds tasks.',
    );
  addOptions(command, [
    databaseOption(),
    new Option('--tasks <n>', 'how many tasks')
      .argParser(wholeNumber('--tasks', 1, 100_000_000))
      .makeOptionMandatory(),
    new Option(
      '--mix <weights>',
      'shapes or sample names with weights, such as linear=30,diamond=25 (default: all samples); batch10: tasks of ten steps for benchmarks',
    ),
    new Option('--seed <n>', 'seed of the random numbers').argParser(
      wholeNumber('--seed', 0, 2 ** 32 - 1),
    ),
    new Option('--force', 'add to a database that holds tasks already'),
    new Option('--json', 'print the report as JSON'),
  ])
    .addHelpText(
      'after',
      `${EXIT_CODE_HELP}

Examples:
  $ tasker seed --tasks 10000 --database postgresql://localhost/playground
  $ tasker seed --tasks 1000 --mix linear=30,diamond=25,tree=15 --seed 7
  $ tasker seed --tasks 100000 --mix batch10`,
    )
    .action((options: SeedCommandOptions) => run((context) => seed(context, options)));
}

async function seed(context: CommandContext, options: SeedCommandOptions): Promise<ExitCode> {
  const url = databaseUrl(context, options);
  const { parseMix } = await import('../../samples/workflows/sample-workflows.ts');
  const { seedDatabase } = await import('../../samples/seed/seed-database.ts');
  const mix = parseMix(options.mix);
  const progress = startProgress(context);
  try {
    progress.phase('connecting');
    const report = await seedDatabase({
      url,
      tasks: options.tasks,
      mix,
      force: options.force === true,
      signal: context.signal,
      onProgress: seedProgress(progress),
      ...(options.seed === undefined ? {} : { seed: options.seed }),
    });
    progress.stop();
    context.print(options.json === true ? jsonText(reportJson(report)) : reportText(report));
    return EXIT_CODES.done;
  } finally {
    progress.stop();
  }
}

/** Turns the phases of seeding into those of a progress line. */
export function seedProgress(progress: Progress): (at: SeedProgress) => void {
  let latest = '';
  return ({ phase, done, total }) => {
    if (phase !== latest) progress.phase(`seeding ${phase}`);
    latest = phase;
    // these come after the rows and count nothing
    if (phase !== 'indexes' && phase !== 'vacuum') progress.update(done, total, 'tasks');
  };
}

function reportJson(report: SeedReport): object {
  return {
    tasks: report.tasks,
    steps: report.steps,
    edges: report.edges,
    task_transitions: report.taskTransitions,
    step_transitions: report.stepTransitions,
    first_task_id: report.firstTaskId,
    last_task_id: report.lastTaskId,
    elapsed_ms: report.elapsedMs,
    steps_per_second: report.stepsPerSecond,
  };
}

function reportText(report: SeedReport): string {
  return factLines([
    ['tasks', `${countText(report.tasks)} (${report.firstTaskId} to ${report.lastTaskId})`],
    ['steps', countText(report.steps)],
    ['edges', countText(report.edges)],
    ['task transitions', countText(report.taskTransitions)],
    ['step transitions', countText(report.stepTransitions)],
    ['time', `${millisText(report.elapsedMs)} ms, ${countText(report.stepsPerSecond)} steps/s`],
  ]);
}
