import { MikroORM } from '@mikro-orm/postgresql';
import type { Options } from '@mikro-orm/postgresql';
import { describe, expect, it, vi } from 'vitest';

import { dumpSchema } from '../../src/database/schema/schema-dump.ts';
import { createTestDatabase } from '../support/database.ts';
import { withClient } from './with-client.ts';

async function configuredOrm(url: string): Promise<MikroORM> {
  vi.stubEnv('DATABASE_URL', url);
  vi.resetModules();
  const { default: config } = await import('../../mikro-orm.config.ts');
  vi.unstubAllEnvs();
  const { migrations, ...rest } = config;
  return MikroORM.init({
    ...rest,
    migrations: { ...migrations, silent: true },
  } as unknown as Options);
}

const dump = (url: string): Promise<string> => withClient(url, dumpSchema);

describe('mikro-orm.config.ts', () => {
  it('sees nothing to do after migrate', async () => {
    await using database = await createTestDatabase();
    const orm = await configuredOrm(database.url);
    const pending = await orm.migrator.getPending();
    await orm.close();
    expect(pending).toEqual([]);
  });

  it('lets the tools of MikroORM create the same schema', async () => {
    await using migrated = await createTestDatabase();
    await using empty = await createTestDatabase({ migrated: false });
    const orm = await configuredOrm(empty.url);
    await orm.migrator.up();
    await orm.close();
    expect(await dump(empty.url)).toBe(await dump(migrated.url));
  });
});
