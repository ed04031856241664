import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';

import type { TestProject } from 'vitest/node';

import { connect, withDatabase } from '../../src/database/connection.ts';
import { startEmbeddedServer } from '../../src/database/embedded/embedded-server.ts';
import { migrate } from '../../src/database/schema/migrate.ts';
import { createDatabase, dropDatabase } from '../../src/database/embedded/server-databases.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where test databases are created, and the migrated one that they are copies of. */
    taskerTestServer: { url: string; prefix: string; template: string };
  }
}

/**
 * One PostgreSQL for the whole run: an embedded one without fsync, or the server of TASKER_TEST_DATABASE_URL, in
 * which every database of the run has one prefix and is dropped at the end. A migrated database is made once and
 * copied for each test.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (project.vitest.config.coverage.enabled) await removeOldCoverage();
  const external = process.env['TASKER_TEST_DATABASE_URL'];
  const embedded =
    external === undefined
      ? await startEmbeddedServer({
          settings: {
            fsync: 'off',
            synchronous_commit: 'off',
            full_page_writes: 'off',
            autovacuum: 'off',
          },
        })
      : undefined;
  const url = embedded?.url ?? external ?? '';
  const prefix = `tasker_test_${randomBytes(4).toString('hex')}_`;
  const template = `${prefix}template`;
  await createDatabase(url, template);
  await migrate({ url: withDatabase(url, template), indexes: 'lean' });
  project.provide('taskerTestServer', { url, prefix, template });
  return async () => {
    if (embedded === undefined) await dropAll(url, prefix);
    await embedded?.stop();
  };
}

async function dropAll(url: string, prefix: string): Promise<void> {
  const client = await connect(url);
  const { rows } = await client.query<{ datname: string }>(
    'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
    [prefix],
  );
  await client.end();
  for (const { datname } of rows) await dropDatabase(url, datname);
}

/** Each run reports its coverage in a folder by its process id; those of runs that have ended go. */
async function removeOldCoverage(): Promise<void> {
  const folder = new URL('../../coverage/', import.meta.url);
  for (const name of await readdir(folder).catch(() => [])) {
    const isOver = !/^\d+$/.test(name) || !isRunning(Number(name));
    if (isOver) await rm(new URL(name, folder), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}
