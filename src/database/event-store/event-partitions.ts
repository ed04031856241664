import { formatNaive, nearestInstant } from '../../graph/snapshot/instants.ts';
import { atomically, hasState, type Session } from '../atomically.ts';
import type { Queries } from '../id-block.ts';

/** Takes the events of every time that no other partition has. */
export const DEFAULT_PARTITION = 'tasker_core_events_default';

/** A part of the log of events: those created from one instant until before another. */
export interface EventPartition {
  readonly name: string;
  /** µs since the epoch; infinite where there is no bound. */
  readonly from: number;
  readonly until: number;
  /** With indexes. */
  readonly bytes: number;
}

/** Longest wait for a lock, while which writers wait behind this session, ms. */
const LOCK_MS = 100;

/** A process that is stalled for longer while it has its locks loses its session, ms: writers wait for it. */
const STALLED_MS = 5000;

/** Tables between being detached and being dropped have this at the end of their names. */
const EXPIRED = '_expired';

/** Rows of the default partition that are moved while nobody can write. */
const MOST_MOVED = 1000;

/** The lock was not to be had in time, or two sessions waited for each other. */
const BUSY_STATES = ['55P03', '40P01'];

/**
 * Does `work` while this session alone maintains the log, of all processes on this database.
 *
 * @returns undefined where another session does
 */
export async function asMaintainer<T>(
  client: Queries,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const key = `hashtext('tasker-core event maintenance')`;
  const { rows } = await client.query<{ taken: boolean }>(
    `SELECT pg_try_advisory_lock(${key}) AS taken`,
  );
  if (rows[0]?.taken !== true) return undefined;
  try {
    return await work();
  } finally {
    // a session that was lost has given it back
    await client.query(`SELECT pg_advisory_unlock(${key})`).catch(() => undefined);
  }
}

/** The partitions with bounds, oldest first; the default partition is none of them. */
export async function listEventPartitions(client: Queries): Promise<EventPartition[]> {
  const { rows } = await client.query<{
    name: string;
    from: string | null;
    until: string | null;
    bytes: string;
  }>(
    `SELECT name, substring(bound FROM 'FROM \\(''([^'']+)''\\)') AS "from",
            substring(bound FROM 'TO \\(''([^'']+)''\\)') AS until, bytes
       FROM (SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound,
                    pg_total_relation_size(c.oid)::text AS bytes
               FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
              WHERE i.inhparent = 'tasker_core_events'::regclass) p
      WHERE bound <> 'DEFAULT'`,
  );
  return rows
    .map(({ name, from, until, bytes }) => ({
      name,
      from: (from === null ? undefined : nearestInstant(from)) ?? -Infinity,
      until: (until === null ? undefined : nearestInstant(until)) ?? Infinity,
      bytes: Number(bytes),
    }))
    .toSorted((a, b) => a.from - b.from);
}

/** What became of an attempt to change the partitions; `busy` and `crowded` changed nothing. */
export type PartitionOutcome =
  | 'done'
  /** Others did not let go of the log in time. */
  | 'busy'
  /** The default partition has too many events of that time to move them while writers wait. */
  | 'crowded'
  /** Somebody needs the events still. */
  | 'held';

/**
 * Makes a partition, and moves what the default partition has of its time into it. Where the default
 * partition is nearly empty, writers wait for that, some ms; where it is not, and has nothing of
 * that time, only those who write into the default partition do, for one look through it.
 *
 * @param range µs since the epoch
 */
export async function createEventPartition(
  client: Session,
  range: { readonly from: number; readonly until: number },
): Promise<PartitionOutcome> {
  const [from, until] = [formatNaive(range.from), formatNaive(range.until)];
  const name = `tasker_core_events_${from.slice(0, from.indexOf('T')).replaceAll('-', '')}`;
  const within = `occurred_at >= '${from}' AND occurred_at < '${until}'`;
  return unlessBusy(client, async () => {
    const isSmall = (await countUpTo(client, 'true')) <= MOST_MOVED;
    if (!isSmall && (await countUpTo(client, within)) > 0) return 'crowded';
    // nobody may hold an older opinion of which partition an event belongs to
    if (isSmall) await client.query('LOCK TABLE tasker_core_events IN ACCESS EXCLUSIVE MODE');
    const table = `${await schemaOf(client)}.${name}`;
    await client.query(
      `CREATE TABLE ${table} (LIKE tasker_core_events INCLUDING DEFAULTS INCLUDING STORAGE)`,
    );
    if (isSmall) {
      await client.query(
        `WITH moved AS (DELETE FROM ${DEFAULT_PARTITION} WHERE ${within} RETURNING *)
         INSERT INTO ${table} SELECT * FROM moved`,
      );
    }
    await client.query(
      `ALTER TABLE tasker_core_events ATTACH PARTITION ${table} FOR VALUES FROM ('${from}') TO ('${until}')`,
    );
    return 'done';
  });
}

const countUpTo = async (client: Queries, condition: string): Promise<number> => {
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) FROM (
       SELECT FROM ${DEFAULT_PARTITION} WHERE ${condition} LIMIT ${MOST_MOVED + 1}) e`,
  );
  return Number(rows[0]?.count);
};

/** Quoted name of the schema that the log is in. */
async function schemaOf(client: Queries): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT quote_ident(n.nspname) AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = 'tasker_core_events'::regclass`,
  );
  return rows[0]?.name as string;
}

/**
 * Takes a partition out of the log: no reader sees it any more, and its table either keeps its name
 * or is marked as one for {@link dropExpiredPartitions}. Writers wait for that, some ms.
 *
 * @param isHeld asked once nobody else can change the log
 */
export async function detachEventPartition(
  client: Session,
  name: string,
  options: { readonly keep: boolean; readonly isHeld: () => Promise<boolean> },
): Promise<PartitionOutcome> {
  return unlessBusy(client, async () => {
    // DETACH … CONCURRENTLY is refused for a table with a default partition
    await client.query('LOCK TABLE tasker_core_events IN ACCESS EXCLUSIVE MODE');
    if (await options.isHeld()) return 'held';
    const table = `${await schemaOf(client)}.${quoted(name)}`;
    await client.query(`ALTER TABLE tasker_core_events DETACH PARTITION ${table}`);
    if (!options.keep) {
      await client.query(
        `ALTER TABLE ${table} RENAME TO ${quoted(name.slice(0, 63 - EXPIRED.length) + EXPIRED)}`,
      );
    }
    return 'done';
  });
}

/**
 * Drops the tables that were detached to be dropped, those of a process that died in between too.
 * Nobody else uses them any more.
 */
export async function dropExpiredPartitions(client: Queries): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c
      WHERE c.relkind = 'r' AND NOT c.relispartition AND c.relname ~ '^tasker_core_events_.*${EXPIRED}$'
        AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'tasker_core_events'::regclass)
      ORDER BY c.relname`,
  );
  const schema = await schemaOf(client);
  for (const { name } of rows) await client.query(`DROP TABLE IF EXISTS ${schema}.${quoted(name)}`);
  return rows.map(({ name }) => name);
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

async function unlessBusy(
  client: Session,
  work: () => Promise<PartitionOutcome>,
): Promise<PartitionOutcome> {
  try {
    return await atomically(client, async () => {
      await client.query(
        `SET LOCAL lock_timeout = ${LOCK_MS}; SET LOCAL idle_in_transaction_session_timeout = ${STALLED_MS}`,
      );
      return work();
    });
  } catch (error) {
    if (BUSY_STATES.some((state) => hasState(error, state))) return 'busy';
    throw error;
  }
}
