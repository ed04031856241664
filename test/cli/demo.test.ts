import type { ChildProcess } from 'node:child_process';
import { on } from 'node:events';
import { chmod, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';

import { describe, expect, test } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { BACKENDS } from '../support/backends.ts';
import { createTestDatabase } from '../support/database.ts';
import { startTasker, tasker, taskerProcess, temporaryDirectory, whenEnded } from './tasker.ts';

/** What `auto` takes for a few hundred steps, and why it leaves the pool alone. */
const [AUTO, NOT_POOL] = BACKENDS.includes('native')
  ? ['native', 'the addon has threads of its own']
  : ['inline', String.raw`\d+ steps are fewer`];

/** A place for the embedded cluster alone; the account of the server must be able to enter. */
async function clusterDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const directory = await temporaryDirectory();
  await chmod(directory.path, 0o755);
  return directory;
}

/** Resolves when the process has written the text to stderr. */
async function wasSeen(child: ChildProcess, text: string): Promise<void> {
  let seen = '';
  for await (const [piece] of on(child.stderr!, 'data') as AsyncIterable<[string]>) {
    seen += piece;
    if (seen.includes(text)) return;
  }
}

describe('tasker demo', () => {
  test('runs the sample workflows to their end, and tells why one task failed', async () => {
    await using database = await createTestDatabase({ migrated: false });
    const args = ['demo', '--tasks', '34', '--database', database.url];
    const { code, stdout, stderr } = await tasker(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ran {7}35 tasks of 17 templates, 185 steps, 32 retries$/m);
    expect(stdout).toMatch(/^default\.mixed_workflow_task +2 +18 +8 +[\d,.]+ +[\d,.]+ +\d+$/m);
    expect(stdout).toContain('process_payment failed after 1 attempt: The card was declined');
    expect(stdout).toMatch(/\(send_confirmation\) of task \d+ will not run unless somebody/);
    const again = await tasker([...args.slice(0, 2), '1', ...args.slice(3), '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({
      tasks: 2,
      failed: { code: 'TASKER_TASK_FAILED', steps: [{}, {}, {}, {}] },
    });
  });

  test('with an embedded server compares every answer and cleans up', async () => {
    await using clusters = await clusterDirectory();
    const { code, stdout } = await taskerProcess(['demo', '--demo', 'resolve', '--tasks', '200'], {
      TMPDIR: clusters.path,
      XDG_CACHE_HOME: tmpdir(),
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^rows {6}200 tasks, [\d,]+ steps, /m);
    expect(stdout).toMatch(/: all equal$/m);
    for (const row of [
      ...BACKENDS,
      'SQL function, readiness',
      'SQL function, contexts',
      'SQL function, levels',
      'SQL tuned, ready ids only',
    ]) {
      expect(stdout).toMatch(new RegExp(`^${row} +[\\d.,]+ `, 'm'));
    }
    expect(stdout).toMatch(new RegExp(`^auto chooses ${AUTO}: `, 'm'));
    expect(stdout).toMatch(new RegExp(`^ {2}not pool: ${NOT_POOL}`, 'm'));
    expect(await readdir(clusters.path)).toEqual([]);
  });

  test('stopped by Ctrl-C ends the embedded server', async () => {
    await using clusters = await clusterDirectory();
    const child = startTasker(['demo', '--demo', 'resolve', '--tasks', '2000000'], {
      TMPDIR: clusters.path,
      XDG_CACHE_HOME: tmpdir(),
    });
    const ended = whenEnded(child);
    await wasSeen(child, 'seeding');
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).toMatch(/tasker: stopped by SIGINT\.\n$/);
    expect(await readdir(clusters.path)).toEqual([]);
  });

  test('fills an empty database that is named, and reads it as it is the next time', async () => {
    await using database = await createTestDatabase({ migrated: false });
    const env = { DATABASE_URL: database.url };
    const first = await tasker(['demo', '--demo', 'resolve', '--tasks', '60', '--json'], env);
    expect(first.code, first.stderr).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({
      tasks: 60,
      compared: { contexts: 60 },
      backends: BACKENDS.map((backend) => ({ backend })),
      auto: { chosen: AUTO },
    });
    const second = await tasker(['demo', '--demo', 'resolve', '--tasks', '99'], env);
    expect(second.code).toBe(0);
    expect(second.stdout).toMatch(/^database {2}postgresql:\/\/.*, read as it is$/m);
    expect(second.stdout).toMatch(/^rows {6}60 tasks/m);

    const client = await connect(database.url);
    await client.query(`UPDATE tasker_workflow_step_edges SET from_step_id = to_step_id
      WHERE id = (SELECT min(id) FROM tasker_workflow_step_edges)`);
    const cyclic = await tasker(['demo', '--demo', 'resolve'], env);
    expect(cyclic.code, cyclic.stderr).toBe(2);
    expect(cyclic.stdout).toMatch(/^cycles {4}1$/m);

    const { rows } = await client.query<{ definition: string }>(
      `SELECT pg_get_functiondef('get_step_readiness_status_batch(bigint[])'::regprocedure) AS definition`,
    );
    await client.query(
      'ALTER FUNCTION get_step_readiness_status_batch(bigint[]) RENAME TO honest_readiness',
    );
    const returns = /RETURNS TABLE\(([^]*?)\)\n/.exec(rows[0]!.definition)![1]!;
    const columns = returns
      .split(', ')
      .map((column) => (column.startsWith('attempts') ? 'attempts + 1' : column.split(' ')[0]));
    await client.query(`CREATE FUNCTION get_step_readiness_status_batch(input_task_ids bigint[])
      RETURNS TABLE(${returns}) LANGUAGE sql AS 'SELECT ${columns.join(', ')} FROM honest_readiness(input_task_ids)'`);
    const wrong = await tasker(['demo', '--demo', 'resolve'], env);
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toMatch(
      /tasker: Answers differ: inline says \d+, SQL says \d+ \(readiness, row \d+, column attempts\)\./,
    );

    await client.query('DROP FUNCTION get_step_readiness_status_batch(bigint[])');
    const missing = await tasker(['demo', '--demo', 'resolve'], env);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/TASKER_NOT_FOUND: .* "tasker migrate --rails-functions"\./);
    await client.end();
  });
});
