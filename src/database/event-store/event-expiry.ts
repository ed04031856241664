import { formatNaive, nearestInstant } from '../../graph/snapshot/instants.ts';
import { DEFAULT_PARTITION } from './event-partitions.ts';
import type { Queries } from '../id-block.ts';

/** Who needs events still: a subscriber that has not come so far, or a replay of them. */
export interface EventHolder {
  readonly kind: 'subscriber' | 'replay';
  /** The subscriber. */
  readonly name: string;
  /** How far its hindmost part has come. */
  readonly position: string;
}

/** Places of a range's first and last event, as columns of one row. */
const EDGES = (table: string, condition: string): string => `
SELECT f.xid AS first_xid, f.position AS first, l.xid AS last_xid, l.position AS last
  FROM (SELECT xid, position FROM ${table} ${condition}
         ORDER BY xid, position LIMIT 1) f,
       (SELECT xid, position FROM ${table} ${condition}
         ORDER BY xid DESC, position DESC LIMIT 1) l`;

/**
 * Who holds a partition's events back: nobody where it has none. One statement, O(parts of
 * subscribers) and a look at both ends of the partition.
 *
 * @param before only events of an earlier instant are meant, µs since the epoch
 */
export async function holdersOf(
  client: Queries,
  partition: string,
  before = Infinity,
): Promise<EventHolder[]> {
  const table = `"${partition.replaceAll('"', '""')}"`;
  const condition = before === Infinity ? '' : `WHERE occurred_at < '${formatNaive(before)}'`;
  const { rows } = await client.query<EventHolder>(
    `WITH edges AS MATERIALIZED (${EDGES(table, condition)}),
          behind AS (
            SELECT 'subscriber' AS kind, s.name, s.transaction_id, s.position
              FROM tasker_core_subscriptions s, edges e
             WHERE (s.transaction_id, s.position) < (e.last_xid, e.last)
             UNION ALL
            SELECT 'replay', r.subscription, r.transaction_id, r.position
              FROM tasker_core_replays r, edges e
             WHERE r.finished_at IS NULL
               AND (r.transaction_id, r.position) < (e.last_xid, e.last)
               AND (r.until_transaction_id, r.until_position) >= (e.first_xid, e.first))
     SELECT DISTINCT ON (kind, name) kind, name, transaction_id || '-' || position AS position
       FROM behind ORDER BY kind DESC, name, transaction_id, position`,
  );
  return rows;
}

/** Rows removed by one statement. */
export const EXPIRY_BATCH = 10_000;

/** Events before which nobody needs any: up to the hindmost subscriber and the hindmost replay. */
const FLOOR = `(
  SELECT transaction_id, position FROM (
    SELECT transaction_id, position FROM tasker_core_subscriptions
     UNION ALL SELECT transaction_id, position FROM tasker_core_replays WHERE finished_at IS NULL
     UNION ALL SELECT '18446744073709551615'::xid8, 9223372036854775807) needed
   ORDER BY transaction_id, position LIMIT 1)`;

/**
 * Removes events of the default partition that are older than an instant and that nobody needs, so
 * many at most; a statement after which others may go on.
 *
 * @param place where the batch before ended
 * @returns how many there were, and where this one ended; undefined at the end of the table
 */
export async function deleteDefaultEvents(
  client: Queries,
  before: number,
  place = '(0,0)',
): Promise<{ readonly count: number; readonly place: string | undefined }> {
  const { rows } = await client.query<{ count: string; place: string | null }>({
    name: 'tasker_delete_default_events',
    text: `WITH expired AS MATERIALIZED (
             SELECT ctid AS at FROM ${DEFAULT_PARTITION}
              WHERE ctid > $2::tid AND occurred_at < $1::timestamp
                AND (xid, position) <= ${FLOOR}
              ORDER BY ctid LIMIT ${EXPIRY_BATCH}),
           gone AS (
             DELETE FROM ${DEFAULT_PARTITION} d USING expired WHERE d.ctid = expired.at RETURNING 1)
           SELECT (SELECT count(*) FROM gone) AS count, (SELECT max(at) FROM expired)::text AS place`,
    values: [formatNaive(before), place],
  });
  const count = Number(rows[0]?.count);
  return { count, place: count < EXPIRY_BATCH ? undefined : (rows[0]?.place ?? undefined) };
}

/** How many events {@link deleteDefaultEvents} would remove in all. O(default partition). */
export async function countDefaultEvents(client: Queries, before: number): Promise<number> {
  const { rows } = await client.query<{ count: string }>({
    name: 'tasker_count_default_events',
    text: `SELECT count(*) FROM ${DEFAULT_PARTITION}
            WHERE occurred_at < $1::timestamp AND (xid, position) <= ${FLOOR}`,
    values: [formatNaive(before)],
  });
  return Number(rows[0]?.count);
}

/** The oldest instant of an event in the default partition, µs since the epoch. One statement. */
export async function oldestDefaultEvent(client: Queries): Promise<number | undefined> {
  const { rows } = await client.query<{ oldest: string | null }>({
    name: 'tasker_oldest_default_event',
    text: `SELECT min(occurred_at)::text AS oldest FROM ${DEFAULT_PARTITION}`,
  });
  const oldest = rows[0]?.oldest;
  return oldest === null || oldest === undefined ? undefined : nearestInstant(oldest);
}

/** Forgets ids of events that were handled before an instant, so many at most. */
export async function deleteProcessedIds(client: Queries, before: number): Promise<number> {
  const { rowCount } = await client.query({
    name: 'tasker_delete_processed_ids',
    text: `DELETE FROM tasker_core_processed_events WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM tasker_core_processed_events
              WHERE processed_at < $1::timestamp LIMIT ${EXPIRY_BATCH}))`,
    values: [formatNaive(before)],
  });
  return rowCount ?? 0;
}

/** How many ids {@link deleteProcessedIds} would forget in all. */
export async function countProcessedIds(client: Queries, before: number): Promise<number> {
  const { rows } = await client.query<{ count: string }>({
    name: 'tasker_count_processed_ids',
    text: 'SELECT count(*) FROM tasker_core_processed_events WHERE processed_at < $1::timestamp',
    values: [formatNaive(before)],
  });
  return Number(rows[0]?.count);
}
