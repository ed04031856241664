import type pg from 'pg';

import { instantText } from '../../graph/snapshot/instants.ts';
import { parsePosition, type PositionParts } from './event-log.ts';
import { int4Array, int8Array, textArray } from '../copy/binary-arrays.ts';
import type { Queries } from '../id-block.ts';

/** Channel on which subscribers are told that events or changes of state await them. */
export const EVENT_CHANNEL = 'tasker_core_events';

/** Payload of the notices that tell of anything but new events. */
const CONTROL_NOTICE = 'control';

/** A part of a subscriber: the tasks whose id leaves this remainder. */
export interface SubscriptionPart {
  readonly name: string;
  readonly partition: number;
}

/** What is stored of a part. */
export interface SubscriptionRow extends SubscriptionPart {
  readonly partitions: number;
  readonly state: 'running' | 'paused';
  /** Up to here everything was handled, or is a dead letter. */
  readonly position: string;
  readonly delivered: bigint;
  readonly errors: bigint;
  /** Instants are ISO text, six digits, UTC. */
  readonly lastSuccessAt: string | undefined;
  readonly lastErrorAt: string | undefined;
  readonly lastError: string | undefined;
  readonly updatedAt: string;
}

interface SubscriptionRecord {
  readonly name: string;
  readonly partition: number;
  readonly partitions: number;
  readonly state: 'running' | 'paused';
  readonly transaction_id: string;
  readonly position: string;
  readonly delivered: string;
  readonly errors: string;
  readonly last_success_at: string | null;
  readonly last_error_at: string | null;
  readonly last_error: string | null;
  readonly updated_at: string;
}

const COLUMNS = `name, partition, partitions, state, transaction_id::text, position::text, delivered::text,
       errors::text, last_success_at::text, last_error_at::text, last_error, updated_at::text`;

const NOW = 'clock_timestamp()::timestamp';

/** Key of the advisory lock of a part with the columns `name` and `partition`. */
export const PART_KEY =
  "hashtextextended('tasker-core subscription ' || name || '/' || partition, 0)";

/** The numbers of a position that a row of ours, or a reader of events, gave. */
export function positionParts(position: string): PositionParts {
  const parts = parsePosition(position);
  if (parts === undefined) throw new RangeError(`no position: ${position}`);
  return parts;
}

/** Enters every part of a subscriber that is not there yet, at a position. One statement. */
export async function enterSubscription(
  client: Queries,
  subscription: {
    readonly name: string;
    readonly partitions: number;
    readonly filter: object;
    readonly position: string;
  },
): Promise<SubscriptionRow[]> {
  const { name, partitions, filter, position } = subscription;
  const { transactionId, number } = positionParts(position);
  await client.query({
    name: 'tasker_enter_subscription',
    text: `INSERT INTO tasker_core_subscriptions
             (name, partition, partitions, filter, transaction_id, position, created_at, updated_at)
           SELECT $1::varchar, p, $2, $3::jsonb, $4::xid8, $5, ${NOW}, ${NOW} FROM generate_series(0, $2::int - 1) p
            WHERE NOT EXISTS (SELECT FROM tasker_core_subscriptions WHERE name = $1::varchar)
           ON CONFLICT (name, partition) DO NOTHING`,
    values: [name, partitions, JSON.stringify(filter), String(transactionId), number],
  });
  return listSubscriptions(client, name);
}

/** Every part of every subscriber, or of those named. One statement. */
export async function listSubscriptions(
  client: Queries,
  ...names: readonly string[]
): Promise<SubscriptionRow[]> {
  const { rows } = await client.query<SubscriptionRecord>({
    name: 'tasker_list_subscriptions',
    text: `SELECT ${COLUMNS} FROM tasker_core_subscriptions
            WHERE $1::text[] IS NULL OR name = ANY ($1) ORDER BY name, partition`,
    values: [names.length === 0 ? null : textArray(names)],
  });
  return rows.map((row) => ({
    name: row.name,
    partition: row.partition,
    partitions: row.partitions,
    state: row.state,
    position: `${row.transaction_id}-${row.position}`,
    delivered: BigInt(row.delivered),
    errors: BigInt(row.errors),
    lastSuccessAt: instant(row.last_success_at),
    lastErrorAt: instant(row.last_error_at),
    lastError: row.last_error ?? undefined,
    updatedAt: instant(row.updated_at) as string,
  }));
}

/** ISO text of an instant as the server writes it. */
const instant = (text: string | null): string | undefined =>
  text === null ? undefined : instantText(text);

/**
 * Takes the parts that no session has: session-level advisory locks, freed when the session ends,
 * whatever ends it. Parts that this session has already must not be asked for.
 */
export async function takeParts(
  client: Queries,
  parts: readonly SubscriptionPart[],
): Promise<SubscriptionPart[]> {
  const { rows } = await client.query<{ at: number }>({
    name: 'tasker_take_parts',
    text: `SELECT at::int - 1 AS at
             FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS p(name, partition, at)
            WHERE pg_try_advisory_lock(${PART_KEY})`,
    values: partArrays(parts),
  });
  return rows.map(({ at }) => parts[at] as SubscriptionPart);
}

/** Gives parts back that this session has. One statement. */
export async function releaseParts(
  client: Queries,
  parts: readonly SubscriptionPart[],
): Promise<void> {
  await client.query({
    name: 'tasker_release_parts',
    text: `SELECT pg_advisory_unlock(${PART_KEY}) FROM unnest($1::text[], $2::int[]) AS p(name, partition)`,
    values: partArrays(parts),
  });
}

/** What happened to a part since it was last saved. */
export interface PartProgress extends SubscriptionPart {
  readonly position: string;
  readonly delivered: number;
  readonly errors: number;
  readonly lastError: string | undefined;
}

/** Saves how far parts have come; a place never goes back. One statement for any number. */
export async function saveProgress(client: Queries, all: readonly PartProgress[]): Promise<void> {
  const positions = all.map(({ position }) => positionParts(position));
  await client.query({
    name: 'tasker_save_progress',
    text: `UPDATE tasker_core_subscriptions s
              SET transaction_id = CASE WHEN p.further THEN p.xid ELSE s.transaction_id END,
                  position = CASE WHEN p.further THEN p.number ELSE s.position END,
                  delivered = s.delivered + p.delivered,
                  errors = s.errors + p.errors,
                  last_success_at = CASE WHEN p.delivered > 0 THEN ${NOW} ELSE s.last_success_at END,
                  last_error_at = CASE WHEN p.errors > 0 THEN ${NOW} ELSE s.last_error_at END,
                  last_error = coalesce(p.error, s.last_error),
                  updated_at = ${NOW}
             FROM (SELECT u.*, u.tx::xid8 AS xid,
                          (u.tx::xid8, u.number) > (o.transaction_id, o.position) AS further
                     FROM unnest($1::text[], $2::int[], $3::text[], $4::bigint[], $5::bigint[],
                                 $6::bigint[], $7::text[])
                          AS u(name, partition, tx, number, delivered, errors, error)
                     JOIN tasker_core_subscriptions o USING (name, partition)) p
            WHERE s.name = p.name AND s.partition = p.partition`,
    values: [
      ...partArrays(all),
      textArray(positions.map(({ transactionId }) => String(transactionId))),
      int8Array(positions.map(({ number }) => number)),
      int8Array(all.map(({ delivered }) => BigInt(delivered))),
      int8Array(all.map(({ errors }) => BigInt(errors))),
      textArray(all.map(({ lastError }) => lastError)),
    ],
  });
}

const partArrays = (parts: readonly SubscriptionPart[]): Buffer[] => [
  textArray(parts.map(({ name }) => name)),
  int4Array(parts.map(({ partition }) => partition)),
];

/** Pauses a subscriber, or lets it go on. @returns false where there is none of this name */
export async function setSubscriptionState(
  client: Queries,
  name: string,
  state: 'running' | 'paused',
): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'tasker_set_subscription_state',
    text: `UPDATE tasker_core_subscriptions SET state = $2, updated_at = ${NOW} WHERE name = $1`,
    values: [name, state],
  });
  await notifySubscribers(client);
  return (rowCount ?? 0) > 0;
}

/**
 * Tells every process with subscribers that there is more to do than new events: a change of state, a
 * redrive, a replay. Heard when the transaction commits.
 */
export async function notifySubscribers(client: Queries): Promise<void> {
  await client.query({
    name: 'tasker_notify_subscribers',
    text: `SELECT pg_notify('${EVENT_CHANNEL}', '${CONTROL_NOTICE}')`,
    values: [],
  });
}

/** Calls back at every notice from now on, until the session ends. */
export async function listenForEvents(
  client: pg.Client,
  onNotice: (isControl: boolean) => void,
): Promise<void> {
  client.on('notification', ({ channel, payload }) => {
    if (channel === EVENT_CHANNEL) onNotice(payload === CONTROL_NOTICE);
  });
  await client.query(`LISTEN ${EVENT_CHANNEL}`);
}
