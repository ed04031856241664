import { describe, expect, it, vi } from 'vitest';

import { createTestDatabase } from '../../support/database.ts';
import {
  allComplete,
  type EngineProcess,
  rowsOf,
  runsFile,
  runsOf,
  startEngine,
} from './engine-processes.ts';
import { expectOnce, expectSoundRows } from './stored-rows.ts';

// a shared machine may be slow; only what hangs is to fail
vi.setConfig({ testTimeout: 240_000 });

async function shards(...engines: EngineProcess[]): Promise<number[]> {
  const facts = await Promise.all(engines.map((engine) => engine.facts()));
  const held = facts.flatMap((each) => each.shards);
  expect(new Set(held).size).toBe(held.length);
  return facts.map((each) => each.shards.length);
}

describe('several engines', () => {
  it('share a thousand tasks of a third process: no run is made twice', async () => {
    await using database = await createTestDatabase();
    const runs = runsFile();
    const settings = { url: database.url, runs, leaseSeconds: 10 };
    const first = await startEngine(settings);
    const second = await startEngine(settings);
    await expect.poll(() => shards(first, second), { timeout: 60_000 }).toEqual([32, 32]);
    const creator = await startEngine({ ...settings, start: false });
    creator.send({ do: 'create', template: 'fan', count: 1000 });
    await allComplete(database.url, 1000);
    expect(await expectOnce(database.url, runs)).toBe(0);
    expect([...runsOf(runs).values()].every((count) => count === 1)).toBe(true);
    await expectSoundRows(database.url);
    for (const engine of [first, second, creator])
      expect(engine.problems('lost_step_move')).toEqual([]);
    for (const engine of [first, second]) {
      expect((await engine.facts())['counts']).not.toMatchObject({ endedTasks: 0 });
      expect(engine.events.filter(({ event }) => event === 'problem')).toEqual([]);
    }
  });

  it('make room for one that joins, and take over from one that leaves, in the middle of a run', async () => {
    await using database = await createTestDatabase();
    const runs = runsFile();
    const settings = { url: database.url, runs, leaseSeconds: 10 };
    const first = await startEngine(settings);
    const second = await startEngine(settings);
    const creator = await startEngine({ ...settings, start: false });
    await creator.ask({ do: 'create', template: 'flaky', count: 1500 }, 'created');
    const third = await startEngine(settings);
    await expect
      .poll(async () => Math.max(...(await shards(first, second, third))), { timeout: 60_000 })
      .toBe(22);
    await first.ask({ do: 'stop' }, 'stopped');
    await expect.poll(() => shards(second, third), { timeout: 60_000 }).toEqual([32, 32]);
    await allComplete(database.url, 1500);
    await expectOnce(database.url, runs);
    expect([...runsOf(runs).values()].every((count) => count === 3)).toBe(true);
    await expectSoundRows(database.url);
  });

  it('keep their leases and their steps while a handler outlasts the hand-over of its shard', async () => {
    await using database = await createTestDatabase();
    const runs = runsFile();
    const settings = { url: database.url, runs, leaseSeconds: 10 };
    const first = await startEngine(settings);
    await first.ask({ do: 'create', template: 'gate', count: 64 }, 'created');
    for (let at = 0; at < 64; at++) await first.next('started');
    const { engineId } = await first.facts();
    const second = await startEngine(settings);
    // its part is 32, each of which still has a handler that runs
    await expect.poll(() => shards(first, second), { timeout: 60_000 }).toEqual([32, 0]);
    const beats = `SELECT heartbeat_at::text AS at FROM tasker_core_engines WHERE engine_id = $1`;
    const [before] = await rowsOf(database.url, beats, engineId);
    await expect
      .poll(() => rowsOf(database.url, beats, engineId), { timeout: 60_000 })
      .not.toEqual([before]);
    first.send({ do: 'open' });
    await expect.poll(() => shards(first, second), { timeout: 60_000 }).toEqual([32, 32]);
    await allComplete(database.url, 64);
    expect(await expectOnce(database.url, runs)).toBe(0);
    expect([...runsOf(runs).values()].every((count) => count === 1)).toBe(true);
    expect(first.problems('lease_lost')).toEqual([]);
    await expectSoundRows(database.url);
  });
});
