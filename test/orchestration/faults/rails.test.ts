import { describe, expect, it, vi } from 'vitest';

import { migrate } from '../../../src/database/schema/migrate.ts';
import { createTestDatabase } from '../../support/database.ts';
import { allComplete, rowsOf, runsFile, runsOf, startEngine } from './engine-processes.ts';
import { expectSoundRows } from './stored-rows.ts';

// a shared machine may be slow; only what hangs is to fail
vi.setConfig({ testTimeout: 240_000 });

const CLAIM = `
INSERT INTO tasker_workflow_step_transitions
  (workflow_step_id, from_state, to_state, sort_key, most_recent, metadata, created_at, updated_at)
SELECT s.workflow_step_id, 'pending', 'in_progress', 10, true, '{"actor":"rails"}', now(), now()
  FROM tasker_workflow_steps s JOIN tasker_named_steps n USING (named_step_id)
 WHERE n.name = 'm3'`;

const COMPLETE = `
WITH old AS (
  UPDATE tasker_workflow_step_transitions SET most_recent = false
   WHERE most_recent AND to_state = 'in_progress' RETURNING workflow_step_id),
row AS (
  UPDATE tasker_workflow_steps w SET processed = true, attempts = 1, results = '"rails"'
    FROM old WHERE w.workflow_step_id = old.workflow_step_id)
INSERT INTO tasker_workflow_step_transitions
  (workflow_step_id, from_state, to_state, sort_key, most_recent, metadata, created_at, updated_at)
SELECT workflow_step_id, 'in_progress', 'complete', 20, true, '{"actor":"rails"}', now(), now()
  FROM old`;

const BY_STATE = `
SELECT coalesce(x.to_state, 'pending') AS state, count(*)::int AS steps FROM tasker_workflow_steps s
  LEFT JOIN tasker_workflow_step_transitions x
    ON x.workflow_step_id = s.workflow_step_id AND x.most_recent GROUP BY 1 ORDER BY 1`;

describe('a step in progress that no engine of this package started', () => {
  it('is never touched, by engines that come, go and take over; its end is noticed', async () => {
    await using database = await createTestDatabase();
    const runs = runsFile();
    const settings = { url: database.url, runs, options: { pollSeconds: 1, verify: false } };
    const creator = await startEngine({ ...settings, start: false });
    await creator.ask({ do: 'create', template: 'fan', count: 10 }, 'created');
    await rowsOf(database.url, CLAIM);
    const resting = [
      { state: 'complete', steps: 60 },
      { state: 'in_progress', steps: 10 },
      { state: 'pending', steps: 10 },
    ];
    const first = await startEngine(settings);
    await expect.poll(() => rowsOf(database.url, BY_STATE), { timeout: 60_000 }).toEqual(resting);
    await first.kill();
    const second = await startEngine(settings);
    await expect
      .poll(async () => (await second.facts()).shards.length, { timeout: 60_000 })
      .toBe(64);
    expect(await rowsOf(database.url, BY_STATE)).toEqual(resting);
    expect(runsOf(runs).size).toBe(60);
    await rowsOf(database.url, COMPLETE);
    await allComplete(database.url, 10);
    expect(runsOf(runs).size).toBe(70);
  });
});

describe('a database of the full Rails schema', () => {
  it('is run to rows that its own functions and the contract agree with', async () => {
    await using database = await createTestDatabase({ indexes: 'rails' });
    await migrate({ url: database.url, indexes: 'rails', railsFunctions: true });
    const runs = runsFile();
    const settings = { url: database.url, runs, leaseSeconds: 10 };
    const first = await startEngine(settings);
    await startEngine(settings);
    for (const [at, template] of (['fan', 'flaky', 'doomed'] as const).entries()) {
      await first.ask({ do: 'create', template, count: 50, first: at * 100 + 1 }, 'created');
    }
    await allComplete(database.url, 100);
    const failed = `SELECT id FROM tasker_task_transitions WHERE most_recent AND to_state = 'error'`;
    await expect
      .poll(async () => (await rowsOf(database.url, failed)).length, { timeout: 60_000 })
      .toBe(50);
    await expectSoundRows(database.url);
    const readiness = await rowsOf(
      database.url,
      `SELECT t.name, r.current_state AS state, r.ready_for_execution AS ready, r.attempts,
              count(*)::int AS steps
         FROM tasker_tasks k JOIN tasker_named_tasks t USING (named_task_id)
        CROSS JOIN LATERAL get_step_readiness_status(k.task_id) r
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
    );
    expect(readiness).toEqual([
      { name: 'doomed', state: 'error', ready: false, attempts: 1, steps: 50 },
      { name: 'doomed', state: 'pending', ready: false, attempts: 0, steps: 50 },
      { name: 'fan', state: 'complete', ready: false, attempts: 1, steps: 400 },
      { name: 'flaky', state: 'complete', ready: false, attempts: 3, steps: 100 },
    ]);
    const contexts = await rowsOf(
      database.url,
      `SELECT t.name, c.execution_status AS status, count(*)::int AS tasks
         FROM tasker_tasks k JOIN tasker_named_tasks t USING (named_task_id)
        CROSS JOIN LATERAL get_task_execution_context(k.task_id) c GROUP BY 1, 2 ORDER BY 1`,
    );
    expect(contexts).toEqual([
      // to Rails a step is blocked for good when its attempts are used up, not when it may not be retried
      { name: 'doomed', status: 'waiting_for_dependencies', tasks: 50 },
      { name: 'fan', status: 'all_complete', tasks: 50 },
      { name: 'flaky', status: 'all_complete', tasks: 50 },
    ]);
  });
});
