import { connect } from '../../src/database/connection.ts';

/** Leaves the tables as autovacuum leaves those that are not new; plans are made by what it finds. */
export async function settleTables(url: string): Promise<void> {
  const client = await connect(url);
  try {
    await client.query('VACUUM (ANALYZE)');
  } finally {
    await client.end();
  }
}
