import { formatInstant, formatNaive, instantText } from '../../graph/snapshot/instants.ts';
import { DEFAULT_PARTITION, listEventPartitions } from './event-partitions.ts';
import type { Queries } from '../id-block.ts';

/** How often an event of a name happened. */
export interface EventCount {
  readonly name: string;
  readonly count: number;
  /** Of them, in the last minute and in the last hour. */
  readonly lastMinute: number;
  readonly lastHour: number;
  /** When it happened last, ISO text, six digits, UTC. */
  readonly lastAt: string;
}

/**
 * Events in the log by name, the most frequent first. One statement; O(events), or O(events since)
 * where partitions end before.
 *
 * @param since only events of this instant or later, µs since the epoch
 */
export async function countEvents(client: Queries, since?: number): Promise<EventCount[]> {
  const { rows } = await client.query<{
    name: string;
    count: string;
    minute: string;
    hour: string;
    last_at: string;
  }>({
    name: 'tasker_count_events',
    text: `SELECT name, count(*)::text AS count, max(occurred_at)::text AS last_at,
                  count(*) FILTER (WHERE occurred_at > now - interval '1 minute')::text AS minute,
                  count(*) FILTER (WHERE occurred_at > now - interval '1 hour')::text AS hour
             FROM tasker_core_events, (SELECT clock_timestamp()::timestamp AS now) n
            WHERE $1::timestamp IS NULL OR occurred_at >= $1
            GROUP BY name ORDER BY count(*) DESC, name`,
    values: [since === undefined ? null : formatNaive(since)],
  });
  return rows.map((row) => ({
    name: row.name,
    count: Number(row.count),
    lastMinute: Number(row.minute),
    lastHour: Number(row.hour),
    lastAt: instantText(row.last_at),
  }));
}

/** A part of the log: the events of some time. */
export interface LogPartition {
  readonly name: string;
  /** Events of this instant or later, ISO text; undefined where there is no bound. */
  readonly from: string | undefined;
  /** Events before this instant. */
  readonly until: string | undefined;
  /** With indexes. */
  readonly bytes: number;
}

/** The partitions of the log, oldest first, the one for all other times last. Two statements. */
export async function logPartitions(client: Queries): Promise<LogPartition[]> {
  const instant = (micros: number): string | undefined =>
    Number.isFinite(micros) ? formatInstant(micros) : undefined;
  const bounded = await listEventPartitions(client);
  const { rows } = await client.query<{ bytes: string }>({
    name: 'tasker_default_partition',
    text: `SELECT pg_total_relation_size('${DEFAULT_PARTITION}')::text AS bytes`,
  });
  const rest = { name: DEFAULT_PARTITION, from: undefined, until: undefined };
  return [
    ...bounded.map(({ name, from, until, bytes }) => ({
      name,
      from: instant(from),
      until: instant(until),
      bytes,
    })),
    { ...rest, bytes: Number(rows[0]?.bytes) },
  ];
}
