import {
  parsePosition,
  readEventRows,
  type EventFilter,
} from '../database/event-store/event-log.ts';
import type { Queries } from '../database/id-block.ts';
import { TaskerError } from '../errors.ts';
import type { EventName } from './catalog.ts';
import { composePayloads } from './payload.ts';

/** An event of the log as subscribers get it. */
export interface StoredEvent {
  /** Place in the order of all events: opaque text, given to {@link readEvents} as `after`. */
  readonly position: string;
  /** UUID of version 7; the same at every delivery. */
  readonly eventId: string;
  /** A catalogued or a registered name. */
  readonly name: EventName | (string & {});
  readonly taskId: bigint | undefined;
  readonly stepId: bigint | undefined;
  /** ISO text, six digits, UTC. */
  readonly createdAt: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Which events are read, and how much of them. */
export interface ReadOptions extends EventFilter {
  /**
   * `full` (default): the payloads of the catalogue, composed of the log and of the rows of tasks and
   * steps. `stored`: only what the log itself holds, without further statements.
   */
  readonly detail?: 'full' | 'stored';
}

/**
 * Events in the order of their positions: that of the commits of each task. An event is given only
 * when every transaction that began to write before its own is over, so that none is ever skipped.
 *
 * Errors: TASKER_BAD_ARGUMENT for a position that is none or a limit below 1.
 */
export async function readEvents(client: Queries, filter: ReadOptions): Promise<StoredEvent[]> {
  const { after, upTo, limit } = filter;
  if (after !== undefined && parsePosition(after) === undefined) throw badPosition('after', after);
  if (upTo !== undefined && parsePosition(upTo) === undefined) throw badPosition('upTo', upTo);
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new TaskerError('TASKER_BAD_ARGUMENT', 'limit must be a whole number from 1 on.', {
      data: { argument: 'limit', value: limit },
    });
  }
  const rows = await readEventRows(client, filter);
  const payloads = filter.detail === 'stored' ? undefined : await composePayloads(client, rows);
  return rows.map(({ stored, ...event }, place) => ({
    ...event,
    payload: payloads?.[place] ?? stored,
  }));
}

/**
 * Order of two positions: negative where `left` comes first. O(1).
 *
 * Errors: TASKER_BAD_ARGUMENT.
 */
export function comparePositions(left: string, right: string): number {
  const a = parsePosition(left);
  const b = parsePosition(right);
  if (a === undefined) throw badPosition('left', left);
  if (b === undefined) throw badPosition('right', right);
  const difference = a.transactionId - b.transactionId || a.number - b.number;
  return difference < 0n ? -1 : Number(difference > 0n);
}

function badPosition(argument: string, value: string): TaskerError {
  return new TaskerError('TASKER_BAD_ARGUMENT', `${argument} is no position of an event.`, {
    data: { argument, value },
    remedy: 'Give the position of an event that was read.',
  });
}
