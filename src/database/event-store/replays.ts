import { nearestInstant } from '../../graph/snapshot/instants.ts';
import { boolArray, int4Array, int8Array, textArray } from '../copy/binary-arrays.ts';
import type { Queries } from '../id-block.ts';
import { positionParts, type SubscriptionPart } from './subscriptions.ts';

/** Which events a replay delivers; what is left out restricts nothing. Given to readers of the log. */
export interface ReplayFilter {
  /** Names, or `task.*` for all that begin so. */
  readonly names?: readonly string[];
  readonly taskId?: bigint;
  /** Only events of this instant or later, µs since the epoch. */
  readonly since?: number;
  /** Only events before this instant, µs since the epoch. */
  readonly until?: number;
}

/** The part of a replay that one part of the subscriber has to serve. */
export interface OpenReplay extends SubscriptionPart {
  readonly replayId: bigint;
  readonly filter: ReplayFilter;
  /** What is to be delivered lies after this position ... */
  readonly position: string;
  /** ... up to this one, which is included. */
  readonly upTo: string;
  /** Events a second that this part may deliver; undefined for full speed. */
  readonly rate: number | undefined;
}

interface OpenRecord {
  readonly replay_id: string;
  readonly subscription: string;
  readonly partition: number;
  readonly filter: StoredReplayFilter;
  readonly position: string;
  readonly up_to: string;
  readonly rate: number | null;
}

/** A filter as `jsonb` keeps it: ids and instants are text. */
export interface StoredReplayFilter {
  readonly names?: readonly string[];
  readonly task_id?: string;
  readonly since?: string;
  readonly until?: string;
}

/**
 * The replay that each part has to serve next: of several the one that was asked for first. Parts
 * without one are left out. Only the session that has a part may serve its own. One statement;
 * O(parts).
 */
export async function openReplays(
  client: Queries,
  parts: readonly SubscriptionPart[],
): Promise<OpenReplay[]> {
  if (parts.length === 0) return [];
  const { rows } = await client.query<OpenRecord>({
    name: 'tasker_open_replays',
    text: `SELECT r.replay_id::text, r.subscription, r.partition, r.filter,
                  r.transaction_id::text || '-' || r.position AS position,
                  r.until_transaction_id::text || '-' || r.until_position AS up_to, r.rate / (
                    SELECT count(*) FROM tasker_core_replays o WHERE o.replay_id = r.replay_id) AS rate
             FROM unnest($1::text[], $2::int[]) AS p(name, partition)
            CROSS JOIN LATERAL (
              SELECT * FROM tasker_core_replays l
               WHERE l.subscription = p.name AND l.partition = p.partition AND l.finished_at IS NULL
               ORDER BY l.replay_id LIMIT 1) r`,
    values: [
      textArray(parts.map(({ name }) => name)),
      int4Array(parts.map(({ partition }) => partition)),
    ],
  });
  return rows.map((row) => ({
    replayId: BigInt(row.replay_id),
    name: row.subscription,
    partition: row.partition,
    filter: readFilter(row.filter),
    position: row.position,
    upTo: row.up_to,
    rate: row.rate ?? undefined,
  }));
}

/** What happened to a part of a replay since it was last saved. */
export interface ReplayProgress {
  readonly replayId: bigint;
  readonly partition: number;
  /** Everything up to here is over. */
  readonly position: string;
  /** Events of the part that fit the filter and are over, whatever became of them. */
  readonly seen: number;
  /** Those of them that a handler took. */
  readonly delivered: number;
  /** Failed attempts. */
  readonly errors: number;
  /** Nothing is left of this part. */
  readonly finished: boolean;
}

/**
 * Saves how far parts of replays have come; a place never goes back, and what was cancelled meanwhile
 * stays as it is. One statement for any number.
 */
export async function saveReplayProgress(
  client: Queries,
  all: readonly ReplayProgress[],
): Promise<void> {
  const positions = all.map(({ position }) => positionParts(position));
  const count = (of: (progress: ReplayProgress) => number): Buffer =>
    int8Array(all.map((progress) => BigInt(of(progress))));
  await client.query({
    name: 'tasker_save_replay_progress',
    text: `UPDATE tasker_core_replays r
              SET transaction_id = CASE WHEN p.further THEN p.xid ELSE r.transaction_id END,
                  position = CASE WHEN p.further THEN p.number ELSE r.position END,
                  seen = r.seen + p.seen, delivered = r.delivered + p.delivered,
                  errors = r.errors + p.errors, updated_at = clock_timestamp()::timestamp,
                  finished_at = CASE WHEN p.finished THEN clock_timestamp()::timestamp END
             FROM (SELECT u.*, u.tx::xid8 AS xid,
                          (u.tx::xid8, u.number) > (o.transaction_id, o.position) AS further
                     FROM unnest($1::bigint[], $2::int[], $3::text[], $4::bigint[], $5::bigint[],
                                 $6::bigint[], $7::bigint[], $8::boolean[])
                          AS u(replay_id, partition, tx, number, seen, delivered, errors, finished)
                     JOIN tasker_core_replays o USING (replay_id, partition)) p
            WHERE r.replay_id = p.replay_id AND r.partition = p.partition
              AND r.finished_at IS NULL`,
    values: [
      int8Array(all.map(({ replayId }) => replayId)),
      int4Array(all.map(({ partition }) => partition)),
      textArray(positions.map(({ transactionId }) => String(transactionId))),
      int8Array(positions.map(({ number }) => number)),
      count(({ seen }) => seen),
      count(({ delivered }) => delivered),
      count(({ errors }) => errors),
      boolArray(all.map(({ finished }) => finished)),
    ],
  });
}

/** A filter as it was given. */
export function readFilter({ names, task_id, since, until }: StoredReplayFilter): ReplayFilter {
  return {
    ...(names === undefined ? {} : { names }),
    ...(task_id === undefined ? {} : { taskId: BigInt(task_id) }),
    ...(since === undefined ? {} : { since: nearestInstant(since) as number }),
    ...(until === undefined ? {} : { until: nearestInstant(until) as number }),
  };
}
