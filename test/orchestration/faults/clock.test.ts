import { describe, expect, it, vi } from 'vitest';

import { Tasker } from '../../../src/tasker.ts';
import { createTestDatabase } from '../../support/database.ts';
import { allComplete, rowsOf, runsFile, runsOf, startEngine } from './engine-processes.ts';
import { templatesOf } from './fault-templates.ts';
import { expectOnce, expectSoundRows } from './stored-rows.ts';

// a shared machine may be slow; only what hangs is to fail
vi.setConfig({ testTimeout: 240_000 });

const DAY_MS = 86_400_000;

/** Steps that began before their task was due, or before their wait was over. */
const TOO_EARLY = `
SELECT x.workflow_step_id, x.created_at, c.run_at, x.metadata FROM tasker_workflow_step_transitions x
  JOIN tasker_workflow_steps s USING (workflow_step_id)
  LEFT JOIN tasker_core_tasks c ON c.task_id = s.task_id
  LEFT JOIN tasker_workflow_step_transitions f
    ON f.workflow_step_id = x.workflow_step_id AND f.to_state = 'error' AND f.sort_key = x.sort_key - 20
 WHERE x.to_state = 'in_progress'
   AND (x.created_at < c.run_at OR x.created_at < f.created_at + interval '10 ms')`;

describe.each([
  ['ahead', DAY_MS],
  ['behind', -DAY_MS],
])('a host whose clock is a day %s', (_, dateShiftMs) => {
  it('runs nothing early and nothing late', async () => {
    await using database = await createTestDatabase();
    const runs = runsFile();
    const settings = { url: database.url, runs, leaseSeconds: 10 };
    const shifted = await startEngine({ ...settings, dateShiftMs });
    const right = await startEngine(settings);
    await shifted.ask({ do: 'create', template: 'flaky', count: 100 }, 'created');
    await right.ask({ do: 'create', template: 'flaky', count: 100, first: 1000 }, 'created');
    await using creator = new Tasker({ database: database.url });
    creator.register(...templatesOf(runs));
    const flaky = { namespace: 'default', name: 'flaky', version: '0.1.0' };
    const [row] = await rowsOf<{ due: string }>(
      database.url,
      `SELECT to_char(clock_timestamp() + interval '1.5 s', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS due`,
    );
    const requests = Array.from({ length: 64 }, (__, at) => ({
      context: { later: at + 1 },
      runAt: row?.due ?? '',
    }));
    await creator.createTasks(flaky, requests);
    await allComplete(database.url, 264);
    expect(await rowsOf(database.url, TOO_EARLY)).toEqual([]);
    expect(await expectOnce(database.url, runs)).toBe(0);
    expect([...runsOf(runs).values()].every((count) => count === 3)).toBe(true);
    await expectSoundRows(database.url);
    for (const engine of [shifted, right]) {
      expect(engine.problems('lease_lost')).toEqual([]);
      expect(engine.problems('engines_expired')).toEqual([]);
    }
  });
});
