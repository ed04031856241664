import { randomUUID } from 'node:crypto';

import type { Queries } from '../../src/database/id-block.ts';

/** An event to be stored. */
export interface NewEvent {
  readonly name?: string;
  readonly taskId?: bigint;
  /** ISO text, UTC; default: the database's clock. */
  readonly at?: string;
}

/** Stores events in this order, in one transaction; their ids and positions. */
export async function storeEvents(
  client: Queries,
  events: readonly NewEvent[],
): Promise<{ readonly eventId: string; readonly position: string }[]> {
  const { rows } = await client.query<{ eventId: string; position: string }>(
    `INSERT INTO tasker_core_events (event_id, name, task_id, occurred_at, payload)
     SELECT e.id, e.name, e.task_id, coalesce(e.at, clock_timestamp()::timestamp),
            jsonb_build_object('place', e.place)
       FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::timestamp[])
              WITH ORDINALITY AS e(id, name, task_id, at, place)
      ORDER BY e.place
     RETURNING event_id AS "eventId", xid::text || '-' || position AS position`,
    [
      events.map(() => randomUUID()),
      events.map(({ name }) => name ?? 'x.done'),
      events.map(({ taskId }) => taskId),
      events.map(({ at }) => at?.replace('Z', '')),
    ],
  );
  return rows;
}
