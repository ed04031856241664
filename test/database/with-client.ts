import type pg from 'pg';

import { connect } from '../../src/database/connection.ts';

/** What `work` does over a session of its own. */
export async function withClient<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await connect(url);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Returns once another session of the client's database waits for a lock. */
export async function waitingSession(client: pg.Client): Promise<void> {
  for (;;) {
    const { rowCount } = await client.query(
      `select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if (rowCount !== null && rowCount > 0) return;
    // Within one transaction the server shows the same activity again and again.
    await client.query('select pg_stat_clear_snapshot()');
  }
}
