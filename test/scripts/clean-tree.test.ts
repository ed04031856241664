import { execFile } from 'node:child_process';
import { appendFile, chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
const isCheckout = existsSync(join(root, '.git'));

describe.skipIf(!isCheckout || process.platform === 'win32')('the tree stays clean', () => {
  let base = '';
  let checkout = '';
  let env: NodeJS.ProcessEnv = {};

  /** A commit of what this checkout holds, with its packages, and a cargo that makes an empty addon. */
  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'tasker-clean-'));
    checkout = join(base, 'checkout');
    const listing = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
    const { stdout } = await run('git', listing, { cwd: root, maxBuffer: 1 << 24 });
    for (const file of stdout.split('\0')) {
      if (file === '' || file === 'node_modules' || !existsSync(join(root, file))) continue;
      await mkdir(dirname(join(checkout, file)), { recursive: true });
      await cp(join(root, file), join(checkout, file));
    }
    await git('init', '--quiet');
    await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'));
    // .gitignore names the folder, which is a link here
    await appendFile(join(checkout, '.git', 'info', 'exclude'), 'node_modules\n');
    await git('add', '--all');
    const who = ['-c', 'user.name=test', '-c', 'user.email=test@localhost'];
    await git(...who, 'commit', '--quiet', '--no-gpg-sign', '--message', 'All');

    const cargo = join(base, 'bin', 'cargo');
    await mkdir(dirname(cargo));
    const library = `libtasker_resolver_node.${process.platform === 'darwin' ? 'dylib' : 'so'}`;
    await writeFile(
      cargo,
      `#!/bin/sh
[ "$1" = build ] || exit 0
mkdir -p native/target/release && echo > native/target/release/${library}`,
    );
    await chmod(cargo, 0o755);
    const { TASKER_NATIVE: _, TASKER_NATIVE_PATH: __, CI: ___, ...inherited } = process.env;
    env = { ...inherited, PATH: `${dirname(cargo)}:${process.env['PATH']}` };
  });
  afterAll(() => rm(base, { recursive: true, force: true }));

  async function git(...args: string[]): Promise<string> {
    return (await run('git', args, { cwd: checkout })).stdout;
  }

  test('after npm start', async () => {
    const start = ['start', '--silent', '--', '--help'];
    expect((await run('npm', start, { cwd: checkout, env })).stderr).toBe('');
    expect(await git('status', '--porcelain')).toBe('');
    // the bootstrap has done its work
    expect(await git('status', '--porcelain', '--ignored')).toMatch(/native\/node\/.*\.node$/m);
  });

  test('after what npm test builds', async () => {
    const { stdout } = await run('npm', ['test', '--silent', '--', 'build'], {
      cwd: checkout,
      env,
    });
    expect(stdout).toMatch(/^ok +build /m);
    expect(existsSync(join(checkout, 'dist'))).toBe(true);
    expect(await git('status', '--porcelain')).toBe('');
  });

  test.each([
    'dist.1234/src/index.js',
    'coverage/index.html',
    'native/target/asan/debug',
    'native/ruby/vendor/resolver/lib.rs',
    '.tasker/native-build.json',
    '.tasker/install.lock',
  ])('with %s', async (file) => {
    expect((await git('check-ignore', file)).trim()).toBe(file);
  });
});
