import { instantText } from '../../graph/snapshot/instants.ts';
import { int4Array, int8Array, jsonbArray, textArray } from '../copy/binary-arrays.ts';
import type { Queries } from '../id-block.ts';
import type { SubscriptionPart } from './subscriptions.ts';

/** A dead letter that an operator wants delivered again. */
export interface Redrive extends SubscriptionPart {
  readonly deadLetterId: bigint;
  /** Attempts made so far, over all deliveries. */
  readonly attempts: number;
  /** The event as the handler had it. */
  readonly event: {
    readonly position: string;
    readonly eventId: string;
    readonly name: string;
    readonly taskId: bigint | undefined;
    readonly stepId: bigint | undefined;
    /** ISO text, six digits, UTC. */
    readonly createdAt: string;
    readonly payload: Readonly<Record<string, unknown>>;
  };
}

interface RedriveRecord {
  readonly dead_letter_id: string;
  readonly subscription: string;
  readonly partition: number;
  readonly attempts: number;
  readonly position: string;
  readonly event_id: string;
  readonly name: string;
  readonly task_id: string | null;
  readonly step_id: string | null;
  readonly event_created_at: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/**
 * Dead letters to be delivered again, of each part those that were given up first: a task's events in
 * their order. They stay marked until {@link settleRedrives}, so that a process that dies leaves them
 * to the next one; only the session that has a part may ask for its own. One statement;
 * O(parts + letters given).
 *
 * @param limit of each part
 */
export async function takeRedrives(
  client: Queries,
  parts: readonly SubscriptionPart[],
  limit: number,
): Promise<Redrive[]> {
  if (parts.length === 0) return [];
  const { rows } = await client.query<RedriveRecord>({
    name: 'tasker_take_redrives',
    text: `SELECT d.dead_letter_id::text, d.subscription, d.partition, d.attempts,
                  d.transaction_id::text || '-' || d.position AS position, d.event_id::text, d.name,
                  d.task_id::text, d.step_id::text, d.event_created_at::text, d.payload
             FROM unnest($1::text[], $2::int[]) AS p(name, partition)
            CROSS JOIN LATERAL (
              SELECT * FROM tasker_core_dead_letters l
               WHERE l.subscription = p.name AND l.partition = p.partition
                 AND l.redrive_at IS NOT NULL
               ORDER BY l.dead_letter_id LIMIT $3::int) d`,
    values: [
      textArray(parts.map(({ name }) => name)),
      int4Array(parts.map(({ partition }) => partition)),
      limit,
    ],
  });
  return rows.map((row) => ({
    deadLetterId: BigInt(row.dead_letter_id),
    name: row.subscription,
    partition: row.partition,
    attempts: row.attempts,
    event: {
      position: row.position,
      eventId: row.event_id,
      name: row.name,
      taskId: row.task_id === null ? undefined : BigInt(row.task_id),
      stepId: row.step_id === null ? undefined : BigInt(row.step_id),
      createdAt: instantText(row.event_created_at),
      payload: row.payload,
    },
  }));
}

/** What became of a dead letter that was delivered again. */
export interface RedriveOutcome {
  readonly deadLetterId: bigint;
  /** Attempts of this delivery. */
  readonly attempts: number;
  /** Undefined where it was handled. */
  readonly failure?: {
    readonly reason: 'failed' | 'timeout';
    readonly error: { readonly name: string; readonly message: string };
  };
}

/**
 * Takes the letters away that were handled, and keeps the others, no longer marked, with their new
 * error and all attempts. Letters that an operator discarded meanwhile stay away. Does not look at
 * who has the part. One statement for any number.
 */
export async function settleRedrives(
  client: Queries,
  outcomes: readonly RedriveOutcome[],
): Promise<void> {
  const handled = outcomes.filter(({ failure }) => failure === undefined);
  const failed = outcomes.filter(({ failure }) => failure !== undefined);
  await client.query({
    name: 'tasker_settle_redrives',
    text: `WITH handled AS (
             DELETE FROM tasker_core_dead_letters WHERE dead_letter_id = ANY ($1::bigint[]))
           UPDATE tasker_core_dead_letters d
              SET redrive_at = NULL, updated_at = clock_timestamp()::timestamp,
                  attempts = d.attempts + f.attempts, reason = f.reason, error = f.error
             FROM unnest($2::bigint[], $3::int[], $4::text[], $5::jsonb[])
                    AS f(id, attempts, reason, error)
            WHERE d.dead_letter_id = f.id`,
    values: [
      int8Array(handled.map(({ deadLetterId }) => deadLetterId)),
      int8Array(failed.map(({ deadLetterId }) => deadLetterId)),
      int4Array(failed.map(({ attempts }) => attempts)),
      textArray(failed.map(({ failure }) => failure?.reason)),
      jsonbArray(failed.map(({ failure }) => JSON.stringify(failure?.error))),
    ],
  });
}
