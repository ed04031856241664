import type { Queries } from '../id-block.ts';
import { positionParts, type SubscriptionPart } from './subscriptions.ts';

/** An event that a subscriber could not handle, with all that handling it again needs. */
export interface NewDeadLetter extends SubscriptionPart {
  readonly event: {
    readonly position: string;
    readonly eventId: string;
    readonly name: string;
    readonly taskId: bigint | undefined;
    readonly stepId: bigint | undefined;
    readonly createdAt: string;
    readonly payload: Readonly<Record<string, unknown>>;
  };
  readonly reason: 'failed' | 'timeout';
  readonly error: { readonly name: string; readonly message: string };
  readonly attempts: number;
}

/** Keeps an event apart; once for each subscriber, however often that is said. One statement. */
export async function saveDeadLetter(client: Queries, letter: NewDeadLetter): Promise<void> {
  const { event } = letter;
  const { transactionId, number } = positionParts(event.position);
  await client.query({
    name: 'tasker_save_dead_letter',
    text: `INSERT INTO tasker_core_dead_letters
             (subscription, partition, event_id, transaction_id, position, name, task_id, step_id,
              event_created_at, payload, reason, error, attempts, created_at, updated_at)
           SELECT $1, $2, $3, $4::xid8, $5, $6, $7, $8, $9::timestamptz AT TIME ZONE 'UTC', $10, $11,
                  $12, $13, n, n
             FROM (SELECT clock_timestamp()::timestamp AS n) now
           ON CONFLICT (subscription, event_id) DO UPDATE
              SET reason = excluded.reason, error = excluded.error, updated_at = excluded.updated_at,
                  attempts = excluded.attempts`,
    values: [
      letter.name,
      letter.partition,
      event.eventId,
      String(transactionId),
      number,
      event.name,
      event.taskId ?? null,
      event.stepId ?? null,
      event.createdAt,
      JSON.stringify(event.payload),
      letter.reason,
      JSON.stringify(letter.error),
      letter.attempts,
    ],
  });
}
