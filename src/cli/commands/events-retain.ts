import { type Command, Option } from 'commander';

import { TaskerError } from '../../errors.ts';
import type { RetentionReport } from '../../events/retention.ts';
import { formatInstant } from '../../graph/snapshot/instants.ts';
import type { CommandContext, RunAction } from '../command-context.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { addOptions, databaseOption } from '../input-options.ts';
import { jsonText } from '../json-text.ts';
import {
  auditOptions,
  auditRequest,
  withSession,
  type ActionOptions,
} from '../operator-command.ts';
import { ageOrInstant, type Age } from '../option-values.ts';
import { bytesText, countOf, oneLine, textTable } from '../text-table.ts';

interface RetainOptions extends ActionOptions {
  readonly olderThan: Age;
  readonly detach?: true;
}

/** Adds `tasker events retain` to its group. */
export function addEventsRetainCommand(group: Command, run: RunAction): void {
  const retain = group
    .command('retain')
    .summary('remove old events that nobody needs any more')
    .description(
      'Drops the partitions of the log of which every event is old, then removes old events of the default partition and the ids of handled events that are gone. What a subscriber or an open replay has still to see stays and is listed. Writers go on meanwhile.',
    );
  addOptions(retain, [
    databaseOption(),
    new Option('--older-than <age>', 'an age such as 30d, 12h, 90m or 45s, or a UTC timestamp')
      .argParser(ageOrInstant('--older-than'))
      .makeOptionMandatory(),
    new Option('--detach', 'detach partitions instead, and keep their tables for an archive'),
    ...auditOptions(),
    new Option('--dry-run', 'print what would be removed, and change nothing'),
    new Option('--json', 'print the result as JSON'),
  ])
    .addHelpText(
      'after',
      `
It ends with 2 where partitions stay although they are old.

Examples:
  $ tasker events retain --older-than 30d --dry-run
  $ tasker events retain --older-than 2026-11-01T00:00:00Z --detach --reason "to the archive"`,
    )
    .action((options: RetainOptions) => run((context) => retainCommand(context, options)));
}

async function retainCommand(context: CommandContext, options: RetainOptions): Promise<ExitCode> {
  const { retainEvents } = await import('../../events/retention.ts');
  const { databaseMicros } = await import('../../database/engine/engine-registry.ts');
  const { writeAudit } = await import('../../database/audit-log.ts');
  const { olderThan, dryRun = false } = options;
  const report = await withSession(context, options, async (client) => {
    const at = await databaseMicros(client);
    const before = 'at' in olderThan ? olderThan.at : at - olderThan.ago;
    const { actor, reason } = auditRequest(options);
    const done = await retainEvents(client, {
      before,
      expired: options.detach === true ? 'detach' : 'drop',
      dryRun,
      signal: context.signal,
    });
    if (done === undefined) throw occupied();
    if (!dryRun) {
      const details = JSON.stringify({ before: formatInstant(before), ...done });
      const entry = { at, actor, action: 'events.retain', reason, stepId: undefined, details };
      await writeAudit(client, { ...entry, taskId: undefined });
    }
    return done;
  });
  context.print(options.json === true ? jsonText(reportJson(report)) : reportText(report));
  return report.held.length + report.busy.length > 0 ? EXIT_CODES.rowErrors : EXIT_CODES.done;
}

function occupied(): TaskerError {
  return new TaskerError('TASKER_CONFLICT', 'Another process maintains the log of events now.', {
    remedy: 'Try again in a moment.',
  });
}

const bound = (micros: number): string | null =>
  Number.isFinite(micros) ? formatInstant(micros) : null;

function reportJson(report: RetentionReport): object {
  return {
    dry_run: report.dryRun,
    removed: report.removed.map(({ name, from, until, bytes }) => ({
      partition: name,
      from: bound(from),
      until: bound(until),
      bytes,
    })),
    held: report.held.map(({ partition, by }) => ({ partition, by })),
    busy: report.busy,
    default_events: report.defaultEvents,
    processed_ids: report.processedIds,
  };
}

function reportText(report: RetentionReport): string {
  const { dryRun, removed, held, busy, defaultEvents, processedIds } = report;
  const bytes = removed.reduce((sum, each) => sum + each.bytes, 0);
  const what = [
    `${countOf(removed.length, 'partition')} (${bytesText(bytes)})`,
    `${countOf(defaultEvents, 'event')} of the default partition`,
    `${countOf(processedIds, 'id')} of handled events`,
  ].join(', ');
  const head = dryRun ? `Nothing was changed. Without --dry-run: ${what}.` : `Removed: ${what}.`;
  const rows = [
    ...removed.map(({ name, from, until, bytes: size }) => [
      name,
      dryRun ? 'would go' : 'gone',
      `${bound(from) ?? '-'} to ${bound(until) ?? '-'}, ${bytesText(size)}`,
    ]),
    ...held.map(({ partition, by }) => [
      partition,
      'held',
      by.map(({ kind, name, position }) => `${kind} ${oneLine(name)} at ${position}`).join(', '),
    ]),
    ...busy.map((partition) => [partition, 'busy', 'others did not let go of it; try again']),
  ];
  if (rows.length === 0) return `${head}\n`;
  return `${head}\n\n${textTable([{ title: 'partition' }, { title: 'is' }, { title: 'why' }], rows)}`;
}
