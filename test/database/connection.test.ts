import { createServer } from 'node:net';
import { once } from 'node:events';

import { describe, expect, it } from 'vitest';

import { connect, redactUrl, withDatabase } from '../../src/database/connection.ts';
import { testServerUrl } from '../support/database.ts';

describe('connect', () => {
  it('forces time zone, date style and jit whatever the database says', async () => {
    const client = await connect(testServerUrl(), { applicationName: 'a test' });
    const { rows } = await client.query(
      `SELECT current_setting('TimeZone') AS zone, current_setting('DateStyle') AS style, current_setting('jit') AS jit,
              current_setting('application_name') AS name`,
    );
    await client.end();
    expect(rows).toEqual([{ zone: 'UTC', style: 'ISO, MDY', jit: 'off', name: 'a test' }]);
  });

  it('keeps microseconds: timestamps are text', async () => {
    const client = await connect(testServerUrl());
    const { rows } = await client.query({
      text: `SELECT '2026-01-02 03:04:05.000006'::timestamp AS naive, 'infinity'::timestamptz AS zoned, 1::bigint AS id, 2::int AS n`,
    });
    await client.end();
    expect(rows).toEqual([
      { naive: '2026-01-02 03:04:05.000006', zoned: 'infinity', id: '1', n: 2 },
    ]);
  });

  it.each([
    [
      'nothing listens',
      'postgresql://me:secret@127.0.0.1:1/db',
      /nothing listens there\. Start the server/,
    ],
    ['no such host', 'postgresql://me:secret@host.invalid/db', /host\.invalid/],
  ])('says in one sentence: %s', async (_case, url, message) => {
    const failure = connect(url);
    await expect(failure).rejects.toMatchObject({
      code: 'TASKER_DATABASE_UNREACHABLE',
      message: expect.stringMatching(message),
    });
    await expect(failure).rejects.not.toThrow(/secret/);
  });

  it('names a missing database and a refused user', async () => {
    const missing = withDatabase(testServerUrl(), 'not there');
    await expect(connect(missing)).rejects.toThrow('there is no database "not there"');
    const stranger = new URL(testServerUrl());
    stranger.username = 'stranger';
    await expect(connect(stranger.href)).rejects.toMatchObject({
      code: 'TASKER_DATABASE_UNREACHABLE',
    });
  });

  it.each(['', 'localhost/db', 'mysql://host/db'])('refuses %j as an address', async (url) => {
    await expect(connect(url)).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
      data: { field: 'url' },
    });
  });

  it('gives up on a server that does not answer, by time and by signal', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const port = address !== null && typeof address !== 'string' ? address.port : 0;
    const url = `postgresql://me@127.0.0.1:${port}/db`;
    await expect(connect(url, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'TASKER_DATABASE_UNREACHABLE',
    });
    const controller = new AbortController();
    const reached = once(silent, 'connection');
    const attempt = connect(url, { signal: controller.signal });
    await reached;
    controller.abort(new Error('enough'));
    await expect(attempt).rejects.toThrow('enough');
    await expect(connect(url, { signal: controller.signal })).rejects.toThrow('enough');
    silent.close();
  });

  it('survives a session that the server ends', async () => {
    const client = await connect(testServerUrl());
    const other = await connect(testServerUrl());
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const ended = new Promise<void>((resolve) => void client.once('end', resolve));
    await other.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await ended;
    await expect(client.query('SELECT 1')).rejects.toThrow(/not queryable|terminat/);
    await other.end();
  });
});

describe('redactUrl', () => {
  it.each([
    ['postgresql://u:p@h/d', 'postgresql://u:***@h/d'],
    ['postgresql://u@h/d?password=p&x=1', 'postgresql://u@h/d?password=***&x=1'],
    ['postgresql://h/d', 'postgresql://h/d'],
    ['p@ssword', '(not a URL)'],
  ])('%s', (url, redacted) => {
    expect(redactUrl(url)).toBe(redacted);
  });
});
