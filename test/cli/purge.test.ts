import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { auditOf } from '../../src/database/audit-log.ts';
import { withClient } from '../database/with-client.ts';
import { storeManyChains } from '../support/chains.ts';
import { createTestDatabase } from '../support/database.ts';
import { tasker } from './tasker.ts';

test('tasker purge says what it would remove, archives and removes it, and names what stays', async () => {
  await using database = await createTestDatabase();
  const { url } = database;
  const purge = (...args: string[]): ReturnType<typeof tasker> =>
    tasker(['purge', '--database', url, ...args]);
  const file = join(tmpdir(), `tasker-purge-${process.pid}.ndjson`);
  await withClient(url, async (client) => {
    await storeManyChains(client);
    await client.query(
      `DELETE FROM tasker_task_transitions WHERE task_id > 4;
       UPDATE tasker_task_transitions SET to_state = 'complete', created_at = '2020-01-01'
        WHERE most_recent AND task_id <= 3`,
    );
    const planned = await purge('--finished-before', '30d', '--dry-run');
    expect(planned).toMatchObject({ code: 0, stderr: '' });
    expect(planned.stdout).toBe(
      'Nothing was changed. Without --dry-run: 3 tasks, 15 steps, 12 edges, 42 transitions, 0 annotations.\n',
    );
    try {
      const age = ['--finished-before', '2020-02-01T00:00:00Z'];
      const who = ['--actor', 'me', '--reason', 'full'];
      const done = await purge(...age, ...who, '--batch', '1', '--archive', file, '--json');
      expect(done).toMatchObject({ code: 0, stderr: '' });
      const removed = { tasks: 3, steps: 15, edges: 12, task_transitions: 6 };
      expect(JSON.parse(done.stdout)).toMatchObject({ dry_run: false, removed, held: 0, busy: 0 });
      const { entries } = await auditOf(client);
      expect(entries).toMatchObject([{ action: 'task.purge', actor: 'me', reason: 'full' }]);
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
      expect(lines).toHaveLength(3 + 15 + 12 + 42);
      expect(JSON.parse(lines[0]!)).toMatchObject({ table: 'tasker_tasks', row: { task_id: 1 } });
    } finally {
      await rm(file, { force: true });
    }

    // a task that finished, and its neighbour that goes on
    await client.query(
      `UPDATE tasker_task_transitions SET to_state = 'complete', created_at = '2020-01-01'
        WHERE most_recent AND task_id = 4;
       INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
       VALUES (20, 25, 'provides', now(), now())`,
    );
    const held = await purge('--finished-before', '12h');
    expect(held).toMatchObject({ code: 2, stderr: '' });
    expect(held.stdout).toContain('\n1 held: an edge ties them to a task that stays.\n');
  });
  const unwritable = await purge('--finished-before', '1d', '--archive', '/no/such/directory/file');
  expect(unwritable).toMatchObject({ code: 1, stdout: '' });
  expect(unwritable.stderr).toContain('TASKER_CANNOT_WRITE');
  for (const age of ['30', '-1d', 'yesterday']) {
    const bad = await purge(`--finished-before=${age}`);
    expect(bad).toMatchObject({ code: 64, stdout: '' });
    expect(bad.stderr).toContain('--finished-before');
  }
  expect(await purge()).toMatchObject({ code: 64, stdout: '' });
});
