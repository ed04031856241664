import { type Command, Option } from 'commander';

import type { MigrateReport } from '../../database/schema/migrate.ts';
import type { CommandContext, RunAction } from '../command-context.ts';
import { EXIT_CODE_HELP, EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { addOptions, databaseOption, databaseUrl, type InputOptions } from '../input-options.ts';
import { jsonText } from '../json-text.ts';
import { startProgress } from '../progress.ts';
import { factLines } from '../text-table.ts';

interface MigrateCommandOptions extends InputOptions {
  readonly indexes: 'lean' | 'rails';
  readonly railsFunctions?: true;
  readonly json?: true;
}

/** Adds `tasker migrate`. */
export function addMigrateCommand(program: Command, run: RunAction): void {
  const command = program
    .command('migrate')
    .summary('create the tables, or adopt those that a Rails engine made')
    .description(
      'Brings a database to the schema of this version. A database of the Rails engine is recognised and checked, and gets our own tables beside its own. All or nothing: a failure changes nothing.',
    );
  addOptions(command, [
    databaseOption(),
    new Option(
      '--indexes <set>',
      'lean: what the queries need; rails: all that the Rails engine makes',
    )
      .choices(['lean', 'rails'])
      .default('lean'),
    new Option('--rails-functions', 'install the SQL functions that a Rails engine calls'),
    new Option('--json', 'print the report as JSON'),
  ])
    .addHelpText(
      'after',
      `${EXIT_CODE_HELP}

Examples:
  $ tasker migrate --database postgresql://localhost/shop
  $ tasker migrate --indexes rails --rails-functions`,
    )
    .action((options: MigrateCommandOptions) => run((context) => migrateCommand(context, options)));
}

async function migrateCommand(
  context: CommandContext,
  options: MigrateCommandOptions,
): Promise<ExitCode> {
  const url = databaseUrl(context, options);
  const { migrate } = await import('../../database/schema/migrate.ts');
  const progress = startProgress(context);
  try {
    progress.phase('connecting');
    const report = await migrate({
      url,
      indexes: options.indexes,
      railsFunctions: options.railsFunctions === true,
      signal: context.signal,
      onProgress: ({ phase, name }) =>
        progress.phase(name === undefined ? phase : `${phase} ${name}`),
    });
    progress.stop();
    context.print(options.json === true ? jsonText(reportJson(report)) : reportText(report));
    return EXIT_CODES.done;
  } finally {
    progress.stop();
  }
}

function reportJson(report: MigrateReport): object {
  return {
    before: report.before,
    recorded: report.baseline,
    applied: report.applied,
    created_indexes: report.createdIndexes,
    missing_indexes: report.missingIndexes,
    rails_functions: report.railsFunctions,
  };
}

const BEFORE = {
  empty: 'empty',
  rails: 'made by a Rails engine',
  tasker: 'made by tasker-core',
} as const;

function reportText(report: MigrateReport): string {
  const list = (names: readonly string[]): string =>
    names.length === 0 ? 'none' : names.join(', ');
  const facts = factLines([
    ['database was', BEFORE[report.before]],
    ['recorded', list(report.baseline)],
    ['applied', list(report.applied)],
    ['indexes added', list(report.createdIndexes)],
    ['Rails functions', report.railsFunctions ? 'installed' : 'not asked for'],
  ]);
  if (report.missingIndexes.length === 0) return facts;
  return `${facts}\nQueries would be faster with:\n${report.missingIndexes.map((statement) => `  ${statement};`).join('\n')}\n`;
}
