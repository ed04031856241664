import type { FileHandle } from 'node:fs/promises';

import { type Command, Option } from 'commander';

import type { PurgeArchive } from '../../database/purge-archive.ts';
import type { PurgeSummary } from '../../database/purge.ts';
import { TaskerError } from '../../errors.ts';
import type { CommandContext, RunAction } from '../command-context.ts';
import { EXIT_CODE_HELP, EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { addOptions, databaseOption } from '../input-options.ts';
import { jsonText } from '../json-text.ts';
import {
  auditOptions,
  auditRequest,
  withSession,
  type ActionOptions,
} from '../operator-command.ts';
import { ageOrInstant, wholeNumber, type Age } from '../option-values.ts';
import { countOf, countText } from '../text-table.ts';

interface PurgeOptions extends ActionOptions {
  readonly finishedBefore: Age;
  readonly namespace?: string;
  readonly includeFailed?: true;
  readonly archive?: string;
  readonly batch: number;
}

/** Adds `tasker purge`. */
export function addPurgeCommand(program: Command, run: RunAction): void {
  const command = program
    .command('purge')
    .summary('remove finished tasks with all their rows')
    .description(
      'Removes tasks that are complete, cancelled or resolved by hand, with their steps, edges, transitions and annotations, in small transactions beside which engines go on. Events have a retention of their own: tasker events retain.',
    );
  addOptions(command, [
    databaseOption(),
    new Option(
      '--finished-before <age>',
      'tasks finished so long ago: an age such as 30d, 12h, 90m or 45s, or a UTC timestamp',
    )
      .argParser(ageOrInstant('--finished-before'))
      .makeOptionMandatory(),
    new Option('--namespace <name>', 'only tasks of this namespace'),
    new Option('--include-failed', 'also tasks in error, which could still be redriven'),
    new Option('--archive <file>', 'append every row to this NDJSON file before it is removed'),
    new Option('--batch <tasks>', 'tasks of one transaction')
      .argParser(wholeNumber('--batch', 1, 10_000))
      .default(100),
    ...auditOptions(),
    new Option('--dry-run', 'print what would be removed, and change nothing'),
    new Option('--json', 'print the result as JSON'),
  ])
    .addHelpText(
      'after',
      `
It ends with 2 where tasks stay although they are old.
${EXIT_CODE_HELP}

Examples:
  $ tasker purge --finished-before 90d --dry-run
  $ tasker purge --finished-before 90d --archive tasks.ndjson --reason "yearly clean-up"`,
    )
    .action((options: PurgeOptions) => run((context) => purgeCommand(context, options)));
}

async function purgeCommand(context: CommandContext, options: PurgeOptions): Promise<ExitCode> {
  const { purgeTasks } = await import('../../database/purge.ts');
  const { databaseMicros } = await import('../../database/engine/engine-registry.ts');
  const { finishedBefore: age, namespace, includeFailed, dryRun = false, batch } = options;
  const file = dryRun ? undefined : await openArchive(options.archive);
  try {
    const summary = await withSession(context, options, async (client, progress) => {
      const finishedBefore = 'at' in age ? age.at : (await databaseMicros(client)) - age.ago;
      return purgeTasks(client, {
        ...auditRequest(options),
        finishedBefore,
        namespace,
        includeFailed,
        dryRun,
        batchTasks: batch,
        archive: file && archiveTo(file),
        signal: context.signal,
        onProgress: (tasks) =>
          progress.phase(`${dryRun ? 'counted' : 'removed'} ${countOf(tasks, 'task')}`),
      });
    });
    context.print(options.json === true ? jsonText(summaryJson(summary)) : summaryText(summary));
    return summary.held + summary.busy > 0 ? EXIT_CODES.rowErrors : EXIT_CODES.done;
  } finally {
    await file?.close();
  }
}

async function openArchive(path: string | undefined): Promise<FileHandle | undefined> {
  if (path === undefined) return undefined;
  const { open } = await import('node:fs/promises');
  try {
    // whoever reads tasks in the database need not be all who read files here
    return await open(path, 'a', 0o600);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

const archiveTo = (file: FileHandle): PurgeArchive => ({
  write: (lines) => file.appendFile(lines),
  flush: () => file.datasync(),
});

function unwritable(path: string, cause: unknown): TaskerError {
  return new TaskerError('TASKER_CANNOT_WRITE', `The archive ${path} cannot be written.`, {
    remedy: 'Name a file in a directory that exists and that you may write to.',
    cause,
    data: { file: path },
  });
}

function summaryJson({ dryRun, removed, held, busy, auditId }: PurgeSummary): object {
  return {
    dry_run: dryRun,
    removed: {
      tasks: removed.tasks,
      steps: removed.steps,
      edges: removed.edges,
      task_transitions: removed.taskTransitions,
      step_transitions: removed.stepTransitions,
      annotations: removed.annotations,
    },
    held,
    busy,
    audit_id: auditId ?? null,
  };
}

function summaryText({ dryRun, removed, held, busy }: PurgeSummary): string {
  const what = [
    countOf(removed.tasks, 'task'),
    countOf(removed.steps, 'step'),
    countOf(removed.edges, 'edge'),
    countOf(removed.taskTransitions + removed.stepTransitions, 'transition'),
    countOf(removed.annotations, 'annotation'),
  ].join(', ');
  const head = dryRun ? `Nothing was changed. Without --dry-run: ${what}.` : `Removed: ${what}.`;
  const stay = [
    held > 0 ? `${countText(held)} held: an edge ties them to a task that stays.` : '',
    busy > 0 ? `${countText(busy)} busy: others worked on them; run it again.` : '',
  ].filter((line) => line !== '');
  return `${[head, ...stay].join('\n')}\n`;
}
