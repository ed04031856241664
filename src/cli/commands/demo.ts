import { type Command, Option } from 'commander';

import type { BackendName, Resolver } from '../../resolver/index.ts';
import { isTaskerError } from '../../errors.ts';
import type { CommandContext, RunAction } from '../command-context.ts';
import { EXIT_CODE_HELP, EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { addOptions, databaseOption, type InputOptions } from '../input-options.ts';
import { wholeNumber } from '../option-values.ts';
import { startProgress } from '../progress.ts';

interface DemoCommandOptions extends InputOptions {
  readonly tasks: number;
  readonly json?: true;
}

/** Adds `tasker demo`. */
export function addDemoCommand(program: Command, run: RunAction): void {
  const command = program
    .command('demo')
    .summary('compare every backend with SQL on sample tasks')
    .description(
      'Starts an embedded PostgreSQL, fills it with sample tasks, resolves them through every backend and through SQL functions, compares every row of every answer and prints one table of times. With a database named, that one is used: filled if it holds no tasks, else read as it is.',
    );
  addOptions(command, [
    new Option('--tasks <n>', 'how many sample tasks')
      .argParser(wholeNumber('--tasks', 1, 10_000_000))
      .default(10_000),
    databaseOption(),
    new Option('--json', 'print the report as JSON'),
  ])
    .addHelpText(
      'after',
      `${EXIT_CODE_HELP}

Examples:
  $ npm start
  $ tasker demo --tasks 100000
  $ DATABASE_URL=postgresql://localhost/shop tasker demo --json`,
    )
    .action((options: DemoCommandOptions) => run((context) => demo(context, options)));
}

async function demo(context: CommandContext, options: DemoCommandOptions): Promise<ExitCode> {
  const { openDemoDatabase } = await import('../demo/demo-database.ts');
  const { checkAnswers } = await import('../demo/check-answers.ts');
  const { measure } = await import('../demo/measure.ts');
  const { demoJson, demoText } = await import('../demo/demo-report.ts');
  const { connect, cutOnAbort, databaseError } = await import('../../database/connection.ts');
  const { createResolver } = await import('../../resolver/index.ts');
  const progress = startProgress(context);
  try {
    const given = options.database ?? context.env['DATABASE_URL'];
    const url = given === '' ? undefined : given;
    await using database = await openDemoDatabase(context, progress, options.tasks, url);
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
