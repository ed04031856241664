import { describe, expect, it, vi } from 'vitest';

import { createTestDatabase } from '../../support/database.ts';
import { allComplete, rowsOf, runsFile, runsOf, startEngine } from './engine-processes.ts';
import { expectOnce, expectSoundRows } from './stored-rows.ts';

// a shared machine may be slow; only what hangs is to fail
vi.setConfig({ testTimeout: 240_000 });

describe('an engine that is killed', () => {
  it('leaves its steps to another, which ends them as failed attempts and runs them again', async () => {
    await using database = await createTestDatabase();
    const runs = runsFile();
    const settings = { url: database.url, runs };
    const first = await startEngine(settings);
    await first.ask({ do: 'create', template: 'gate', count: 20 }, 'created');
    for (let at = 0; at < 20; at++) await first.next('started');
    await first.kill();
    const second = await startEngine(settings);
    for (let at = 0; at < 20; at++) {
      expect(await second.next('started')).toMatchObject({ attempt: 2 });
    }
    second.send({ do: 'open' });
    await allComplete(database.url, 20);
    expect(await expectOnce(database.url, runs)).toBe(0);
    await expectSoundRows(database.url);
    const reasons = await rowsOf(
      database.url,
      `SELECT metadata->>'error_code' AS code, count(*)::int FROM tasker_workflow_step_transitions
        WHERE to_state = 'error' GROUP BY 1`,
    );
    expect(reasons).toEqual([{ code: 'lease_expired', count: 20 }]);
    expect([...runsOf(runs).values()].filter((count) => count === 2)).toHaveLength(20);
  });

  it('in the middle of a burst loses nothing, and another that lives already takes it over', async () => {
    await using database = await createTestDatabase();
    const runs = runsFile();
    const settings = { url: database.url, runs };
    const first = await startEngine(settings);
    const second = await startEngine(settings);
    const creator = await startEngine({ ...settings, start: false });
    creator.send({ do: 'create', template: 'fan', count: 400 });
    await expect
      .poll(() => runsOf(runs).size, { timeout: 60_000, interval: 5 })
      .toBeGreaterThan(200);
    await first.kill();
    await creator.next('created');
    await allComplete(database.url, 400);
    await expectOnce(database.url, runs);
    await expectSoundRows(database.url);
    expect((await second.facts()).tasks).toBe(0);
  });
});
