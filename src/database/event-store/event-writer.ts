import { formatNaive } from '../../graph/snapshot/instants.ts';
import {
  int8Array,
  jsonbArray,
  textArray,
  timestampArray,
  uuidArray,
} from '../copy/binary-arrays.ts';
import { uuidBytes, uuidText } from './event-ids.ts';
import type { Queries } from '../id-block.ts';
import { EVENT_CHANNEL } from './subscriptions.ts';

/** An event that is to be stored. */
export interface NewEvent {
  /** 16 bytes: a UUID of version 7. */
  readonly eventId: Uint8Array;
  readonly name: string;
  readonly taskId: bigint | undefined;
  readonly stepId: bigint | undefined;
  /** µs since the epoch. */
  readonly at: number;
  readonly correlationId: string | undefined;
  /** The event that led to this one, as text. */
  readonly causationId: string | undefined;
  /** JSON text of an object. */
  readonly payload: string;
}

/**
 * Stores events in their order, and tells subscribers of them when the transaction commits. One
 * statement for any number. O(events).
 *
 * @returns id of the transaction that they belong to
 */
export async function writeEvents(client: Queries, events: readonly NewEvent[]): Promise<bigint> {
  const { rows } = await client.query<{ transaction_id: string }>({
    name: 'tasker_write_events',
    text: `WITH event_row AS (
  INSERT INTO tasker_core_events
    (event_id, name, task_id, step_id, occurred_at, correlation_id, causation_id, payload)
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::timestamp[], $6::text[],
                       $7::uuid[], $8::jsonb[])
)
SELECT pg_current_xact_id()::text AS transaction_id, pg_notify('${EVENT_CHANNEL}', '')`,
    values: [
      uuidArray(events.map(({ eventId }) => eventId)),
      textArray(events.map(({ name }) => name)),
      int8Array(events.map(({ taskId }) => taskId)),
      int8Array(events.map(({ stepId }) => stepId)),
      timestampArray(events.map(({ at }) => at)),
      textArray(events.map(({ correlationId }) => correlationId)),
      uuidArray(events.map(({ causationId }) => uuidBytes(causationId))),
      jsonbArray(events.map(({ payload }) => payload)),
    ],
  });
  return BigInt(rows[0]?.transaction_id as string);
}

/**
 * Whether events are stored whose answer was lost with the connection; the session that wrote them
 * must be over. They were written by one statement: one of them stands for all. O(events of those
 * instants).
 */
export async function areEventsStored(
  client: Queries,
  events: readonly NewEvent[],
): Promise<boolean> {
  const [first] = events;
  if (first === undefined) return true;
  const { rowCount } = await client.query({
    name: 'tasker_find_event',
    text: 'SELECT FROM tasker_core_events WHERE occurred_at = $1::timestamp AND event_id = $2::uuid',
    values: [formatNaive(first.at), uuidText(first.eventId)],
  });
  return (rowCount ?? 0) > 0;
}

/**
 * Those of some transactions that are over, with the events of each that are there: none where it was
 * rolled back. O(events of those transactions).
 */
export async function endedTransactions(
  client: Queries,
  transactionIds: readonly bigint[],
): Promise<{ transactionId: bigint; eventIds: ReadonlySet<string> }[]> {
  const { rows } = await client.query<{ id: string; events: string[] }>({
    name: 'tasker_ended_transactions',
    text: `SELECT t.id, ARRAY(SELECT e.event_id::text FROM tasker_core_events e
                                WHERE e.xid = t.id::xid8) AS events
             FROM unnest($1::text[]) AS t(id)
            WHERE pg_visible_in_snapshot(t.id::xid8, pg_current_snapshot())`,
    values: [textArray(transactionIds.map(String))],
  });
  return rows.map(({ id, events }) => ({ transactionId: BigInt(id), eventIds: new Set(events) }));
}

/**
 * Tells subscribers that events were stored, for those whose transaction did not. Not waited for by
 * the log on disk: a notice that is lost with the server costs no more than the next poll.
 */
export async function notifyEvents(client: Queries): Promise<void> {
  await client.query({
    name: 'tasker_notify_events',
    text: `SELECT set_config('synchronous_commit', 'off', true), pg_notify('${EVENT_CHANNEL}', '')`,
    values: [],
  });
}
