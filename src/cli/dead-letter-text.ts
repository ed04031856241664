import type { DeadLetter } from '../database/event-store/dead-letter-rows.ts';
import type { DeadLetterPage, DeadLetterResult } from '../events/dead-letters.ts';
import { jsonText } from './json-text.ts';
import { countOf, factLines, oneLine, textTable } from './text-table.ts';

/** A dead letter as JSON; with its payload where it has one. */
export function letterJson(letter: DeadLetter & { readonly payload?: unknown }): object {
  return {
    dead_letter_id: letter.deadLetterId,
    subscriber: letter.subscriber,
    partition: letter.partition,
    event_id: letter.eventId,
    position: letter.position,
    name: letter.name,
    task_id: letter.taskId ?? null,
    step_id: letter.stepId ?? null,
    event_created_at: letter.eventCreatedAt,
    reason: letter.reason,
    error: letter.error,
    attempts: letter.attempts,
    created_at: letter.createdAt,
    updated_at: letter.updatedAt,
    redrive_at: letter.redriveAt ?? null,
    ...(letter.payload === undefined ? {} : { payload: letter.payload }),
  };
}

/** A page of dead letters as a table. */
export function lettersText({ letters, next }: DeadLetterPage): string {
  if (letters.length === 0) return 'No dead letters.\n';
  const table = textTable(
    [
      { title: 'id', align: 'right' },
      { title: 'subscriber' },
      { title: 'event' },
      { title: 'task', align: 'right' },
      { title: 'given up' },
      { title: 'attempts', align: 'right' },
      { title: 'why' },
    ],
    letters.map((letter) => [
      String(letter.deadLetterId),
      oneLine(letter.subscriber, 40),
      oneLine(letter.name, 60),
      String(letter.taskId ?? ''),
      letter.createdAt,
      String(letter.attempts),
      `${whyText(letter)}${letter.redriveAt === undefined ? '' : ' (to be redriven)'}`,
    ]),
  );
  return next === undefined ? table : `${table}\nThere are more: --cursor ${next}\n`;
}

const whyText = ({ reason, error }: DeadLetter): string =>
  oneLine(`${reason}: ${error.message}`, 80);

/** A dead letter as lines of facts, with its payload. */
export function letterText(letter: DeadLetter & { readonly payload: unknown }): string {
  const facts = factLines([
    ['dead letter', String(letter.deadLetterId)],
    ['subscriber', `${oneLine(letter.subscriber)}, part ${letter.partition}`],
    ['event', `${oneLine(letter.name)} ${letter.eventId}`],
    ['position', letter.position],
    ['task', String(letter.taskId ?? '')],
    ['step', String(letter.stepId ?? '')],
    ['happened', letter.eventCreatedAt],
    ['given up', `${letter.createdAt}, last ${letter.updatedAt}`],
    ['attempts', String(letter.attempts)],
    ['reason', letter.reason],
    ['error', oneLine(`${letter.error.name}: ${letter.error.message}`, 2100)],
    ['redrive', letter.redriveAt === undefined ? '' : `asked for ${letter.redriveAt}`],
  ]);
  return `${facts}\nPayload\n${jsonText(letter.payload)}`;
}

/** What was done with dead letters, as JSON. */
export function letterResultJson(result: DeadLetterResult): object {
  return {
    action: result.action,
    dry_run: result.dryRun,
    count: result.deadLetterIds.length,
    dead_letter_ids: result.deadLetterIds,
    audit_id: result.auditId ?? null,
  };
}

/** What was done with dead letters, as a sentence. */
export function letterResultText({ action, deadLetterIds, dryRun }: DeadLetterResult): string {
  const what = action === 'dead_letter.redrive' ? 'to be redriven' : 'discarded';
  if (deadLetterIds.length === 0) return 'Nothing to do: no such dead letter.\n';
  const count = countOf(deadLetterIds.length, 'dead letter');
  return dryRun
    ? `Nothing was changed. Without --dry-run: ${count} ${what}.\n`
    : `Done: ${count} ${what}.\n`;
}
