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
