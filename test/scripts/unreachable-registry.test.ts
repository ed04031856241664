import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { cargoIsHere } from '../../scripts/build-native.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const GOES_ON =
  /^Going on without the native addon, cargo could not build it \(error: .+\): `npm run build:native` shows .*\n$/m;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe.skipIf(!cargoIsHere())('a checkout whose cargo has no packages and no network', () => {
  let base = '';
  let checkout = '';

  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'tasker-offline-'));
    checkout = join(base, 'checkout');
    await mkdir(checkout);
    const isSource = (path: string): boolean => !/[\\/]target$|\.node$/.test(path);
    for (const name of ['package.json', 'package-lock.json', 'scripts', 'src', 'native']) {
      await cp(join(root, name), join(checkout, name), { recursive: true, filter: isSource });
    }
    await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'), 'junction');
  });
  afterAll(() => rm(base, { recursive: true, force: true }));

  async function npm(args: readonly string[], environment: object = {}): Promise<Ended> {
    const { TASKER_NATIVE: _, TASKER_NATIVE_PATH: __, ...inherited } = process.env;
    const offline = { CARGO_NET_OFFLINE: 'true', CARGO_HOME: join(base, 'cargo') };
    const env = { ...inherited, ...offline, ...environment };
    return promisify(execFile)('npm', [...args], { cwd: checkout, env }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: Ended) => error,
    );
  }

  test('npm start goes on without the addon and says so', async () => {
    const help = await npm(['start', '--silent', '--', '--help']);
    expect(help.stderr).toMatch(GOES_ON);
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('demo') });
  });

  test('npm test goes on, and skips what needs cargo with the reason', async () => {
    const { code, stdout, stderr } = await npm(['test', '--silent', '--', 'clippy', 'cargo']);
    expect(stderr).toMatch(GOES_ON);
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toEqual([
      expect.stringMatching(/^skip +clippy .*cargo failed: error: /),
      expect.stringMatching(/^skip +cargo .*cargo failed: error: /),
      '0 passed, 0 failed, 2 skipped',
    ]);
  });

  test('both end where the addon is required', async () => {
    const start = await npm(['start', '--silent', '--', '--help'], { TASKER_NATIVE: 'required' });
    expect(start).toMatchObject({ code: 1, stdout: '' });
    expect(start.stderr).toMatch(
      /^TASKER_NATIVE=required, but cargo could not build the addon \(error: /m,
    );
    const checks = await npm(['test', '--silent', '--', 'types'], { TASKER_NATIVE: 'required' });
    expect(checks).toMatchObject({ code: 1, stdout: '' });
  });
});
