import { setTimeout as sleep } from 'node:timers/promises';

import type { Session } from '../database/atomically.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { jsonLine } from './json-text.ts';
import { withSession, type SessionOptions } from './operator-command.ts';
import { oneLine } from './text-table.ts';

/** Options of `tasker events tail`. */
export interface TailOptions extends SessionOptions {
  readonly from?: string;
  readonly event?: readonly string[];
  readonly task?: bigint;
  readonly limit?: number;
  readonly follow: boolean;
}

/** Events read by one statement. */
const PAGE = 500;

/** Milliseconds between two looks at the end of the log. */
const POLL = 250;

/** `tasker events tail`. */
export async function tailCommand(
  context: CommandContext,
  options: TailOptions,
): Promise<ExitCode> {
  return withSession(context, options, async (client, progress) => {
    // events come at once, and a bar between them would be in the way
    progress.stop();
    await tail(context, client, options);
    return EXIT_CODES.done;
  });
}

async function tail(context: CommandContext, client: Session, options: TailOptions): Promise<void> {
  const { eventHorizon } = await import('../database/event-store/event-log.ts');
  const { comparePositions, readEvents } = await import('../events/stored-event.ts');
  const { startOfLog } = await import('../events/log-place.ts');
  const { requireChoice } = await import('../events/bad-filter.ts');
  requireChoice(options.event === undefined ? {} : { names: options.event });
  const start =
    options.from === undefined
      ? { after: await eventHorizon(client) }
      : startOfLog('from', options.from);
  const text = options.json === true ? eventLine : eventText;
  let { after } = start;
  let left = options.limit ?? Infinity;
  while (left > 0 && !context.unread.aborted) {
    context.signal.throwIfAborted();
    // asked before, so that nothing comes between the two
    const horizon = await eventHorizon(client);
    const limit = Math.min(PAGE, left);
    const events = await readEvents(client, {
      after,
      limit,
      names: options.event,
      taskId: options.task,
      since: start.since,
    });
    for (const event of events) context.print(text(event));
    left -= events.length;
    after = events.at(-1)?.position ?? after;
    if (events.length === limit) continue;
    if (!options.follow) return;
    if (comparePositions(horizon, after) > 0) after = horizon;
    await sleep(POLL, undefined, { signal: context.signal });
  }
}

const eventLine = (event: StoredEvent): string =>
  jsonLine({
    position: event.position,
    event_id: event.eventId,
    name: event.name,
    task_id: event.taskId ?? null,
    step_id: event.stepId ?? null,
    created_at: event.createdAt,
    payload: event.payload,
  });

function eventText({ createdAt, name, taskId, stepId, payload }: StoredEvent): string {
  const subject = [
    taskId === undefined ? '' : ` task ${taskId}`,
    stepId === undefined ? '' : ` step ${stepId}`,
  ].join('');
  return `${createdAt} ${oneLine(name)}${subject} ${oneLine(JSON.stringify(payload))}\n`;
}
