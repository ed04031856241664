import { atomically, type Session } from '../database/atomically.ts';
import { writeAudit } from '../database/audit-log.ts';
import { requireAuditRequest, type AuditRequest } from '../database/audit-request.ts';
import type { Queries } from '../database/id-block.ts';
import { holdSubscription, readLags } from '../database/event-store/subscriber-health.ts';
import {
  listSubscriptions,
  setSubscriptionState,
  type SubscriptionRow,
} from '../database/event-store/subscriptions.ts';
import { TaskerError } from '../errors.ts';
import { requireName } from './bad-filter.ts';

/** How a part of a durable subscriber is. */
export interface SubscriberPart extends SubscriptionRow {
  /** Events of the part that it has not come to, also those that it has no handler for. */
  readonly lagEvents: number;
  /** There are more than the million that is counted. */
  readonly lagIsMore: boolean;
  /** When the first of them was created, ISO text; undefined where there is none. */
  readonly lagSince: string | undefined;
  readonly deadLetters: number;
  /** Process of the server for the session that serves the part; undefined where none does. */
  readonly servedBy: number | undefined;
}

/** How a durable subscriber is. */
export interface SubscriberHealth {
  readonly name: string;
  readonly state: 'running' | 'paused';
  /** Sums over the parts, and the latest or oldest instants of them. */
  readonly lagEvents: number;
  readonly lagIsMore: boolean;
  readonly lagSince: string | undefined;
  readonly delivered: bigint;
  /** Failed attempts. */
  readonly errors: bigint;
  readonly deadLetters: number;
  readonly lastSuccessAt: string | undefined;
  readonly lastErrorAt: string | undefined;
  readonly lastError: string | undefined;
  /** By number. */
  readonly parts: readonly SubscriberPart[];
}

/**
 * Every durable subscriber that was ever started, by name: position, lag, counts and errors.
 *
 * O(events behind), at most a million counted for each part.
 */
export async function subscriberHealth(
  client: Queries,
  name?: string,
): Promise<readonly SubscriberHealth[]> {
  const names = name === undefined ? [] : [name];
  const rows = await listSubscriptions(client, ...names);
  const lags = await readLags(client, name === undefined ? undefined : names);
  const lagOf = new Map(lags.map((lag) => [`${lag.partition} ${lag.name}`, lag]));
  const parts = rows.flatMap((row): SubscriberPart[] => {
    const lag = lagOf.get(`${row.partition} ${row.name}`);
    if (lag === undefined) return [];
    const { events: lagEvents, isMore: lagIsMore, oldest: lagSince, deadLetters, servedBy } = lag;
    return [{ ...row, lagEvents, lagIsMore, lagSince, deadLetters, servedBy }];
  });
  return [...Map.groupBy(parts, (part) => part.name).values()].map(healthOf);
}

function healthOf(parts: readonly SubscriberPart[]): SubscriberHealth {
  const texts = (of: (part: SubscriberPart) => string | undefined): string[] =>
    parts.flatMap((part) => of(part) ?? []).toSorted();
  const lastErrorAt = texts((part) => part.lastErrorAt).at(-1);
  return {
    name: (parts[0] as SubscriberPart).name,
    state: parts.every(({ state }) => state === 'paused') ? 'paused' : 'running',
    lagEvents: parts.reduce((sum, { lagEvents }) => sum + lagEvents, 0),
    lagIsMore: parts.some(({ lagIsMore }) => lagIsMore),
    lagSince: texts((part) => part.lagSince)[0],
    delivered: parts.reduce((sum, { delivered }) => sum + delivered, 0n),
    errors: parts.reduce((sum, { errors }) => sum + errors, 0n),
    deadLetters: parts.reduce((sum, { deadLetters }) => sum + deadLetters, 0),
    lastSuccessAt: texts((part) => part.lastSuccessAt).at(-1),
    lastErrorAt,
    lastError: parts.find((part) => part.lastErrorAt === lastErrorAt)?.lastError,
    parts,
  };
}

/**
 * As {@link subscriberHealth}, of one.
 *
 * Errors: TASKER_UNKNOWN_SUBSCRIBER.
 */
export async function oneSubscriber(client: Queries, name: string): Promise<SubscriberHealth> {
  requireName('subscriber', name);
  const [health] = await subscriberHealth(client, name);
  if (health === undefined) throw unknownSubscriber(name);
  return health;
}

/** What pausing or resuming did. */
export interface SubscriberStateResult {
  readonly action: 'subscriber.pause' | 'subscriber.resume';
  readonly subscriber: string;
  /** It was so already, and nothing was written. */
  readonly alreadyDone: boolean;
  /** Entry of the journal; undefined where nothing was written. */
  readonly auditId: bigint | undefined;
}

/**
 * Delivers nothing more to a subscriber, in whichever process it runs; what is under way ends. Its
 * position stays, and so do the partitions of the log from there on. One transaction.
 *
 * Errors: TASKER_BAD_ARGUMENT, TASKER_UNKNOWN_SUBSCRIBER.
 */
export async function pauseSubscriber(
  client: Session,
  name: string,
  request: AuditRequest,
): Promise<SubscriberStateResult> {
  return setState(client, name, 'paused', request);
}

/** Delivers again from where it was; as {@link pauseSubscriber}. */
export async function resumeSubscriber(
  client: Session,
  name: string,
  request: AuditRequest,
): Promise<SubscriberStateResult> {
  return setState(client, name, 'running', request);
}

async function setState(
  client: Session,
  subscriber: string,
  state: 'running' | 'paused',
  request: AuditRequest,
): Promise<SubscriberStateResult> {
  requireName('subscriber', subscriber);
  requireAuditRequest(request);
  const action = state === 'paused' ? 'subscriber.pause' : 'subscriber.resume';
  return atomically(client, async () => {
    const before = await holdSubscription(client, subscriber);
    if (before === undefined) throw unknownSubscriber(subscriber);
    const result = {
      action,
      subscriber,
      alreadyDone: before === state,
      auditId: undefined,
    } as const;
    if (result.alreadyDone) return result;
    await setSubscriptionState(client, subscriber, state);
    const { actor, reason } = request;
    const details = JSON.stringify({ subscriber });
    return { ...result, auditId: await writeAudit(client, { actor, action, reason, details }) };
  });
}

/** Nobody has this name. */
export function unknownSubscriber(name: string): TaskerError {
  return new TaskerError('TASKER_UNKNOWN_SUBSCRIBER', `There is no subscriber "${name}".`, {
    remedy: 'It is entered when it is started first; look at those there are.',
    data: { subscriber: name },
  });
}
