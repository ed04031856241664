import { createRequire } from 'node:module';

import { Command } from 'commander';

import type { RunAction } from './command-context.ts';
import { addAnalyticsCommand } from './commands/analytics.ts';
import { addAnalyzeCommand } from './commands/analyze.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addDlqCommand } from './commands/dlq.ts';
import { addEventsCommand } from './commands/events.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addMigrateCommand } from './commands/migrate.ts';
import { addPurgeCommand } from './commands/purge.ts';
import { addResolveCommand } from './commands/resolve.ts';
import { addRunCommand } from './commands/run.ts';
import { addSeedCommand } from './commands/seed.ts';
import { addStepCommand } from './commands/step.ts';
import { addSubscriberCommand } from './commands/subscriber.ts';
import { addHistory, addTaskCommand } from './commands/task.ts';
import { EXIT_CODE_HELP } from './exit-codes.ts';

// by its own name, because the sources and the built files lie at different depths
const manifest = createRequire(import.meta.url)('tasker-core/package.json') as { version: string };

/** What the program needs of its surroundings. */
export interface ProgramOptions {
  readonly run: RunAction;
  /** Takes help texts and the version. */
  readonly print: (text: string) => void;
  /** Columns of help texts; default: those of the terminal, at most 100. */
  readonly helpWidth?: number;
}

/** The `tasker` command with all its subcommands; parse errors are thrown as CommanderError. */
export function createProgram(options: ProgramOptions): Command {
  const width = options.helpWidth ?? Math.min(process.stdout.columns ?? 100, 100);
  const program = new Command('tasker')
    .description('Workflow engine that keeps its DAGs in memory and its truth in PostgreSQL.')
    .version(manifest.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .configureOutput({
      writeOut: options.print,
      // what goes wrong is thrown as well, and written once, by the one who catches it
      writeErr: () => undefined,
      outputError: () => undefined,
      getOutHelpWidth: () => width,
    })
    .addHelpText(
      'after',
      `
The database is named by --database, else by DATABASE_URL. Results go to stdout, progress and
errors to stderr. TASKER_LOG_LEVEL (debug, info, ...) turns on logs, TASKER_DEBUG=1 adds the stack
to an error.
${EXIT_CODE_HELP}

Examples:
  $ tasker demo
  $ tasker run shop/order --import order.js --context order.json
  $ tasker resolve --database postgresql://localhost/shop
  $ tasker explain 4711
  $ tasker task redrive 17 --reason "the gateway is back"
  $ tasker resolve --help`,
    );
  for (const add of [
    addRunCommand,
    addResolveCommand,
    addExplainCommand,
    addAnalyzeCommand,
    addAnalyticsCommand,
    addTaskCommand,
    addHistory,
    addStepCommand,
    addEventsCommand,
    addSubscriberCommand,
    addDlqCommand,
    addPurgeCommand,
    addMigrateCommand,
    addSeedCommand,
    addDemoCommand,
  ]) {
    add(program, options.run);
  }
  return program;
}
