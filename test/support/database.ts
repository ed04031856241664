import { randomBytes } from 'node:crypto';

import { inject } from 'vitest';

import { migrate } from '../../src/database/schema/migrate.ts';
import { createDatabase, dropDatabase } from '../../src/database/embedded/server-databases.ts';

/** A database that one test or one file has to itself. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  drop(): Promise<void>;
}

/** Options of {@link createTestDatabase}. */
export interface TestDatabaseOptions {
  /** With the schema (default), or empty. */
  readonly migrated?: boolean;
  /** Index set of the schema; `lean` (default) is a copy of a ready database and therefore quick. */
  readonly indexes?: 'lean' | 'rails';
}

/** Creates a database on the server of this test run. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { migrated = true, indexes = 'lean' } = options;
  const server = inject('taskerTestServer');
  const name = `${server.prefix}${randomBytes(5).toString('hex')}`;
  const copied = migrated && indexes === 'lean';
  const url = await createDatabase(server.url, name, copied ? { template: server.template } : {});
  if (migrated && !copied) await migrate({ url, indexes });
  const drop = (): Promise<void> => dropDatabase(server.url, name);
  return { url, drop, [Symbol.asyncDispose]: drop };
}

/** Administrator's URL of the server of this test run. */
export function testServerUrl(): string {
  return inject('taskerTestServer').url;
}
