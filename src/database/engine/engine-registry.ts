import { hash } from 'node:crypto';

import { formatNaive, parseInstant } from '../../graph/snapshot/instants.ts';
import { SHARDS } from './active-tasks.ts';
import { int4Array, int8Array } from '../copy/binary-arrays.ts';
import { EventIds, uuidText } from '../event-store/event-ids.ts';
import type { Queries } from '../id-block.ts';

/** What an engine says of itself. */
export interface EngineDescription {
  /** Engines of one fleet share its shards and are to know the same templates. */
  readonly fleet: string;
  readonly host: string;
  readonly processId: number;
  readonly version: string;
  /** `namespace/name@version` of each, sorted. */
  readonly templates: readonly string[];
}

/** Another engine of the fleet that lives. */
export interface LivingEngine {
  readonly engineId: bigint;
  readonly templates: readonly string[];
}

/** The application name of an engine's sessions, by which they can be told and ended. */
export const engineApplicationName = (engineId: bigint): string => `tasker-core engine ${engineId}`;

/** Database time, µs since the epoch. */
export async function databaseMicros(client: Queries): Promise<number> {
  const before = performance.now();
  const { rows } = await client.query<{ now: string }>(
    'SELECT clock_timestamp()::timestamp AS now',
  );
  const half = (performance.now() - before) / 2;
  return (parseInstant(rows[0]?.now ?? '') as number) + Math.round(half * 1000);
}

/** Enters an engine; its lease runs from now. */
export async function enterEngine(
  client: Queries,
  description: EngineDescription,
  leaseSeconds: number,
): Promise<bigint> {
  const { fleet, host, processId, version, templates } = description;
  const { rows } = await client.query<{ engine_id: string }>(
    `INSERT INTO tasker_core_engines
       (fleet, host, process_id, version, started_at, heartbeat_at, expires_at, templates)
     SELECT $1, $2, $3, $4, n, n, n + make_interval(secs => $5), $6
       FROM (SELECT clock_timestamp()::timestamp AS n) now
     RETURNING engine_id`,
    [fleet, host, processId, version, leaseSeconds, JSON.stringify(templates)],
  );
  return BigInt(rows[0]?.engine_id as string);
}

/**
 * Extends an engine's lease, by the session that holds its shards: the row names its backend.
 *
 * @returns the living engines of the fleet, this one included, and the database's time; undefined
 *   where the lease is over and somebody else has taken it away
 */
export async function renewLease(
  client: Queries,
  engineId: bigint,
  fleet: string,
  leaseSeconds: number,
): Promise<readonly LivingEngine[] | undefined> {
  const { rows } = await client.query<{ engine_id: string; templates: string[] }>({
    name: 'tasker_renew_lease',
    text: `WITH mine AS (
             UPDATE tasker_core_engines
                SET heartbeat_at = clock_timestamp()::timestamp,
                    backend_pid = pg_backend_pid(),
                    expires_at = clock_timestamp()::timestamp + make_interval(secs => $3)
              WHERE engine_id = $1 RETURNING engine_id, templates)
           SELECT engine_id::text, templates FROM mine
            UNION ALL
           SELECT engine_id::text, templates FROM tasker_core_engines
            WHERE fleet = $2 AND engine_id <> $1 AND expires_at > clock_timestamp()::timestamp`,
    values: [engineId, fleet, leaseSeconds],
  });
  if (!rows.some((row) => row.engine_id === String(engineId))) return undefined;
  return rows.map((row) => ({ engineId: BigInt(row.engine_id), templates: row.templates }));
}

/** Takes an engine out; its shards are free when its session has ended. */
export async function leaveEngine(client: Queries, engineId: bigint): Promise<void> {
  await client.query('DELETE FROM tasker_core_engines WHERE engine_id = $1', [engineId]);
}

/** Those of some engines that are not entered any more: stopped, or taken out by others. */
export async function goneEngines(
  client: Queries,
  engineIds: readonly bigint[],
): Promise<Set<bigint>> {
  const { rows } = await client.query<{ engine_id: string }>({
    name: 'tasker_entered_engines',
    text: 'SELECT engine_id FROM tasker_core_engines WHERE engine_id = ANY ($1::bigint[])',
    values: [int8Array(engineIds)],
  });
  const entered = new Set(rows.map((row) => row.engine_id));
  return new Set(engineIds.filter((engineId) => !entered.has(String(engineId))));
}

/** An engine that was taken out, and the event that states it. */
export interface ExpiredEngine {
  readonly engineId: bigint;
  /** 16 bytes: a UUID of version 7. */
  readonly eventId: Uint8Array;
  /** JSON text. */
  readonly payload: string;
}

/**
 * Takes out engines whose lease is over, each with its event, and ends their sessions, which frees
 * their shards: what they had under way is then either committed or undone.
 *
 * @param at instant of the events, µs since the epoch
 * @returns the engines taken out
 */
export async function expireEngines(client: Queries, at: number): Promise<ExpiredEngine[]> {
  const { rows } = await client.query<{ engine_id: string }>({
    name: 'tasker_overdue_engines',
    text: `SELECT engine_id FROM tasker_core_engines
            WHERE expires_at <= clock_timestamp()::timestamp`,
    values: [],
  });
  const expired: ExpiredEngine[] = [];
  for (const { engine_id: engineId } of rows) {
    const eventId = ids.next(at);
    const payload = await takeOut(client, engineId, eventId, at);
    // renewed in the meantime, or taken out by others
    if (payload === undefined) continue;
    expired.push({ engineId: BigInt(engineId), eventId, payload });
    await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = $1 AND datname = current_database()`,
      [engineApplicationName(BigInt(engineId))],
    );
  }
  return expired;
}

const ids = new EventIds();

/** @returns payload of the event that was stored; undefined where the engine stays */
async function takeOut(
  client: Queries,
  engineId: string,
  eventId: Uint8Array,
  at: number,
): Promise<string | undefined> {
  const { rows } = await client.query<{ payload: string }>({
    name: 'tasker_expire_engine',
    text: `WITH gone AS (
             DELETE FROM tasker_core_engines
              WHERE engine_id = $1::bigint AND expires_at <= clock_timestamp()::timestamp
             RETURNING jsonb_build_object('engine', engine_id::text, 'fleet', fleet, 'host', host,
                                          'process_id', process_id) AS payload),
           event AS (
             INSERT INTO tasker_core_events (event_id, name, occurred_at, payload)
             SELECT $2::uuid, 'engine.lease_expired', $3::timestamp, payload FROM gone)
           SELECT payload::text FROM gone`,
    values: [engineId, uuidText(eventId), formatNaive(at)],
  });
  return rows[0]?.payload;
}

/** First key of a fleet's advisory locks; the second one is the shard. */
function lockClass(fleet: string): number {
  return Buffer.from(hash('sha256', `tasker-core ${fleet}`, 'hex'), 'hex').readInt32BE(0);
}

/** Which shards to take. */
export interface ShardsToTake {
  /** This session has them. */
  readonly held: ReadonlySet<number>;
  /** Tried first. */
  readonly preferred: readonly number[];
  readonly count: number;
}

/**
 * Takes up to `count` free shards of a fleet: session-level advisory locks, freed when the session
 * ends, whatever ends it. One statement where all that are tried first are free.
 */
export async function takeShards(
  client: Queries,
  fleet: string,
  { held, preferred, count }: ShardsToTake,
): Promise<number[]> {
  const key = lockClass(fleet);
  const taken: number[] = [];
  const candidates = [...new Set([...preferred, ...Array(SHARDS).keys()])];
  const others = candidates.filter((shard) => !held.has(shard));
  while (taken.length < count && others.length > 0) {
    // no more than are wanted: each of them may be free
    const asked = others.splice(0, count - taken.length);
    const { rows } = await client.query<{ shard: number }>({
      name: 'tasker_take_shards',
      text: `SELECT s AS shard FROM unnest($2::integer[]) AS s WHERE pg_try_advisory_lock($1, s)`,
      values: [key, int4Array(asked)],
    });
    taken.push(...rows.map(({ shard }) => shard));
  }
  return taken;
}

/** Gives shards back. */
export async function freeShards(
  client: Queries,
  fleet: string,
  shards: readonly number[],
): Promise<void> {
  if (shards.length === 0) return;
  await client.query({
    name: 'tasker_free_shards',
    text: 'SELECT pg_advisory_unlock($1, s) FROM unnest($2::integer[]) AS s',
    values: [lockClass(fleet), int4Array(shards)],
  });
}
