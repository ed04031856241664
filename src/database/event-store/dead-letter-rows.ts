import { formatNaive, instantText } from '../../graph/snapshot/instants.ts';
import { int8Array, textArray } from '../copy/binary-arrays.ts';
import { likePattern } from './event-log.ts';
import type { Queries } from '../id-block.ts';

/** Why an event was given up. */
export type DeadLetterReason = 'failed' | 'timeout';

/** Which dead letters are meant; what is left out restricts nothing. */
export interface DeadLetterFilter {
  readonly ids?: readonly bigint[];
  readonly subscriber?: string;
  /** Names of events, or `task.*` for all that begin so. */
  readonly names?: readonly string[];
  readonly taskId?: bigint;
  readonly reason?: DeadLetterReason;
  /** Only those given up at this instant or later, µs since the epoch. */
  readonly since?: number;
  /** Only those given up before this instant, µs since the epoch. */
  readonly until?: number;
}

/** An event that a subscriber gave up. Instants are ISO text, six digits, UTC. */
export interface DeadLetter {
  readonly deadLetterId: bigint;
  readonly subscriber: string;
  readonly partition: number;
  readonly eventId: string;
  /** Where the event stands in the log. */
  readonly position: string;
  readonly name: string;
  readonly taskId: bigint | undefined;
  readonly stepId: bigint | undefined;
  readonly eventCreatedAt: string;
  readonly reason: DeadLetterReason;
  /** What the last attempt threw. */
  readonly error: { readonly name: string; readonly message: string };
  /** Of all deliveries. */
  readonly attempts: number;
  /** When it was given up first. */
  readonly createdAt: string;
  /** When it was given up last. */
  readonly updatedAt: string;
  /** Since when it waits to be delivered again; undefined where nobody asked for it. */
  readonly redriveAt: string | undefined;
}

/** A dead letter with the payload as the handler had it. */
export interface DeadLetterWithPayload extends DeadLetter {
  readonly payload: Readonly<Record<string, unknown>>;
}

interface LetterRecord {
  readonly dead_letter_id: string;
  readonly subscription: string;
  readonly partition: number;
  readonly event_id: string;
  readonly place: string;
  readonly name: string;
  readonly task_id: string | null;
  readonly step_id: string | null;
  readonly event_created_at: string;
  readonly reason: DeadLetterReason;
  readonly error: DeadLetter['error'];
  readonly attempts: number;
  readonly created_at: string;
  readonly updated_at: string;
  readonly redrive_at: string | null;
}

const COLUMNS = `dead_letter_id::text, subscription, partition, event_id::text,
       transaction_id::text || '-' || position AS place, name, task_id::text, step_id::text,
       event_created_at::text, reason, error, attempts, created_at::text, updated_at::text,
       redrive_at::text`;

const CHOSEN = `($1::bigint[] IS NULL OR dead_letter_id = ANY ($1))
   AND ($2::text IS NULL OR subscription = $2) AND ($3::text[] IS NULL OR name LIKE ANY ($3))
   AND ($4::bigint IS NULL OR task_id = $4) AND ($5::text IS NULL OR reason = $5)
   AND ($6::timestamp IS NULL OR created_at >= $6) AND ($7::timestamp IS NULL OR created_at < $7)`;

function chosen(filter: DeadLetterFilter): unknown[] {
  const { ids, subscriber, names, taskId, reason, since, until } = filter;
  return [
    ids === undefined ? null : int8Array(ids),
    subscriber ?? null,
    names === undefined ? null : textArray(names.map(likePattern)),
    taskId ?? null,
    reason ?? null,
    since === undefined ? null : formatNaive(since),
    until === undefined ? null : formatNaive(until),
  ];
}

/** Dead letters, those given up last first, before an id. One statement; O(letters looked at). */
export async function readDeadLetters(
  client: Queries,
  filter: DeadLetterFilter,
  limit: number,
  before?: bigint,
): Promise<DeadLetter[]> {
  const { rows } = await client.query<LetterRecord>({
    name: 'tasker_dead_letters',
    text: `SELECT ${COLUMNS} FROM tasker_core_dead_letters
 WHERE ${CHOSEN} AND ($8::bigint IS NULL OR dead_letter_id < $8)
 ORDER BY tasker_core_dead_letters.dead_letter_id DESC LIMIT $9::int`,
    values: [...chosen(filter), before ?? null, limit],
  });
  return rows.map(letterOf);
}

/** One dead letter; undefined where there is none of this id. One statement. */
export async function readDeadLetter(
  client: Queries,
  deadLetterId: bigint,
): Promise<DeadLetterWithPayload | undefined> {
  const { rows } = await client.query<
    LetterRecord & { readonly payload: DeadLetterWithPayload['payload'] }
  >({
    name: 'tasker_dead_letter',
    text: `SELECT ${COLUMNS}, payload FROM tasker_core_dead_letters WHERE dead_letter_id = $1::bigint`,
    values: [deadLetterId],
  });
  return rows[0] && { ...letterOf(rows[0]), payload: rows[0].payload };
}

/** A dead letter that was chosen. */
export interface ChosenLetter {
  readonly deadLetterId: bigint;
  readonly subscriber: string;
  readonly eventId: string;
  /** It waited to be delivered again before. */
  readonly waited: boolean;
}

/** The letters that a filter chooses, by id, held for the transaction. One statement. */
export async function holdDeadLetters(
  client: Queries,
  filter: DeadLetterFilter,
): Promise<ChosenLetter[]> {
  const { rows } = await client.query<{
    dead_letter_id: string;
    subscription: string;
    event_id: string;
    waited: boolean;
  }>({
    name: 'tasker_hold_dead_letters',
    text: `SELECT dead_letter_id::text, subscription, event_id::text, redrive_at IS NOT NULL AS waited
             FROM tasker_core_dead_letters WHERE ${CHOSEN}
            ORDER BY tasker_core_dead_letters.dead_letter_id FOR UPDATE`,
    values: chosen(filter),
  });
  return rows.map((row) => ({
    deadLetterId: BigInt(row.dead_letter_id),
    subscriber: row.subscription,
    eventId: row.event_id,
    waited: row.waited,
  }));
}

/** Marks letters as to be delivered again; those marked before keep their time. One statement. */
export async function markRedrives(client: Queries, ids: readonly bigint[]): Promise<void> {
  await client.query({
    name: 'tasker_mark_redrives',
    text: `UPDATE tasker_core_dead_letters SET redrive_at = clock_timestamp()::timestamp
            WHERE dead_letter_id = ANY ($1::bigint[]) AND redrive_at IS NULL`,
    values: [int8Array(ids)],
  });
}

/** Forgets letters. One statement. */
export async function deleteDeadLetters(client: Queries, ids: readonly bigint[]): Promise<void> {
  await client.query({
    name: 'tasker_delete_dead_letters',
    text: 'DELETE FROM tasker_core_dead_letters WHERE dead_letter_id = ANY ($1::bigint[])',
    values: [int8Array(ids)],
  });
}

function letterOf(row: LetterRecord): DeadLetter {
  const instant = (text: string): string => instantText(text);
  return {
    deadLetterId: BigInt(row.dead_letter_id),
    subscriber: row.subscription,
    partition: row.partition,
    eventId: row.event_id,
    position: row.place,
    name: row.name,
    taskId: row.task_id === null ? undefined : BigInt(row.task_id),
    stepId: row.step_id === null ? undefined : BigInt(row.step_id),
    eventCreatedAt: instant(row.event_created_at),
    reason: row.reason,
    error: row.error,
    attempts: row.attempts,
    createdAt: instant(row.created_at),
    updatedAt: instant(row.updated_at),
    redriveAt: row.redrive_at === null ? undefined : instant(row.redrive_at),
  };
}
