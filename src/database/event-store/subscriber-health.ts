import { instantText } from '../../graph/snapshot/instants.ts';
import { textArray } from '../copy/binary-arrays.ts';
import type { Queries } from '../id-block.ts';
import { PART_KEY } from './subscriptions.ts';

/** How far a part of a subscriber is behind, and who serves it. */
export interface PartLag {
  readonly name: string;
  readonly partition: number;
  /** Events of the part that it has not come to, also those that it has no handler for. */
  readonly events: number;
  /** There are more than were counted. */
  readonly isMore: boolean;
  /** When the first of them was created, ISO text; undefined where there is none. */
  readonly oldest: string | undefined;
  /** Dead letters of the part. */
  readonly deadLetters: number;
  /** Process of the server for the session that has the part; undefined where nobody has it. */
  readonly servedBy: number | undefined;
}

/** Events that are counted, for each part. */
const MOST_COUNTED = 1_000_000;

/**
 * The lag of every part of every subscriber, or of those named. One statement; O(events behind), at
 * most a million for each part.
 */
export async function readLags(client: Queries, names?: readonly string[]): Promise<PartLag[]> {
  const { rows } = await client.query<{
    name: string;
    partition: number;
    events: string;
    oldest: string | null;
    dead_letters: string;
    served_by: number | null;
  }>({
    name: 'tasker_subscriber_lags',
    text: `SELECT s.name, s.partition, b.events::text, b.oldest::text, d.dead_letters::text, l.pid AS served_by
  FROM tasker_core_subscriptions s
 CROSS JOIN LATERAL (
       SELECT count(*) AS events, min(occurred_at) AS oldest
         FROM (SELECT e.occurred_at FROM tasker_core_events e
                WHERE (e.xid, e.position) > (s.transaction_id, s.position)
                  AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
                  AND ${partOf('e.task_id', 's.partitions')} = s.partition
                LIMIT ${MOST_COUNTED + 1}) behind) b
 CROSS JOIN LATERAL (
       SELECT count(*) AS dead_letters FROM tasker_core_dead_letters l
        WHERE l.subscription = s.name AND l.partition = s.partition) d
  LEFT JOIN LATERAL (SELECT ${PART_KEY} AS key) k ON true
  LEFT JOIN pg_locks l
         ON l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.classid = (k.key >> 32 & 4294967295)::oid AND l.objid = (k.key & 4294967295)::oid
 WHERE $1::text[] IS NULL OR s.name = ANY ($1)
 ORDER BY s.name, s.partition`,
    values: [names === undefined ? null : textArray(names)],
  });
  return rows.map((row) => ({
    name: row.name,
    partition: row.partition,
    events: Math.min(Number(row.events), MOST_COUNTED),
    isMore: Number(row.events) > MOST_COUNTED,
    oldest: row.oldest === null ? undefined : instantText(row.oldest),
    deadLetters: Number(row.dead_letters),
    servedBy: row.served_by ?? undefined,
  }));
}

/** Number of the part that an event of a task belongs to: its id as 63 bits, modulo the parts. */
export function partOf(taskId: string, partitions: string): string {
  return `(coalesce(${taskId}, 0) & 9223372036854775807) % ${partitions}`;
}

/** What a subscriber is set to, held for the transaction; undefined where there is none. */
export async function holdSubscription(
  client: Queries,
  name: string,
): Promise<'running' | 'paused' | undefined> {
  const { rows } = await client.query<{ state: 'running' | 'paused' }>({
    name: 'tasker_hold_subscription',
    text: `SELECT state FROM tasker_core_subscriptions WHERE name = $1 ORDER BY partition FOR UPDATE`,
    values: [name],
  });
  if (rows.length === 0) return undefined;
  return rows.every(({ state }) => state === 'paused') ? 'paused' : 'running';
}
