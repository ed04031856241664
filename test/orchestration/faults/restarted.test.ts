import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it, onTestFinished, vi } from 'vitest';

import {
  startEmbeddedServer,
  type EmbeddedServer,
} from '../../../src/database/embedded/embedded-server.ts';
import { migrate } from '../../../src/database/schema/migrate.ts';
import { rowsOf, allComplete, runsFile, runsOf, startEngine } from './engine-processes.ts';
import { expectOnce, expectSoundRows } from './stored-rows.ts';

// a shared machine may be slow; only what hangs is to fail
vi.setConfig({ testTimeout: 900_000 });

/** Sends the server process a signal: SIGQUIT ends it in immediate mode. */
async function endAtOnce(url: string): Promise<void> {
  const [row] = await rowsOf<{ pid: number }>(
    url,
    `SELECT (regexp_split_to_array(pg_read_file('postmaster.pid'), E'\\n'))[1]::integer AS pid`,
  );
  process.kill(row?.pid ?? 0, 'SIGQUIT');
}

it('a server that is restarted in immediate mode in the middle of a run costs nothing', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tasker-restarted-'));
  let server: EmbeddedServer = await startEmbeddedServer({ directory });
  onTestFinished(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });
  const port = Number(new URL(server.url).port);
  const url = await server.createDatabase('run');
  await migrate({ url });
  const runs = runsFile();
  // no outage is to outlast it: engines that take over from each other make attempts anew
  const settings = { url, runs, leaseSeconds: 120 };
  const creator = await startEngine({ ...settings, start: false });
  await creator.ask({ do: 'create', template: 'flaky', count: 1500 }, 'created');
  await creator.kill();
  const engines = [await startEngine(settings), await startEngine(settings)];
  for (let round = 1; round <= 3; round++) {
    await expect
      .poll(() => runsOf(runs).size, { timeout: 240_000, interval: 2 })
      .toBeGreaterThan(round * 250);
    await endAtOnce(url);
    await server.stop();
    server = await startEmbeddedServer({ directory, port });
  }
  await allComplete(url, 1500, 300_000);
  // what was stored when the server went down is what each engine goes on with
  expect(await expectOnce(url, runs)).toBe(0);
  // Two attempts fail by their handlers, the third succeeds: no outage takes another. Shards may change
  // hands and tasks be read anew meanwhile; attempts go on even so (see task-intake.test.ts).
  expect([...runsOf(runs)].filter(([, count]) => count !== 3)).toEqual([]);
  await expectSoundRows(url);
  for (const engine of engines) expect(engine.problems('lease_lost')).toEqual([]);
  expect(engines.flatMap((engine) => engine.problems('connection_lost'))).not.toEqual([]);
});
