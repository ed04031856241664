import { describe, expect, it, vi } from 'vitest';

import { createTestDatabase } from '../../support/database.ts';
import { withClient } from '../../database/with-client.ts';
import { allComplete, rowsOf, runsFile, runsOf, startEngine } from './engine-processes.ts';
import { expectOnce, expectSoundRows } from './stored-rows.ts';

// a shared machine may be slow; only what hangs is to fail
vi.setConfig({ testTimeout: 240_000 });

const SESSIONS = `SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND application_name LIKE 'tasker-core %' ORDER BY pid`;
const CUT = 'SELECT pg_terminate_backend($1::integer)';
const CANCEL = 'SELECT pg_cancel_backend($1::integer)';

describe('an engine whose connections are cut', () => {
  it('one by one and all at once, many times in a run, loses nothing and runs nothing twice', async () => {
    await using database = await createTestDatabase();
    const runs = runsFile();
    const settings = { url: database.url, runs, leaseSeconds: 15 };
    const creator = await startEngine({ ...settings, start: false });
    await creator.ask({ do: 'create', template: 'flaky', count: 1200 }, 'created');
    const engine = await startEngine(settings);
    let cuts = 0;
    await withClient(database.url, async (client) => {
      const progress = async (): Promise<void> => {
        const before = runsOf(runs).size;
        await expect
          .poll(() => before === 2400 || runsOf(runs).size > before, {
            timeout: 60_000,
            interval: 2,
          })
          .toBe(true);
      };
      for (let round = 0; round < 8 && runsOf(runs).size < 2400; round++) {
        await progress();
        const { rows } = await client.query<{ pid: number }>(SESSIONS);
        const together = round % 4 === 3;
        for (const { pid } of rows) {
          await client.query(round % 4 === 1 ? CANCEL : CUT, [pid]);
          cuts++;
          if (!together) await progress();
        }
      }
    });
    expect(cuts).toBeGreaterThan(20);
    await allComplete(database.url, 1200);
    expect(await expectOnce(database.url, runs)).toBe(0);
    expect([...runsOf(runs).values()].every((count) => count === 3)).toBe(true);
    await expectSoundRows(database.url);
    expect(engine.problems('lease_lost')).toEqual([]);
    expect((await engine.facts()).shards).toHaveLength(64);
  });

  it('hears of what operators did in the meantime', async () => {
    await using database = await createTestDatabase();
    const runs = runsFile();
    const settings = { url: database.url, runs, leaseSeconds: 60, options: { pollSeconds: 3600 } };
    const engine = await startEngine(settings);
    const created = await engine.ask({ do: 'create', template: 'gate', count: 1 }, 'created');
    const [taskId] = created['taskIds'] as string[];
    await engine.next('started');
    // the control session alone listens; the step is cancelled without a notice that it could hear
    await rowsOf(
      database.url,
      `SELECT pg_terminate_backend(pid) FROM pg_locks
        WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        GROUP BY pid`,
    );
    await rowsOf(
      database.url,
      `WITH old AS (UPDATE tasker_workflow_step_transitions t SET most_recent = false
          FROM tasker_workflow_steps s
         WHERE s.workflow_step_id = t.workflow_step_id AND s.task_id = $1 AND t.most_recent
         RETURNING t.workflow_step_id, t.sort_key)
       INSERT INTO tasker_workflow_step_transitions
         (workflow_step_id, from_state, to_state, sort_key, most_recent, metadata, created_at, updated_at)
       SELECT workflow_step_id, 'in_progress', 'cancelled', sort_key + 10, true, '{}', now(), now() FROM old`,
      taskId,
    );
    expect(await engine.next('aborted')).toBeDefined();
  });
});
