import { type Command, Option } from 'commander';

import type { BackendName, Rules } from '../../resolver/index.ts';
import type { CommandContext, RunAction } from '../command-context.ts';
import { EXIT_CODE_HELP, EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import {
  addOptions,
  databaseOption,
  inputOption,
  openInput,
  ruleOptions,
  selectionOptions,
  type InputOptions,
  type SelectionOptions,
} from '../input-options.ts';
import { wholeNumber } from '../option-values.ts';
import { startProgress } from '../progress.ts';

interface ResolveCommandOptions extends InputOptions, SelectionOptions {
  readonly output?: string;
  readonly backend: BackendName | 'auto';
  readonly threads?: number;
  readonly chunkSteps?: number;
  readonly rules: Rules;
  readonly now?: number;
  readonly json?: true;
}

/** Adds `tasker resolve`. */
export function addResolveCommand(program: Command, run: RunAction): void {
  const command = program
    .command('resolve')
    .summary('tell which steps may run now, for all tasks at once')
    .description(
      'Reads tasks from a database or a directory, works out which steps may run now, what state each task is in and how deep each step is, and prints a summary. Nothing is written to the database.',
    );
  addOptions(command, [
    databaseOption(),
    inputOption(),
    new Option('--output <dir>', 'write readiness.ndjson, contexts.ndjson and levels.ndjson there'),
    new Option('--backend <name>', 'where to resolve')
      .choices(['auto', 'inline', 'pool', 'native'])
      .default('auto'),
    new Option(
      '--threads <n>',
      'threads of the pool, and of the addon for large snapshots (default: the cores, at most 8)',
    ).argParser(wholeNumber('--threads', 1, 256)),
    new Option(
      '--chunk-steps <n>',
      'steps that are loaded and resolved at once (default: 65536); memory grows with it',
    ).argParser(wholeNumber('--chunk-steps', 1, 100_000_000)),
    ...ruleOptions('rails'),
    ...selectionOptions(),
    new Option('--json', 'print the summary as JSON'),
  ])
    .addHelpText(
      'after',
      `${EXIT_CODE_HELP}

Examples:
  $ tasker resolve --database postgresql://localhost/shop
  $ tasker resolve --namespace payments --json
  $ tasker resolve --unfinished --output answers
  $ tasker resolve --name process_order --task-version 1.0.0 --rules engine
  $ tasker resolve --tasks 17,18 --backend pool --threads 2
  $ tasker resolve --input rows --output answers --now 2026-11-23T03:53:17.824585Z`,
    )
    .action((options: ResolveCommandOptions) => run((context) => resolve(context, options)));
}

async function resolve(context: CommandContext, options: ResolveCommandOptions): Promise<ExitCode> {
  const source = await openInput(context, options);
  const { createResolver, resolveTasks } = await import('../../resolver/index.ts');
  const { openAnswerFiles } = await import('../answers/answer-files.ts');
  const { checkCounts, hasRowErrors, summaryJson, summaryText } =
    await import('../resolve-summary.ts');
  await using resolver = createResolver({
    backend: options.backend,
    rules: options.rules,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  });
  const { signal } = context;
  await using files =
    options.output === undefined
      ? undefined
      : await openAnswerFiles(options.output, options.rules, { signal });
  const progress = startProgress(context);
  try {
    progress.phase('reading');
    const tasks = resolveTasks(source, {
      resolver,
      rules: options.rules,
      signal,
      onProgress: ({ done, total, unit }) => progress.update(done, total, unit),
      ...(options.now === undefined ? {} : { nowMicros: options.now }),
      ...(options.chunkSteps === undefined ? {} : { chunkSteps: options.chunkSteps }),
    });
    const started = performance.now();
    let writeMillis = 0;
    for await (const chunk of tasks) {
      context.log.debug(
        { chunk: chunk.index, backend: chunk.resolution.backend, ...chunk.counts },
        'chunk resolved',
      );
      const at = performance.now();
      await files?.add(chunk);
      writeMillis += performance.now() - at;
    }
    progress.phase('writing');
    const written = await files?.finish();
    const summary = tasks.summary();
    progress.stop();
    const facts = {
      summary,
      report: resolver.report,
      totalMillis: performance.now() - started,
      writeMillis: written === undefined ? undefined : writeMillis,
      written: written ?? [],
    };
    checkCounts(summary);
    context.print(options.json === true ? summaryJson(facts) : summaryText(facts));
    return hasRowErrors(summary) ? EXIT_CODES.rowErrors : EXIT_CODES.done;
  } finally {
    progress.stop();
  }
}
