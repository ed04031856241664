import { sql } from 'kysely';

import type { TypedQueries } from './rows.ts';

const EDGE_LOCK = 0x6564_6765;

/** Makes those who add edges take turns until their transactions end. */
export async function lockEdges(queries: TypedQueries): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(${sql.lit(EDGE_LOCK)})`.execute(queries);
}
