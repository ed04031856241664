import { connect } from '../../src/database/connection.ts';
import { startEmbeddedServer } from '../../src/database/embedded/embedded-server.ts';
import { migrate } from '../../src/database/schema/migrate.ts';

/** A server with one migrated database. */
export interface LonelyServer {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * A server that nobody else uses, for tests that want to read what was just committed: transactions
 * of other databases, and of the server's own housekeeping, hold readers of the log back too.
 */
export async function startLonelyServer(): Promise<LonelyServer> {
  const server = await startEmbeddedServer();
  const url = await server.createDatabase('lonely');
  const client = await connect(url);
  await client.query('ALTER SYSTEM SET autovacuum = off');
  await client.query('SELECT pg_reload_conf()');
  await client.end();
  await migrate({ url });
  return { url, stop: () => server.stop() };
}
