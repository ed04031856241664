import { formatInstant, formatNaive, instantText } from '../../graph/snapshot/instants.ts';
import { textArray } from '../copy/binary-arrays.ts';
import { likePattern } from './event-log.ts';
import type { Queries } from '../id-block.ts';
import { readFilter, type ReplayFilter, type StoredReplayFilter } from './replays.ts';
import { partOf } from './subscriber-health.ts';
import { positionParts } from './subscriptions.ts';

/** A replay that is asked for. */
export interface NewReplay {
  readonly subscriber: string;
  readonly filter: ReplayFilter;
  /** Only events after this position. */
  readonly after: string;
  /** Only events up to this position, which is included; undefined: all that can be read now. */
  readonly upTo: string | undefined;
  /** Events a second, of all parts together; undefined for full speed. */
  readonly rate: number | undefined;
}

/** The events of a replay. */
const CHOSEN = `range r JOIN tasker_core_events e
         ON (e.xid, e.position) > (r.xid, r.number)
        AND (e.xid, e.position) <= (r.until_xid, r.until_number)
        AND ($7::text[] IS NULL OR e.name LIKE ANY ($7)) AND ($8::bigint IS NULL OR e.task_id = $8)
        AND ($9::timestamp IS NULL OR e.occurred_at >= $9)
        AND ($10::timestamp IS NULL OR e.occurred_at < $10)`;

/**
 * Enters a replay, a row for each part of the subscriber. A part without any of the events is over at
 * once, the others begin at the first of all. One statement; O(events in between).
 *
 * @returns its id, undefined where there is no subscriber of this name
 */
export async function insertReplay(
  client: Queries,
  replay: NewReplay,
): Promise<bigint | undefined> {
  const { subscriber, filter, rate } = replay;
  const after = positionParts(replay.after);
  const upTo = replay.upTo === undefined ? undefined : positionParts(replay.upTo);
  const { names, taskId, since, until } = filter;
  const stored: StoredReplayFilter = {
    ...(names === undefined ? {} : { names }),
    ...(taskId === undefined ? {} : { task_id: String(taskId) }),
    ...(since === undefined ? {} : { since: formatInstant(since) }),
    ...(until === undefined ? {} : { until: formatInstant(until) }),
  };
  const { rows } = await client.query<{ replay_id: string }>({
    name: 'tasker_insert_replay',
    text: `WITH range AS MATERIALIZED (
  SELECT $3::xid8 AS xid, $4::bigint AS number,
         CASE WHEN $5::xid8 < h.xmin THEN $5 ELSE h.xmin END AS until_xid,
         CASE WHEN $5::xid8 < h.xmin THEN $6::bigint ELSE 0 END AS until_number
    FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin) h),
parts AS MATERIALIZED (
  SELECT partition, partitions FROM tasker_core_subscriptions WHERE name = $1),
first AS MATERIALIZED (
  SELECT e.xid AS xid, e.position AS number FROM ${CHOSEN}
   ORDER BY e.xid, e.position LIMIT 1),
chosen AS MATERIALIZED (
  SELECT ${partOf('e.task_id', 'p.partitions')} AS partition, count(*) AS events
    FROM (SELECT partitions FROM parts LIMIT 1) p, ${CHOSEN}
   GROUP BY 1),
asked AS MATERIALIZED (
  SELECT nextval(pg_get_serial_sequence('tasker_core_replays', 'replay_id')) AS id,
         clock_timestamp()::timestamp AS now
   WHERE EXISTS (SELECT FROM parts))
INSERT INTO tasker_core_replays
       (replay_id, subscription, partition, filter, transaction_id, position,
        until_transaction_id, until_position, rate, total, created_at, updated_at, finished_at)
OVERRIDING SYSTEM VALUE
SELECT a.id, $1, p.partition, $2::jsonb,
       coalesce(f.xid, r.xid), coalesce(f.number - 1, r.number), r.until_xid, r.until_number, $11, coalesce(c.events, 0), a.now, a.now,
       CASE WHEN c.events IS NULL THEN a.now END
  FROM parts p CROSS JOIN asked a CROSS JOIN range r
  LEFT JOIN chosen c USING (partition) LEFT JOIN first f ON true
RETURNING replay_id::text`,
    values: [
      subscriber,
      JSON.stringify(stored),
      String(after.transactionId),
      after.number,
      upTo === undefined ? null : String(upTo.transactionId),
      upTo?.number ?? null,
      names === undefined ? null : textArray(names.map(likePattern)),
      taskId ?? null,
      since === undefined ? null : formatNaive(since),
      until === undefined ? null : formatNaive(until),
      rate ?? null,
    ],
  });
  return rows[0] && BigInt(rows[0].replay_id);
}

/** A replay and how far it has come. Instants are ISO text, six digits, UTC. */
export interface Replay {
  readonly replayId: bigint;
  readonly subscriber: string;
  /** `open` until each part is over or somebody cancels it. */
  readonly state: 'open' | 'finished' | 'cancelled';
  readonly filter: ReplayFilter;
  /** Events a second, of all parts together; undefined for full speed. */
  readonly rate: number | undefined;
  /** Events that there were when it was asked for. */
  readonly total: number;
  /** Those of them that are over, whatever became of them. */
  readonly seen: number;
  readonly delivered: number;
  /** Failed attempts. */
  readonly errors: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly finishedAt: string | undefined;
}

interface ReplayRecord {
  readonly replay_id: string;
  readonly subscription: string;
  readonly filter: StoredReplayFilter;
  readonly rate: number | null;
  readonly total: string;
  readonly seen: string;
  readonly delivered: string;
  readonly errors: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly finished_at: string | null;
  readonly open: boolean;
  readonly cancelled: boolean;
}

/** Which replays {@link readReplays} reads; what is left out restricts nothing. */
export interface ReplayChoice {
  readonly replayId?: bigint;
  readonly subscriber?: string;
  /** Only those that are not over. */
  readonly open?: boolean;
  /** Only those asked for before this one. */
  readonly before?: bigint;
}

/** Replays, the latest first. One statement; O(replays looked at). */
export async function readReplays(
  client: Queries,
  choice: ReplayChoice,
  limit: number,
): Promise<Replay[]> {
  const { rows } = await client.query<ReplayRecord>({
    name: 'tasker_replays',
    text: `SELECT replay_id::text, subscription, filter, rate, sum(total)::text AS total,
       sum(seen)::text AS seen, sum(delivered)::text AS delivered, sum(errors)::text AS errors,
       created_at::text, max(updated_at)::text AS updated_at, max(finished_at)::text AS finished_at,
       bool_or(finished_at IS NULL) AS open, bool_or(cancelled_at IS NOT NULL) AS cancelled
  FROM tasker_core_replays
 WHERE ($1::bigint IS NULL OR replay_id = $1) AND ($2::text IS NULL OR subscription = $2)
   AND ($3::bigint IS NULL OR replay_id < $3)
 GROUP BY tasker_core_replays.replay_id, subscription, filter, rate, tasker_core_replays.created_at
HAVING NOT $4::boolean OR bool_or(finished_at IS NULL)
 ORDER BY tasker_core_replays.replay_id DESC LIMIT $5::int`,
    values: [
      choice.replayId ?? null,
      choice.subscriber ?? null,
      choice.before ?? null,
      choice.open === true,
      limit,
    ],
  });
  return rows.map(replayOf);
}

function replayOf(row: ReplayRecord): Replay {
  const instant = (text: string): string => instantText(text);
  const over = row.cancelled ? 'cancelled' : 'finished';
  return {
    replayId: BigInt(row.replay_id),
    subscriber: row.subscription,
    state: row.open ? 'open' : over,
    filter: readFilter(row.filter),
    rate: row.rate ?? undefined,
    total: Number(row.total),
    seen: Number(row.seen),
    delivered: Number(row.delivered),
    errors: Number(row.errors),
    createdAt: instant(row.created_at),
    updatedAt: instant(row.updated_at),
    finishedAt: row.open || row.finished_at === null ? undefined : instant(row.finished_at),
  };
}

/** Ends what is left of a replay. @returns false where nothing was. One statement. */
export async function endReplay(client: Queries, replayId: bigint): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'tasker_end_replay',
    text: `UPDATE tasker_core_replays r
              SET finished_at = n.now, cancelled_at = n.now, updated_at = n.now
             FROM (SELECT clock_timestamp()::timestamp AS now) n
            WHERE r.replay_id = $1::bigint AND r.finished_at IS NULL`,
    values: [replayId],
  });
  return (rowCount ?? 0) > 0;
}
