import { MikroORM } from '@mikro-orm/postgresql';
import type { Options } from '@mikro-orm/postgresql';
import { describe, expect, it, vi } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { dumpSchema } from '../../src/database/schema-dump.ts';
import { createTestDatabase } from '../support/database.ts';

async function configuredOrm(url: string): Promise<MikroORM> {
  vi.stubEnv('DATABASE_URL', url);
  vi.resetModules();
  const { default: config } = await import('../../mikro-orm.config.ts');
  vi.unstubAllEnvs();
  return MikroORM.init(config as Options);
}

async function dump(url: string): Promise<string> {
  const client = await connect(url);
  return dumpSchema(client).finally(() => client.end());
}

describe('mikro-orm.config.ts', () => {
  it('sees nothing to do after migrate', async () => {
    await using database = await createTestDatabase();
    const orm = await configuredOrm(database.url);
    const pending = await orm.migrator.getPending().finally(() => orm.close());
    expect(pending).toEqual([]);
  });

  it('lets the tools of MikroORM create the same schema', async () => {
    await using migrated = await createTestDatabase();
    await using empty = await createTestDatabase({ migrated: false });
    const orm = await configuredOrm(empty.url);
    await orm.migrator.up().finally(() => orm.close());
    expect(withoutRecord(await dump(empty.url))).toBe(withoutRecord(await dump(migrated.url)));
  });
});

// The tool writes its record with a precision of its own.
function withoutRecord(schema: string): string {
  return schema
    .split('\n\n')
    .filter((statement) => !statement.startsWith('CREATE TABLE tasker_core_migrations'))
    .join('\n\n');
}
