import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { createOrm, ormConfiguration } from '../../src/database/repositories/orm.ts';
import { createTestDatabase } from '../support/database.ts';

const run = promisify(execFile);

describe('the address', () => {
  it.each(['', 'mysql://host/db', '/var/run/db'])('cannot be %j', async (url) => {
    await expect(createOrm({ url })).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
      data: { field: 'url' },
    });
  });

  it.each([
    ['postgresql://host/some%20name', 'some name'],
    ['postgres://user@host', 'user'],
    ['postgresql://host', 'postgres'],
  ])('%s means the database %s', (url, name) => {
    expect(ormConfiguration({ url }).dbName).toBe(name);
  });
});

describe('sessions of the pool', () => {
  it('are UTC, without just-in-time compilation, and carry their name', async () => {
    await using database = await createTestDatabase();
    const orm = await createOrm({ url: database.url, applicationName: 'named', maxConnections: 3 });
    const forks = [1, 2, 3].map(() => orm.em.fork());
    const sessions = await Promise.all(
      forks.map((em) =>
        em.execute(`select current_setting('TimeZone') zone, current_setting('jit') jit,
                           current_setting('application_name') name from pg_sleep(0.01)`),
      ),
    );
    await orm.close();
    expect(sessions.flat()).toEqual(
      Array.from({ length: 3 }, () => ({ zone: 'UTC', jit: 'off', name: 'named' })),
    );
  });

  it.each(['America/New_York', 'Pacific/Auckland', 'UTC'])(
    'answer alike with host and database in %s',
    async (zone) => {
      await using database = await createTestDatabase();
      const name = new URL(database.url).pathname.slice(1);
      const client = await connect(database.url);
      await client.query(`alter database ${name} set timezone = 'America/Caracas'`);
      await client.end();
      const script = fileURLToPath(new URL('zone-probe.ts', import.meta.url));
      const { stdout, stderr } = await run(process.execPath, [script, database.url], {
        env: { ...process.env, TZ: zone, PGTZ: 'Asia/Tokyo' },
      });
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toEqual({
        zone,
        requestedAt: '2026-03-08T02:30:00.000125Z',
        stored: '2026-03-08 02:30:00.000125',
        createdMinutesAgo: 0,
        viaOrm: '2026-03-08T02:30:00.000125Z',
        ormMinutesAgo: 0,
      });
    },
  );
});
