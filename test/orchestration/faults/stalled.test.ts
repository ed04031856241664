import { describe, expect, it, vi } from 'vitest';

import { createTestDatabase } from '../../support/database.ts';
import { allComplete, rowsOf, runsFile, startEngine } from './engine-processes.ts';
import { expectOnce, expectSoundRows } from './stored-rows.ts';

// a shared machine may be slow; only what hangs is to fail
vi.setConfig({ testTimeout: 240_000 });

/** Moves that an engine made after another had ended an attempt of its. */
const LATE_MOVES = `
SELECT t.id FROM tasker_workflow_step_transitions t
 WHERE t.metadata->>'engine' = $1
   AND t.created_at > (SELECT min(created_at) FROM tasker_workflow_step_transitions
                        WHERE metadata->>'error_code' = 'lease_expired')`;

describe('an engine that is stalled past its lease', () => {
  it('changes nothing that is no longer its own, and begins anew', async () => {
    await using database = await createTestDatabase();
    const runs = runsFile();
    const settings = { url: database.url, runs };
    const first = await startEngine(settings);
    const { engineId } = await first.facts();
    await first.ask({ do: 'create', template: 'gate', count: 10 }, 'created');
    for (let at = 0; at < 10; at++) await first.next('started');
    first.child.kill('SIGSTOP');
    const second = await startEngine(settings);
    for (let at = 0; at < 10; at++) {
      expect(await second.next('started')).toMatchObject({ attempt: 2 });
    }
    // its handlers return at the first moment of its second life
    first.send({ do: 'open' });
    first.child.kill('SIGCONT');
    await expect.poll(() => first.problems('lease_lost').length, { timeout: 60_000 }).toBe(1);
    second.send({ do: 'open' });
    await allComplete(database.url, 10);
    expect(await rowsOf(database.url, LATE_MOVES, engineId)).toEqual([]);
    await expectOnce(database.url, runs);
    await expectSoundRows(database.url);
    await expect
      .poll(async () => (await first.facts()).shards.length, { timeout: 60_000 })
      .toBe(32);
    const facts = await first.facts();
    expect(facts.engineId).not.toBe(engineId);
    await second.ask({ do: 'create', template: 'fan', count: 100, first: 100 }, 'created');
    await allComplete(database.url, 110);
    expect((await first.facts())['counts']).not.toMatchObject({ endedTasks: 0 });
    await expectOnce(database.url, runs);
    await expectSoundRows(database.url);
  });

  it('again and again in a burst loses nothing', async () => {
    await using database = await createTestDatabase();
    const runs = runsFile();
    const settings = { url: database.url, runs };
    const engines = [await startEngine(settings), await startEngine(settings)];
    const creator = await startEngine({ ...settings, start: false });
    creator.send({ do: 'create', template: 'flaky', count: 1000 });
    await creator.next('created');
    for (const engine of [...engines, ...engines]) {
      engine.child.kill('SIGSTOP');
      const other = engines.find((each) => each !== engine) as (typeof engines)[number];
      const before = other.problems('engines_expired').length;
      await expect
        .poll(() => other.problems('engines_expired').length, { timeout: 60_000 })
        .toBeGreaterThan(before);
      engine.child.kill('SIGCONT');
      await expect
        .poll(async () => (await engine.facts()).shards.length, { timeout: 60_000 })
        .toBeGreaterThan(0);
    }
    await allComplete(database.url, 1000);
    await expectOnce(database.url, runs);
    await expectSoundRows(database.url);
  });
});
