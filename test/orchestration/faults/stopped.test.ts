import { describe, expect, it, vi } from 'vitest';

import { createTestDatabase } from '../../support/database.ts';
import { allComplete, rowsOf, runsFile, runsOf, startEngine } from './engine-processes.ts';
import { expectOnce, expectSoundRows } from './stored-rows.ts';

// a shared machine may be slow; only what hangs is to fail
vi.setConfig({ testTimeout: 240_000 });

const IN_PROGRESS = `SELECT id FROM tasker_workflow_step_transitions
  WHERE most_recent AND to_state = 'in_progress'`;

describe('an engine that is stopped', () => {
  it('in the middle of a burst loses nothing and leaves nothing in progress', async () => {
    await using database = await createTestDatabase();
    const runs = runsFile();
    const settings = { url: database.url, runs };
    const creator = await startEngine({ ...settings, start: false });
    creator.send({ do: 'create', template: 'fan', count: 600 });
    await creator.next('created');
    // each one is stopped a little later in its run
    for (let done = 0; done < 4; done++) {
      const before = runsOf(runs).size;
      const engine = await startEngine({ ...settings, leaseSeconds: 15 });
      await expect
        .poll(() => runsOf(runs).size, { timeout: 60_000, interval: 1 })
        .toBeGreaterThan(before + done * 100);
      await engine.ask({ do: 'stop' }, 'stopped');
      expect(await rowsOf(database.url, IN_PROGRESS)).toEqual([]);
      expect(await rowsOf(database.url, 'SELECT engine_id FROM tasker_core_engines')).toEqual([]);
      expect(engine.events.filter(({ event }) => event === 'problem')).toEqual([]);
    }
    await startEngine(settings);
    await allComplete(database.url, 600);
    expect(await expectOnce(database.url, runs)).toBe(0);
    expect([...runsOf(runs).values()].every((count) => count === 1)).toBe(true);
    await expectSoundRows(database.url);
  });

  it('without time to drain stores what ran as failed attempts', async () => {
    await using database = await createTestDatabase();
    const runs = runsFile();
    const settings = { url: database.url, runs, options: { drainSeconds: 0 } };
    const first = await startEngine(settings);
    await first.ask({ do: 'create', template: 'gate', count: 30 }, 'created');
    await first.next('started');
    await first.ask({ do: 'stop' }, 'stopped');
    expect(await rowsOf(database.url, IN_PROGRESS)).toEqual([]);
    const second = await startEngine(settings);
    for (let at = 0; at < 30; at++) await second.next('started');
    second.send({ do: 'open' });
    await allComplete(database.url, 30);
    await expectOnce(database.url, runs);
    await expectSoundRows(database.url);
  });
});
