import { atomically, type Session } from '../database/atomically.ts';
import { writeAudit } from '../database/audit-log.ts';
import { requireAuditRequest, type AuditRequest } from '../database/audit-request.ts';
import type { Queries } from '../database/id-block.ts';
import { decodeCursor, encodeCursor, isCursorId, pageLimit } from '../database/list-cursor.ts';
import {
  endReplay,
  insertReplay,
  readReplays,
  type NewReplay,
  type Replay,
} from '../database/event-store/replay-requests.ts';
import { notifySubscribers } from '../database/event-store/subscriptions.ts';
import { TaskerError } from '../errors.ts';
import { badField, requireChoice, requireId, requireName } from './bad-filter.ts';
import { endOfLog, startOfLog } from './log-place.ts';
import { unknownSubscriber } from './subscriptions.ts';

/** Which events are delivered to a durable subscriber once more. */
export interface ReplayRequest extends AuditRequest {
  readonly subscriber: string;
  /**
   * `start`, the position of an event (which is delivered too), or a UTC timestamp.
   */
  readonly from: string;
  /**
   * Position of the last event, or a UTC timestamp that all events lie before. Default: all events
   * that can be read when the replay is asked for.
   */
  readonly until?: string;
  readonly taskId?: bigint;
  /** Names, or `task.*` for all that begin so. Of them, those that the subscriber handles. */
  readonly names?: readonly string[];
  /** Events a second, of all parts together. Default: as fast as they are handled. */
  readonly rate?: number;
}

const MOST_RATE = 1_000_000;

/**
 * Has events delivered once more, marked as replay, while new ones come as ever: by the processes
 * that run the subscriber, part by part, one replay after the other; a process that dies goes on
 * where it was. Its position is not touched. One transaction; O(events in between), counted once.
 *
 * Errors: TASKER_BAD_ARGUMENT names the field; TASKER_UNKNOWN_SUBSCRIBER.
 */
export async function replayEvents(client: Session, request: ReplayRequest): Promise<Replay> {
  requireAuditRequest(request);
  const asked = checked(request);
  return atomically(client, async () => {
    const replayId = await insertReplay(client, asked);
    if (replayId === undefined) throw unknownSubscriber(request.subscriber);
    const { actor, reason, taskId, subscriber, from, until, names, rate } = request;
    const details = JSON.stringify({
      replay_id: String(replayId),
      subscriber,
      from,
      until,
      task_id: taskId === undefined ? undefined : String(taskId),
      names,
      rate,
    });
    await writeAudit(client, { actor, action: 'replay.start', reason, taskId, details });
    await notifySubscribers(client);
    return replay(client, replayId);
  });
}

function checked(request: ReplayRequest): NewReplay {
  const { subscriber, from, until, taskId, names, rate } = request;
  requireName('subscriber', subscriber);
  requireChoice(maybe({ taskId, names }));
  if (rate !== undefined && !(typeof rate === 'number' && rate > 0 && rate <= MOST_RATE)) {
    throw badField('rate', rate, `a number above 0 up to ${MOST_RATE}`);
  }
  const start = startOfLog('from', from);
  const end = until === undefined ? {} : endOfLog('until', until);
  return {
    subscriber,
    after: start.after,
    upTo: end.upTo,
    rate,
    filter: maybe({ names, taskId, since: start.since, until: end.until }),
  };
}

type Given<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Without what is undefined. */
function maybe<T extends object>(fields: T): Given<T> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Given<T>;
}

/**
 * A replay and how far it has come.
 *
 * Errors: TASKER_BAD_ARGUMENT, TASKER_UNKNOWN_REPLAY.
 */
export async function replay(client: Queries, replayId: bigint): Promise<Replay> {
  requireId('replayId', replayId);
  const [found] = await readReplays(client, { replayId }, 1);
  if (found !== undefined) return found;
  throw new TaskerError('TASKER_UNKNOWN_REPLAY', `There is no replay ${replayId}.`, {
    remedy: 'Look at those there are.',
    data: { replayId: String(replayId) },
  });
}

/** Which replays {@link listReplays} lists. */
export interface ReplayQuery {
  readonly subscriber?: string;
  /** Only those that are not over. Default false. */
  readonly open?: boolean;
  /** Replays of a page, 1 to 10,000; default 100. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

/** A page of replays. */
export interface ReplayPage {
  /** The latest first. */
  readonly replays: readonly Replay[];
  /** Cursor of the next page; undefined on the last one. */
  readonly next: string | undefined;
}

/**
 * Replays with their progress, page by page.
 *
 * Errors: TASKER_BAD_ARGUMENT names the field. O(replays looked at).
 */
export async function listReplays(client: Queries, query: ReplayQuery = {}): Promise<ReplayPage> {
  const { subscriber, open, cursor } = query;
  if (subscriber !== undefined) requireName('subscriber', subscriber);
  const limit = pageLimit(query.limit ?? 100);
  const [before] = cursor === undefined ? [] : decodeCursor(cursor, [isCursorId]);
  const choice = maybe({
    subscriber,
    open,
    before: before === undefined ? undefined : BigInt(before),
  });
  const found = await readReplays(client, choice, limit + 1);
  const replays = found.slice(0, limit);
  const last = found.length > limit ? replays.at(-1) : undefined;
  return { replays, next: last && encodeCursor([String(last.replayId)]) };
}

/** What cancelling did. */
export interface ReplayCancellation {
  readonly replay: Replay;
  /** It was over already, and nothing was written. */
  readonly alreadyDone: boolean;
}

/**
 * Ends a replay: what is under way ends, no further events are delivered. One transaction.
 *
 * Errors: TASKER_BAD_ARGUMENT, TASKER_UNKNOWN_REPLAY.
 */
export async function cancelReplay(
  client: Session,
  replayId: bigint,
  request: AuditRequest,
): Promise<ReplayCancellation> {
  requireId('replayId', replayId);
  requireAuditRequest(request);
  return atomically(client, async () => {
    const ended = await endReplay(client, replayId);
    const after = await replay(client, replayId);
    if (!ended) return { replay: after, alreadyDone: true };
    const { actor, reason } = request;
    const { subscriber } = after;
    const details = JSON.stringify({ replay_id: String(replayId), subscriber });
    await writeAudit(client, { actor, action: 'replay.cancel', reason, details });
    await notifySubscribers(client);
    return { replay: after, alreadyDone: false };
  });
}
