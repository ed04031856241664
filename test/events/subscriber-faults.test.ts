import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { startEmbeddedServer } from '../../src/database/embedded/embedded-server.ts';
import { migrate } from '../../src/database/schema/migrate.ts';
import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';
import { begin, publish, serve, SLOW, startProcess } from './subscriber-support.ts';

// a shared machine may be slow; only what hangs is to fail
vi.setConfig({ testTimeout: 240_000 });

const TASKS = 5;

/** The machine itself does not go down: a server that comes back has no files to wait for. */
const SETTINGS = { fsync: 'off' };

/** Each event was delivered, and those of a task for the first time in their order. */
function expectWhole(delivered: readonly string[], ids: readonly string[]): void {
  const place = new Map(ids.map((id, at) => [id, at]));
  const places = [...new Set(delivered)].map((id) => place.get(id) as number);
  expect(places.toSorted((a, b) => a - b)).toEqual([...ids.keys()]);
  for (const own of Map.groupBy(places, (at) => at % TASKS).values()) {
    expect(own).toEqual(own.toSorted((a, b) => a - b));
  }
}

describe('durable subscribers lose nothing', () => {
  it('when their process is killed again and again', async () => {
    await using database = await createTestDatabase();
    const { url } = database;
    const ids = await publish(url, 300, 'x.done', TASKS);
    const delivered: string[] = [];
    for (let round = 1; round <= 3; round++) {
      // killed in the middle: it never returns from its 40th event
      const { child, lines } = startProcess(url, 'hang-40');
      await expect.poll(() => lines.length, SLOW).toBeGreaterThanOrEqual(40);
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      delivered.push(...lines);
      // committed while nobody is there to deliver it
      ids.push(...(await publish(url, TASKS, 'x.done', TASKS)));
    }
    const { lines } = startProcess(url);
    const all = (): string[] => [...delivered, ...lines];
    await expect.poll(() => new Set(all()).size, SLOW).toBe(ids.length);
    expectWhole(all(), ids);
  });

  it('when the server is restarted in immediate mode', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tasker-subscriber-'));
    let server = await startEmbeddedServer({ directory, settings: SETTINGS });
    onTestFinished(async () => {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    });
    const port = Number(new URL(server.url).port);
    const url = await server.createDatabase('run');
    await migrate({ url });
    const delivered: string[] = [];
    const problems: string[] = [];
    const subscriber = begin({ name: 'steady', batchSize: 20 }).on('x.*', async ({ eventId }) => {
      await new Promise((resolve) => setImmediate(resolve));
      delivered.push(eventId);
    });
    await using stack = new AsyncDisposableStack();
    stack.use(await serve(url, [subscriber], (event) => problems.push(event)));
    const ids: string[] = [];
    for (let round = 1; round <= 2; round++) {
      ids.push(...(await publish(url, 400, 'x.done', TASKS)));
      await expect
        .poll(() => new Set(delivered).size, { ...SLOW, interval: 2 })
        .toBeGreaterThan((round - 1) * 400);
      await endAtOnce(url);
      await server.stop();
      server = await startEmbeddedServer({ directory, port, settings: SETTINGS });
    }
    await expect.poll(() => new Set(delivered).size, SLOW).toBe(ids.length);
    expectWhole(delivered, ids);
    // it is told of what comes later too
    const last = await publish(url, 1);
    await expect.poll(() => delivered.includes(last[0] as string), SLOW).toBe(true);
    expect(problems).toContain('connection_lost');
  });
});

/** SIGQUIT ends a server in immediate mode. */
async function endAtOnce(url: string): Promise<void> {
  const pid = await withClient(url, async (client) => {
    const { rows } = await client.query<{ pid: number }>(
      `SELECT (regexp_split_to_array(pg_read_file('postmaster.pid'), E'\\n'))[1]::integer AS pid`,
    );
    return rows[0]?.pid ?? 0;
  });
  process.kill(pid, 'SIGQUIT');
}
