import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startTasker, whenEnded } from './tasker.ts';

let database: TestDatabase;
let holder: pg.Client;
let observer: pg.Client;

const WAITERS = `SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
  WHERE NOT granted AND datname = current_database()`;

/** Resolves when a session waits for the lock that the holder has. */
async function someoneWaits(): Promise<void> {
  let waiters = 0;
  while (waiters === 0) waiters = (await observer.query(WAITERS)).rows.length;
}

/** Ends every session that waits for the lock. */
async function endWaiters(): Promise<void> {
  await observer.query(`SELECT pg_terminate_backend(pid, 10000) FROM (${WAITERS}) AS waiter`);
}

beforeAll(async () => {
  database = await createTestDatabase();
  holder = await connect(database.url);
  observer = await connect(database.url);
  await holder.query(
    `BEGIN; LOCK TABLE tasker_tasks, tasker_workflow_steps, tasker_core_migrations IN ACCESS EXCLUSIVE MODE`,
  );
});

afterAll(async () => {
  await observer.end();
  await holder.end();
  await database.drop();
});

const COMMANDS = [
  ['resolve', ['resolve']],
  ['seed', ['seed', '--tasks', '1']],
  ['explain', ['explain', '1']],
  ['demo', ['demo', '--tasks', '1']],
  ['demo --demo resolve', ['demo', '--demo', 'resolve', '--tasks', '1']],
  ['migrate', ['migrate']],
] as const;

describe('while the server lets a command wait', () => {
  test.each(COMMANDS)('the first Ctrl-C stops %s', async (_name, args) => {
    const child = startTasker(args, { DATABASE_URL: database.url });
    const ended = whenEnded(child);
    await someoneWaits();
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 130, stdout: '' });
    // the server notices at the end of its wait only: the next command is to find no waiter but itself
    await endWaiters();
  });

  test.each(COMMANDS)(
    'a session that the server ends is named by code: %s',
    async (_name, args) => {
      const child = startTasker(args, { DATABASE_URL: database.url });
      const ended = whenEnded(child);
      await someoneWaits();
      await endWaiters();
      const { code, stderr } = await ended;
      expect(code).toBe(1);
      expect(stderr).toContain(
        'TASKER_DATABASE_UNREACHABLE: The connection to the database was lost',
      );
    },
  );
});
