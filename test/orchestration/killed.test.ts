import { expect, it, vi } from 'vitest';

import { createTestDatabase } from '../support/database.ts';
import { allComplete, rowsOf, runsFile, runsOf, startEngine } from './faults/engine-processes.ts';
import { expectOnce, expectSoundRows } from './faults/stored-rows.ts';

// two engines are processes of their own, on a machine that may be slow
vi.setConfig({ testTimeout: 240_000 });

const TASKS = 40;

it('killed in the middle of a run and started again, an engine ends every task', async () => {
  await using database = await createTestDatabase();
  const runs = runsFile();
  const settings = { url: database.url, runs };
  const first = await startEngine(settings);
  first.send({ do: 'create', template: 'fan', count: TASKS });
  await expect.poll(() => runsOf(runs).size, { timeout: 60_000, interval: 5 }).toBeGreaterThan(30);
  await first.kill();

  const second = await startEngine(settings);
  await allComplete(database.url, TASKS);
  await expectOnce(database.url, runs);
  await expectSoundRows(database.url);
  // a step that ran twice has an attempt that ended with its engine
  const again = [...runsOf(runs).values()].filter((count) => count > 1).length;
  const [expired] = await rowsOf<{ count: number }>(
    database.url,
    `SELECT count(*)::int FROM tasker_workflow_step_transitions
      WHERE metadata->>'error_code' = 'lease_expired'`,
  );
  expect(expired?.count).toBeGreaterThanOrEqual(again);
  expect((await second.facts()).tasks).toBe(0);
});
