import { type Command, Option } from 'commander';

import type { BackendName, Resolver } from '../../resolver/index.ts';
import { isTaskerError } from '../../errors.ts';
import type { CommandContext, RunAction } from '../command-context.ts';
import { EXIT_CODE_HELP, EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { addOptions, databaseOption, type InputOptions } from '../input-options.ts';
import { wholeNumber } from '../option-values.ts';
import { startProgress } from '../progress.ts';

interface DemoCommandOptions extends InputOptions {
  readonly demo: 'run' | 'resolve';
  readonly tasks?: number;
  readonly json?: true;
}

const RUN_TASKS = 1700;
const RESOLVE_TASKS = 10_000;

/** Adds `tasker demo`. */
export function addDemoCommand(program: Command, run: RunAction): void {
  const command = program
    .command('demo')
    .summary('run sample workflows, or compare every backend with SQL')
    .description(
      'Starts an embedded PostgreSQL, runs tasks of every sample workflow to their end and prints a table by template, and why one of them failed. With --demo resolve fills it with sample tasks instead, resolves them through every backend and through SQL functions, compares every row of every answer and prints one table of times. With a database named, that one is used: migrated and run on; or filled if it holds no tasks, else read as it is.',
    );
  addOptions(command, [
    new Option('--demo <which>', 'run: workflows to their end; resolve: backends against SQL')
      .choices(['run', 'resolve'])
      .default('run'),
    new Option(
      '--tasks <n>',
      'how many sample tasks (default: 1700 to run, 10000 to resolve)',
    ).argParser(wholeNumber('--tasks', 1, 10_000_000)),
    databaseOption(),
    new Option('--json', 'print the report as JSON'),
  ])
    .addHelpText(
      'after',
      `${EXIT_CODE_HELP}

Examples:
  $ npm start
  $ npm start -- --demo resolve
  $ tasker demo --demo resolve --tasks 100000
  $ DATABASE_URL=postgresql://localhost/shop tasker demo --json`,
    )
    .action((options: DemoCommandOptions) =>
      run((context) =>
        options.demo === 'run' ? runDemo(context, options) : resolveDemo(context, options),
      ),
    );
}

const urlOf = (context: CommandContext, { database }: InputOptions): string | undefined => {
  const given = database ?? context.env['DATABASE_URL'];
  return given === '' ? undefined : given;
};

async function runDemo(context: CommandContext, options: DemoCommandOptions): Promise<ExitCode> {
  const { runSamples } = await import('../demo/run-samples.ts');
  const { runJson, runText } = await import('../demo/run-report.ts');
  const progress = startProgress(context);
  try {
    const { tasks = RUN_TASKS } = options;
    const found = await runSamples(context, progress, urlOf(context, options), tasks);
    progress.stop();
    context.print(options.json === true ? runJson(found) : runText(found));
    return EXIT_CODES.done;
  } finally {
    progress.stop();
  }
}

async function resolveDemo(
  context: CommandContext,
  options: DemoCommandOptions,
): Promise<ExitCode> {
  const { openDemoDatabase } = await import('../demo/demo-database.ts');
  const { checkAnswers } = await import('../demo/check-answers.ts');
  const { measure } = await import('../demo/measure.ts');
  const { demoJson, demoText } = await import('../demo/demo-report.ts');
  const { connect, cutOnAbort, databaseError } = await import('../../database/connection.ts');
  const { createResolver } = await import('../../resolver/index.ts');
  const progress = startProgress(context);
  try {
    const { tasks = RESOLVE_TASKS } = options;
    await using database = await openDemoDatabase(
      context,
      progress,
      tasks,
      urlOf(context, options),
    );
    await using stack = new AsyncDisposableStack();
    const { resolvers, missing } = await everyBackend(stack);
    const client = await connect(database.url, { signal: context.signal });
    stack.defer(() => client.end());
    stack.defer(cutOnAbort(client, context.signal));

    const every = resolvers.map(({ resolver }) => resolver);
    const check = await checkAnswers(context, progress, client, every);
    if (check.mismatch !== undefined) {
      const { backend, at } = check.mismatch;
      throw new Error(
        `Answers differ: ${backend} says ${at.resolver}, SQL says ${at.sql} (${at.answer}, row ${at.row}, column ${at.column}).`,
      );
    }
    const auto = stack.use(createResolver());
    for (const snapshot of check.snapshots) {
      await auto.resolve(snapshot, { nowMicros: check.nowMicros, signal: context.signal });
    }
    const measurements = await measure(context, progress, client, database.url, resolvers, check);
    progress.stop();
    const facts = { origin: database.origin, check, measurements, auto: auto.report, missing };
    context.print(options.json === true ? demoJson(facts) : demoText(facts));
    return check.cycles + check.tasksSetApart > 0 ? EXIT_CODES.rowErrors : EXIT_CODES.done;
  } catch (error) {
    throw databaseError(error);
  } finally {
    progress.stop();
  }
}

/** A resolver for each backend that can be used here, and why the others cannot. */
async function everyBackend(stack: AsyncDisposableStack): Promise<{
  resolvers: { backend: BackendName; resolver: Resolver }[];
  missing: Record<string, string>;
}> {
  const { createResolver } = await import('../../resolver/index.ts');
  const resolvers: { backend: BackendName; resolver: Resolver }[] = [];
  const missing: Record<string, string> = {};
  for (const backend of ['inline', 'pool', 'native'] as const) {
    try {
      resolvers.push({ backend, resolver: stack.use(createResolver({ backend })) });
    } catch (error) {
      if (!isTaskerError(error, 'TASKER_BACKEND_UNAVAILABLE')) throw error;
      missing[backend] = error.message;
    }
  }
  return { resolvers, missing };
}
