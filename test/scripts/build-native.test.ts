import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { platformName } from '../../scripts/build-native.mjs';
import { countCargoTests, countMinitests } from '../../scripts/native-checks.ts';
import { platformNames } from '../../src/resolver/native-places.ts';

const scripts = fileURLToPath(new URL('../../scripts/', import.meta.url));
const addon = `native/node/tasker-resolver.${platformName()}.node`;
const builds = `mkdir -p native/target/release
  for name in libtasker_resolver_node.so libtasker_resolver_node.dylib tasker_resolver_node.dll
  do echo built > native/target/release/$name; done`;
const unreachable = `echo '  Updating index'; echo 'error: failed to get napi' >&2; exit 101`;

let checkout = '';

beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'tasker-build-native-'));
  for (const folder of ['scripts', 'bin', 'native/resolver/src', 'native/node/src']) {
    await mkdir(join(checkout, folder), { recursive: true });
  }
  for (const file of ['build-native.mjs', 'progress.mjs']) {
    await cp(join(scripts, file), join(checkout, 'scripts', file));
  }
  for (const file of ['Cargo.toml', 'Cargo.lock', 'resolver/src/lib.rs', 'node/src/lib.rs']) {
    await writeFile(join(checkout, 'native', file), '');
  }
});

afterEach(() => rm(checkout, { recursive: true, force: true }));

interface Ended {
  readonly provided: string;
  readonly stderr: string;
  readonly calls: string;
}

/** What bootstrap does, with a cargo that notes each call but `--version` and then runs `program`. */
async function provide(program: string | undefined, mode = ''): Promise<Ended> {
  const calls = join(checkout, 'calls');
  await writeFile(calls, '');
  if (program !== undefined) {
    const cargo = join(checkout, 'bin', 'cargo');
    await writeFile(
      cargo,
      `#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "$1" >> calls\n${program}\n`,
    );
    await chmod(cargo, 0o755);
  }
  const script = `import { provideAddon } from './scripts/build-native.mjs';
    console.log(await provideAddon());`;
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script],
    {
      cwd: checkout,
      env: {
        PATH:
          program === undefined ? join(checkout, 'bin') : `${join(checkout, 'bin')}:/usr/bin:/bin`,
        TASKER_NATIVE: mode,
      },
    },
  );
  return { provided: stdout.trim(), stderr, calls: (await readFile(calls, 'utf8')).trim() };
}

test('the binary has a name that the loader looks for', () => {
  expect(platformNames(process)).toContain(platformName());
});

test('builds where nothing is built, then only when a source is newer', async () => {
  expect(await provide(builds)).toEqual({ provided: 'true', stderr: '', calls: 'build' });
  expect(await readFile(join(checkout, addon), 'utf8')).toBe('built\n');
  expect(await provide(builds)).toEqual({ provided: 'true', stderr: '', calls: '' });
  const later = new Date(Date.now() + 60_000);
  await utimes(join(checkout, 'native/resolver/src/lib.rs'), later, later);
  expect(await provide(builds)).toMatchObject({ calls: 'build' });
});

test('goes on without cargo and says nothing, unless the addon is required', async () => {
  expect(await provide(undefined)).toEqual({ provided: 'true', stderr: '', calls: '' });
  const { provided, stderr } = await provide(undefined, 'required');
  expect(provided).toBe('false');
  expect(stderr).toMatch(/cargo is not here .* install Rust\.\n$/);
});

test('goes on in one line where cargo fails, and does not try again at once', async () => {
  const first = await provide(unreachable);
  expect(first).toMatchObject({ provided: 'true', calls: 'build' });
  expect(first.stderr).toMatch(
    /^Going on without the native addon, .*\(error: failed to get napi\): .*\n$/,
  );
  expect(await provide(unreachable)).toEqual({ ...first, calls: '' });
  expect(await provide(unreachable, 'required')).toMatchObject({
    provided: 'false',
    calls: 'build',
  });
  expect(await provide(builds, 'required')).toMatchObject({ provided: 'true', stderr: '' });
});

test('does not look where it is switched off', async () => {
  expect(await provide(builds, 'off')).toEqual({ provided: 'true', stderr: '', calls: '' });
});

test('the result lines of cargo test are summed up', () => {
  const line = (result: string): string =>
    `test result: ${result}; 0 measured; 0 filtered out; finished in 0.01s\n`;
  const output = `running 5 tests\n${line('ok. 4 passed; 0 failed; 1 ignored')}
${line('FAILED. 2 passed; 3 failed; 0 ignored')}`;
  expect(countCargoTests(output)).toEqual({ passed: 6, failed: 3, skipped: 1 });
  expect(countCargoTests('error: could not compile')).toEqual({ passed: 0, failed: 0, skipped: 0 });
});

test('counts the tests of minitest, and takes none for a failure', () => {
  const line = '35 runs, 54468 assertions, 2 failures, 1 errors, 3 skips';
  expect(countMinitests(`....\n${line}\n`)).toEqual({ passed: 29, failed: 3, skipped: 3 });
  expect(() => countMinitests('error: could not compile')).toThrow('no result');
});
