import { type Command, Option } from 'commander';

import type { CommandContext, RunAction } from '../command-context.ts';
import { EXIT_CODE_HELP, EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { addOptions, type InputOptions } from '../input-options.ts';
import { jsonText } from '../json-text.ts';
import { wholeNumber } from '../option-values.ts';
import { startProgress } from '../progress.ts';
import type { RunTaskOptions } from '../run-task/run-task.ts';

type RunCommandOptions = InputOptions & Omit<RunTaskOptions, 'url'>;

/** Adds `tasker run`. */
export function addRunCommand(program: Command, run: RunAction): void {
  const command = program
    .command('run')
    .summary('create a task and run it to its end')
    .description(
      'Creates one task of a template and runs it in this process, on an embedded PostgreSQL unless a database is named. Prints what its steps stored, by name, as JSON; a task that fails is explained.',
    )
    .argument('<template>', 'name, namespace/name or namespace/name@version (default: the latest)');
  addOptions(command, [
    new Option(
      '--import <file>',
      'module or YAML file with definitions: exported templates, or a default function that gets the Tasker; repeatable',
    )
      .argParser((file: string, files: string[] | undefined) => [...(files ?? []), file])
      .makeOptionMandatory(),
    new Option('--context <file>', "the task's context as a JSON file, - for stdin (default: {})"),
    new Option('--watch', 'write a line for everything that happens'),
    new Option('--priority <n>', 'tasks of a higher one go first').argParser(
      wholeNumber('--priority', -(2 ** 31), 2 ** 31 - 1),
    ),
    new Option('--database <url>', 'PostgreSQL database (default: DATABASE_URL, else embedded)'),
    new Option('--migrate', 'bring the schema of the database up to date first'),
    new Option('--fleet <name>', 'engines that may go on with the task (default: one of its own)'),
  ])
    .addHelpText(
      'after',
      `${EXIT_CODE_HELP}

Examples:
  $ tasker run shop/order --import order.js --context order.json --watch
  $ echo '{"items":["a"]}' | tasker run order --import order.js --context -
  $ tasker run shop/order@1.0.0 --import handlers.js --import order.yaml --context order.json`,
    )
    .action((template: string, options: RunCommandOptions) =>
      run((context) => runCommand(context, template, options)),
    );
}

async function runCommand(
  context: CommandContext,
  template: string,
  { database, ...options }: RunCommandOptions,
): Promise<ExitCode> {
  const { runTask } = await import('../run-task/run-task.ts');
  const given = database ?? context.env['DATABASE_URL'];
  const url = given === '' ? undefined : given;
  const progress = startProgress(context);
  try {
    context.print(jsonText(await runTask(context, progress, template, { ...options, url })));
    return EXIT_CODES.done;
  } finally {
    progress.stop();
  }
}
