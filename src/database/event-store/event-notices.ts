import { textArray } from '../copy/binary-arrays.ts';
import type { Queries } from '../id-block.ts';

/** Longest payload of a notice, bytes: the server takes less than 8,000. */
export const LONGEST_NOTICE = 7999;

/** Sends a notice for each payload, in their order and all by one commit. One statement. */
export async function sendNotices(
  client: Queries,
  channel: string,
  payloads: readonly string[],
): Promise<void> {
  await client.query({
    name: 'tasker_send_notices',
    text: 'SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS p(payload)',
    values: [channel, textArray(payloads)],
  });
}
