import type { Queries } from '../id-block.ts';

/**
 * Enters an event as handled by a subscriber, in the transaction that is open: both are committed or
 * neither is. Waits for another transaction that has entered the same one. One statement.
 *
 * @returns false where it was handled before
 */
export async function enterProcessed(
  client: Queries,
  subscription: string,
  eventId: string,
): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'tasker_enter_processed_event',
    text: `INSERT INTO tasker_core_processed_events (subscription, event_id, processed_at)
           VALUES ($1, $2, clock_timestamp()::timestamp) ON CONFLICT DO NOTHING`,
    values: [subscription, eventId],
  });
  return rowCount === 1;
}
