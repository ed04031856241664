import { formatNaive, instantText } from '../../graph/snapshot/instants.ts';
import type { Queries } from '../id-block.ts';

/** An event as its row holds it. */
export interface EventRow {
  /** Place in the order of all events, opaque text. */
  readonly position: string;
  readonly eventId: string;
  readonly name: string;
  readonly taskId: bigint | undefined;
  readonly stepId: bigint | undefined;
  /** ISO text, six digits, UTC. */
  readonly createdAt: string;
  readonly stored: Readonly<Record<string, unknown>>;
}

/** Which events are read; all that is left out restricts nothing. */
export interface EventFilter {
  /** Only later ones; undefined begins with the first. */
  readonly after?: string | undefined;
  /** Only up to this one, which is included. */
  readonly upTo?: string | undefined;
  readonly limit: number;
  /** Names, or `task.*` for all that begin so, or `*`. */
  readonly names?: readonly string[] | undefined;
  readonly taskId?: bigint | undefined;
  /** Only events of this instant or later, µs since the epoch. */
  readonly since?: number | undefined;
  /** Only events before this instant, µs since the epoch. */
  readonly until?: number | undefined;
}

/** A position as the numbers that it is made of. */
export interface PositionParts {
  readonly transactionId: bigint;
  readonly number: bigint;
}

const POSITION = /^(\d{1,20})-(\d{1,19})$/;

/** Before every event. */
export const FIRST_POSITION = '0-0';

/**
 * Transaction that an event is ordered by, where its transaction may have written before: its own, or
 * a later one that it has seen the end of, so that the event follows what it answers to. No reader
 * gets past either before its own transaction is over. Evaluated once a statement; in a transaction
 * of one statement it is always its own.
 */
export const EVENT_TRANSACTION = `(SELECT greatest(pg_current_xact_id(),
    (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)::text::xid8))`;

/** Reads a position; undefined for any other text. O(1). */
export function parsePosition(position: string): PositionParts | undefined {
  const match = POSITION.exec(position);
  if (match === null) return undefined;
  const transactionId = BigInt(match[1] as string);
  const number = BigInt(match[2] as string);
  // the largest values of the two columns
  if (transactionId >= 1n << 64n || number >= 1n << 63n) return undefined;
  return { transactionId, number };
}

/** What transitions and operators say, as the columns `correlation_id` and `payload` of their event. */
export const eventMetadata = (metadata: string): string =>
  `${metadata}->>'correlation_id', ${metadata} - 'correlation_id'`;

/** The columns that {@link storedOf} takes. */
export const STORED_COLUMNS = 'e.correlation_id, e.causation_id::text, e.payload';

/** What a row itself says. */
export interface StoredColumns {
  readonly correlation_id: string | null;
  readonly causation_id: string | null;
  readonly payload: Readonly<Record<string, unknown>> | null;
}

/** The payload, with what the event belongs to and what led to it, where the row says that. */
export function storedOf({
  correlation_id: correlation,
  causation_id: causation,
  payload,
}: StoredColumns): Readonly<Record<string, unknown>> {
  return {
    ...payload,
    ...(correlation === null ? {} : { correlation_id: correlation }),
    ...(causation === null ? {} : { causation_id: causation }),
  };
}

interface LogRecord extends StoredColumns {
  readonly xid: string;
  readonly position: string;
  readonly event_id: string;
  readonly name: string;
  readonly task_id: string | null;
  readonly step_id: string | null;
  readonly occurred_at: string;
}

/** The two columns of a parameter that holds a position. */
const positionOf = (parameter: string): string =>
  `(split_part(${parameter}, '-', 1)::xid8, split_part(${parameter}, '-', 2)::bigint)`;

/** What `LIKE` takes for a name, or for the beginning of names: `task.*`, `*`. */
export function likePattern(name: string): string {
  return name.replaceAll(/[\\%_]/g, '\\$&').replace(/\*$/, '%');
}

/**
 * Rows of the log in the order of their positions. A row is given only when every transaction that
 * began to write before its own is over, so that a reader that goes on from the last position never
 * misses one that commits late. One statement; O(rows after `after` until the limit is reached).
 */
export async function readEventRows(client: Queries, filter: EventFilter): Promise<EventRow[]> {
  const after = parsePosition(filter.after ?? FIRST_POSITION);
  if (after === undefined) throw new RangeError(`no position: ${filter.after}`);
  const values: unknown[] = [String(after.transactionId), after.number, filter.limit];
  const conditions: string[] = [];
  const parts: string[] = [];
  const add = (part: string, condition: (parameter: string) => string, value: unknown): void => {
    if (value === undefined) return;
    values.push(value);
    parts.push(part);
    conditions.push(`\n   AND ${condition(`$${values.length}`)}`);
  };
  const { upTo } = filter;
  if (upTo !== undefined && parsePosition(upTo) === undefined) {
    throw new RangeError(`no position: ${upTo}`);
  }
  add('upto', (to) => `(e.xid, e.position) <= ${positionOf(to)}`, upTo);
  add('names', (names) => `e.name LIKE ANY (${names}::text[])`, filter.names?.map(likePattern));
  add('task', (task) => `e.task_id = ${task}::bigint`, filter.taskId);
  const instant = (micros?: number): string | undefined =>
    micros === undefined ? undefined : formatNaive(micros);
  add('since', (at) => `e.occurred_at >= ${at}::timestamp`, instant(filter.since));
  add('until', (at) => `e.occurred_at < ${at}::timestamp`, instant(filter.until));
  const { rows } = await client.query<LogRecord>({
    name: ['tasker_events', ...parts].join('_'),
    text: `
SELECT e.xid::text, e.position::text, e.event_id::text, e.name, e.task_id::text,
       e.step_id::text, e.occurred_at::text, ${STORED_COLUMNS}
  FROM tasker_core_events e
 WHERE (e.xid, e.position) > ($1::xid8, $2::bigint)
   AND e.xid < pg_snapshot_xmin(pg_current_snapshot())${conditions.join('')}
 ORDER BY e.xid, e.position
 LIMIT $3::bigint`,
    values,
  });
  return rows.map((row) => ({
    position: `${row.xid}-${row.position}`,
    eventId: row.event_id,
    name: row.name,
    taskId: row.task_id === null ? undefined : BigInt(row.task_id),
    stepId: row.step_id === null ? undefined : BigInt(row.step_id),
    createdAt: instantText(row.occurred_at),
    stored: storedOf(row),
  }));
}

/**
 * The position up to which every event can be read now: whoever asked for it, then read what was
 * there with a filter and found less than the limit, may go on from here. One statement.
 */
export async function eventHorizon(client: Queries): Promise<string> {
  const { rows } = await client.query<{ horizon: string }>({
    name: 'tasker_event_horizon',
    text: 'SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon',
  });
  return `${rows[0]?.horizon}-0`;
}
