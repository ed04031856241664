import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import {
  type EmbeddedServer,
  type EmbeddedServerOptions,
  startEmbeddedServer,
} from '../../src/database/embedded/embedded-server.ts';

const FAST = { fsync: 'off', shared_buffers: '16MB' };

async function answer(url: string): Promise<unknown> {
  const client = await connect(url);
  try {
    return (await client.query<{ n: number }>('SELECT 6 * 7 AS n')).rows[0]?.n;
  } finally {
    await client.end();
  }
}

describe('startEmbeddedServer', () => {
  it('creates, copies and drops databases and stops twice', async () => {
    const phases: string[] = [];
    const server = await startEmbeddedServer({
      settings: FAST,
      onProgress: (message) => phases.push(message),
    });
    const url = await server.createDatabase('one "odd" name');
    expect(url).toBe(server.databaseUrl('one "odd" name'));
    const client = await connect(url);
    await client.query('CREATE TABLE kept AS SELECT 1 AS n');
    await client.end();
    const copy = await connect(await server.createDatabase('copy', { template: 'one "odd" name' }));
    expect((await copy.query('SELECT n FROM kept')).rows).toEqual([{ n: 1 }]);
    copy.on('error', () => undefined);
    await server.dropDatabase('copy');
    await server.dropDatabase('never there');
    await expect(connect(server.databaseUrl('copy'))).rejects.toMatchObject({
      code: 'TASKER_DATABASE_UNREACHABLE',
    });
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    await expect(connect(server.url)).rejects.toMatchObject({
      code: 'TASKER_DATABASE_UNREACHABLE',
    });
    expect(phases).toHaveLength(2);
  });

  // one cluster for all of these: making one takes longer than anything else here
  it('keeps a named directory for the next start, and says what the server refuses', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tasker-core-test-'));
    const start = (options: EmbeddedServerOptions = {}): Promise<EmbeddedServer> =>
      startEmbeddedServer({ directory, ...options, settings: { ...FAST, ...options.settings } });
    try {
      {
        await using first = await start();
        await first.createDatabase('kept');
      }
      const taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const { port } = taken.address() as AddressInfo;
      await expect(start({ port })).rejects.toMatchObject({
        code: 'TASKER_EMBEDDED_UNAVAILABLE',
        message: expect.stringMatching(/could not .*DATABASE_URL/s),
      });
      taken.close();
      await expect(start({ settings: { no_such_setting: '1' } })).rejects.toMatchObject({
        message: expect.stringContaining('no_such_setting'),
      });
      await using second = await start();
      expect(await answer(second.databaseUrl('kept'))).toBe(42);
      await expect(start()).rejects.toMatchObject({ code: 'TASKER_EMBEDDED_UNAVAILABLE' });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  describe.concurrent.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const)(
    'when %s ends the process',
    (signal) => {
      /** Starts a server in a process whose temporary directory is `place`; its lines are phases, then the URL. */
      function startElsewhere(place: string): ChildProcessByStdio<null, Readable, null> {
        const module = new URL('../../src/database/embedded/embedded-server.ts', import.meta.url)
          .href;
        const script = `
        const { startEmbeddedServer } = await import(${JSON.stringify(module)});
        const onProgress = (phase) => console.log(phase);
        const server = await startEmbeddedServer({ settings: ${JSON.stringify(FAST)}, onProgress });
        console.log(server.url);`;
        return spawn(process.execPath, ['--input-type=module', '-e', script], {
          stdio: ['ignore', 'pipe', 'inherit'],
          env: { ...process.env, TMPDIR: place, XDG_CACHE_HOME: tmpdir() },
        });
      }

      async function lineOf(child: { stdout: Readable }, pattern: RegExp): Promise<string> {
        for await (const line of createInterface({ input: child.stdout })) {
          if (pattern.test(line)) return line;
        }
        throw new Error('the process ended before it said so');
      }

      async function emptyPlace(): Promise<AsyncDisposable & { path: string }> {
        const path = await mkdtemp(join(tmpdir(), 'tasker-core-place-'));
        await chmod(path, 0o777); // as root the server runs as another account
        return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
      }

      async function endBy(child: ChildProcess): Promise<void> {
        child.kill(signal);
        const [, by] = (await once(child, 'exit')) as [number | null, string | null];
        expect(by).toBe(signal);
      }

      // only a test's own `expect` can poll beside others
      it('leaves no server and no directory behind', async ({ expect: here }) => {
        await using directory = await emptyPlace();
        const child = startElsewhere(directory.path);
        const url = await lineOf(child, /^postgresql:/);
        expect(await readdir(directory.path)).toHaveLength(1);
        const watched = await connect(url);
        const gone = new Promise<void>((resolve) => void watched.once('end', resolve));
        await endBy(child);
        await gone;
        await here
          .poll(() =>
            connect(url).then(
              () => 'up',
              (error: { code: string }) => error.code,
            ),
          )
          .toBe('TASKER_DATABASE_UNREACHABLE');
        await here.poll(() => readdir(directory.path), { timeout: 20_000 }).toEqual([]);
      });

      it('leaves no half-made cluster behind', async ({ expect: here }) => {
        await using directory = await emptyPlace();
        const child = startElsewhere(directory.path);
        await lineOf(child, /creating/);
        expect(await readdir(directory.path)).toHaveLength(1);
        await endBy(child);
        await here.poll(() => readdir(directory.path), { timeout: 20_000 }).toEqual([]);
      });
    },
  );
});
