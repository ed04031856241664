import { atomically, type Session } from '../database/atomically.ts';
import { writeAudit } from '../database/audit-log.ts';
import { requireAuditRequest, type AuditRequest } from '../database/audit-request.ts';
import {
  deleteDeadLetters,
  holdDeadLetters,
  markRedrives,
  readDeadLetter,
  readDeadLetters,
  type ChosenLetter,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterWithPayload,
} from '../database/event-store/dead-letter-rows.ts';
import type { Queries } from '../database/id-block.ts';
import { decodeCursor, encodeCursor, isCursorId, pageLimit } from '../database/list-cursor.ts';
import { notifySubscribers } from '../database/event-store/subscriptions.ts';
import { TaskerError } from '../errors.ts';
import { formatInstant } from '../graph/snapshot/instants.ts';
import { badField, requireChoice, requireId, requireName } from './bad-filter.ts';

/** Which dead letters {@link listDeadLetters} lists. */
export interface DeadLetterQuery extends DeadLetterFilter {
  /** Letters of a page, 1 to 10,000; default 100. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

/** A page of dead letters. */
export interface DeadLetterPage {
  /** Those given up last first. */
  readonly letters: readonly DeadLetter[];
  /** Cursor of the next page; undefined on the last one. */
  readonly next: string | undefined;
}

/**
 * Events that subscribers gave up, without their payloads, page by page: letters that come meanwhile
 * neither repeat nor hide others.
 *
 * Errors: TASKER_BAD_ARGUMENT names the field. O(letters looked at).
 */
export async function listDeadLetters(
  client: Queries,
  query: DeadLetterQuery = {},
): Promise<DeadLetterPage> {
  const { limit: wanted = 100, cursor, ...filter } = query;
  requireFilter(filter);
  const limit = pageLimit(wanted);
  const [before] = cursor === undefined ? [] : decodeCursor(cursor, [isCursorId]);
  const found = await readDeadLetters(
    client,
    filter,
    limit + 1,
    before === undefined ? undefined : BigInt(before),
  );
  const letters = found.slice(0, limit);
  const last = found.length > limit ? letters.at(-1) : undefined;
  return { letters, next: last && encodeCursor([String(last.deadLetterId)]) };
}

/**
 * One dead letter, with its payload.
 *
 * Errors: TASKER_UNKNOWN_DEAD_LETTER.
 */
export async function deadLetter(
  client: Queries,
  deadLetterId: bigint,
): Promise<DeadLetterWithPayload> {
  requireId('deadLetterId', deadLetterId);
  const letter = await readDeadLetter(client, deadLetterId);
  if (letter === undefined) throw unknownLetters([deadLetterId]);
  return letter;
}

/** Who wants something done with dead letters, and why. */
export interface DeadLetterRequest extends AuditRequest {
  /** Tells what would be done, and does nothing. Default false. */
  readonly dryRun?: boolean;
}

/** What was done with dead letters. */
export interface DeadLetterResult {
  readonly action: 'dead_letter.redrive' | 'dead_letter.discard';
  /** Letters that were chosen and not in this state already, by id. */
  readonly deadLetterIds: readonly bigint[];
  readonly dryRun: boolean;
  /** Entry of the journal; undefined where nothing was done. */
  readonly auditId: bigint | undefined;
}

/**
 * Has dead letters delivered again by their subscribers: as soon as one runs, each before new events.
 * One that is handled is no dead letter any more; one that fails again stays, with its new error.
 * Without anything chosen: all. One transaction.
 *
 * Errors: TASKER_BAD_ARGUMENT; TASKER_UNKNOWN_DEAD_LETTER for ids of which one names none.
 */
export async function redriveDeadLetters(
  client: Session,
  filter: DeadLetterFilter,
  request: DeadLetterRequest,
): Promise<DeadLetterResult> {
  return change(client, 'dead_letter.redrive', filter, request);
}

/**
 * Forgets dead letters: nobody gets these events any more, unless by a replay. The journal says which
 * they were. One transaction.
 *
 * Errors: TASKER_BAD_ARGUMENT, also where nothing is chosen or no reason is given;
 * TASKER_UNKNOWN_DEAD_LETTER for ids of which one names none.
 */
export async function discardDeadLetters(
  client: Session,
  filter: DeadLetterFilter,
  request: DeadLetterRequest & { readonly reason: string },
): Promise<DeadLetterResult> {
  if (Object.values(filter).every((value) => value === undefined)) {
    throw badField(
      'filter',
      'empty',
      'one that chooses: ids, subscriber, names, taskId, reason, ...',
    );
  }
  if (request.reason === undefined) throw badField('reason', undefined, 'why they are discarded');
  return change(client, 'dead_letter.discard', filter, request);
}

async function change(
  client: Session,
  action: DeadLetterResult['action'],
  filter: DeadLetterFilter,
  request: DeadLetterRequest,
): Promise<DeadLetterResult> {
  requireAuditRequest(request);
  requireFilter(filter);
  return atomically(client, async () => {
    const held = await holdDeadLetters(client, filter);
    const found = new Set(held.map(({ deadLetterId }) => deadLetterId));
    const unknown = (filter.ids ?? []).filter((id) => !found.has(id));
    if (unknown.length > 0) throw unknownLetters(unknown);
    const letters = action === 'dead_letter.redrive' ? held.filter(({ waited }) => !waited) : held;
    const ids = letters.map(({ deadLetterId }) => deadLetterId);
    const dryRun = request.dryRun === true;
    const result = { action, deadLetterIds: ids, dryRun, auditId: undefined };
    if (dryRun || ids.length === 0) return result;
    if (action === 'dead_letter.redrive') await markRedrives(client, ids);
    else await deleteDeadLetters(client, ids);
    const auditId = await record(client, action, filter, request, letters);
    await notifySubscribers(client);
    return { ...result, auditId };
  });
}

/** Letters that an entry of the journal names one by one. */
const NAMED = 1000;

async function record(
  client: Session,
  action: DeadLetterResult['action'],
  filter: DeadLetterFilter,
  { actor, reason }: DeadLetterRequest,
  letters: readonly ChosenLetter[],
): Promise<bigint> {
  const { ids: _, taskId, since, until, ...rest } = filter;
  const details = {
    filter: {
      ...rest,
      ...(taskId === undefined ? {} : { task_id: String(taskId) }),
      ...(since === undefined ? {} : { since: formatInstant(since) }),
      ...(until === undefined ? {} : { until: formatInstant(until) }),
    },
    count: letters.length,
    letters: letters.slice(0, NAMED).map(({ deadLetterId, subscriber, eventId }) => ({
      dead_letter_id: String(deadLetterId),
      subscriber,
      event_id: eventId,
    })),
  };
  return writeAudit(client, { actor, action, reason, taskId, details: JSON.stringify(details) });
}

function requireFilter(filter: DeadLetterFilter): void {
  const { ids, subscriber, reason } = filter;
  requireChoice(filter);
  for (const id of ids ?? []) requireId('ids', id);
  if (ids?.length === 0) throw badField('ids', 'empty', 'at least one id');
  if (subscriber !== undefined) requireName('subscriber', subscriber);
  if (reason !== undefined && reason !== 'failed' && reason !== 'timeout') {
    throw badField('reason', reason, 'failed or timeout');
  }
}

function unknownLetters(ids: readonly bigint[]): TaskerError {
  const named = ids.slice(0, 20).join(', ');
  const message =
    ids.length === 1 ? `There is no dead letter ${named}.` : `There are no dead letters ${named}.`;
  return new TaskerError('TASKER_UNKNOWN_DEAD_LETTER', message, {
    remedy: 'It was handled or discarded meanwhile, or never was; list those there are.',
    data: { deadLetterIds: ids.slice(0, 100).map(String) },
  });
}
