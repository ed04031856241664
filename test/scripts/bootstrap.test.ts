import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const scripts = fileURLToPath(new URL('../../scripts/', import.meta.url));
const manifest = { name: 'checkout', version: '1.0.0', devDependencies: { node: '24.0.0' } };
const wanted = { version: '24.0.0', integrity: 'sha512-x' };
const lock = {
  lockfileVersion: 3,
  packages: { '': manifest, 'node_modules/node': wanted, 'node_modules/other': { optional: true } },
};

let checkout = '';

beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'tasker-bootstrap-'));
  await mkdir(join(checkout, 'scripts'));
  for (const file of ['bootstrap.mjs', 'install-lock.mjs', 'progress.mjs']) {
    await cp(join(scripts, file), join(checkout, 'scripts', file));
  }
  await write('package.json', manifest);
  await write('package-lock.json', lock);
});

afterEach(() => rm(checkout, { recursive: true, force: true }));

async function write(name: string, content: unknown): Promise<void> {
  await writeFile(join(checkout, name), JSON.stringify(content));
}

/** Puts packages in place: what npm records of them, and a Node that answers with `version`. */
async function installed(version: string): Promise<void> {
  const bin = join(checkout, 'node_modules', 'node', 'bin');
  await mkdir(bin, { recursive: true });
  await write('node_modules/.package-lock.json', { packages: { 'node_modules/node': wanted } });
  await writeFile(join(bin, 'node'), `#!/bin/sh\necho ${version}\n`);
  await chmod(join(bin, 'node'), 0o755);
}

/** Runs the bootstrap with an npm that only notes how it was called and then runs `npm` (a program text). */
async function bootstrap(
  npm = '',
  environment: object = { CI: '' },
): Promise<{ code: number; stderr: string; calls: string }> {
  const calls = join(checkout, 'calls');
  await writeFile(calls, '');
  const program = join(checkout, 'npm-cli.cjs');
  const note = `require('node:fs').appendFileSync(${JSON.stringify(calls)}, process.argv[2] + ' ');`;
  await writeFile(program, `${note}\n${npm}`);
  const ended = await promisify(execFile)(
    process.execPath,
    [join(checkout, 'scripts', 'bootstrap.mjs')],
    {
      env: {
        ...process.env,
        ...environment,
        npm_execpath: program,
        npm_node_execpath: process.execPath,
      },
    },
  ).then(
    ({ stderr }) => ({ code: 0, stderr }),
    (error: { code: number; stderr: string }) => ({ code: error.code, stderr: error.stderr }),
  );
  return { ...ended, calls: (await readFile(calls, 'utf8')).trim() };
}

test('does and says nothing when all is in place', async () => {
  await installed('v24.0.0');
  expect(await bootstrap()).toEqual({ code: 0, stderr: '', calls: '' });
});

test('installs what the lock names, says so and ends with the sentence when no Node came', async () => {
  const { code, stderr, calls } = await bootstrap();
  expect({ code, calls }).toEqual({ code: 1, calls: 'ci' });
  expect(stderr).toContain('Packages installed in');
  expect(stderr).toMatch(/node_modules\/node holds no Node that runs on .*run `npm ci`\.\n$/);
});

test('installs anew when a package is of another version than the lock says', async () => {
  await installed('v24.0.0');
  await write('package-lock.json', {
    ...lock,
    packages: { ...lock.packages, 'node_modules/added': { version: '1.0.0' } },
  });
  expect(await bootstrap()).toMatchObject({ code: 0, calls: 'ci' });
});

test('asks for no check sum that the lock does not have', async () => {
  await installed('v24.0.0');
  const { version } = wanted;
  await write('package-lock.json', {
    ...lock,
    packages: { ...lock.packages, 'node_modules/node': { version } },
  });
  expect(await bootstrap()).toEqual({ code: 0, stderr: '', calls: '' });
});

describe('a lock that is out of step with package.json', () => {
  const changes = `require('node:fs').appendFileSync('package-lock.json', ' ');`;
  const refuses = `if (process.argv[2] === 'ci') { console.error('npm error code EUSAGE'); process.exit(1); }`;
  const outOfStep = { ...manifest, dependencies: { added: '1.0.0' } };
  const said =
    /^package-lock\.json was out of step .* npm changed it: run `npm run lock:complete` and commit it/m;
  const remedy =
    /^package-lock\.json is out of step with package\.json: run `npm install` and `npm run lock:complete`, and commit/m;

  test('is mended by npm, which is said', async () => {
    await installed('v24.0.0');
    await write('package.json', outOfStep);
    const { code, stderr, calls } = await bootstrap(changes);
    expect({ code, calls }).toEqual({ code: 0, calls: 'install' });
    expect(stderr).toMatch(said);
  });

  test('is mended where npm itself finds it so', async () => {
    const { stderr, calls } = await bootstrap(`${refuses} ${changes}`);
    expect(calls).toBe('ci install');
    expect(stderr).toMatch(said);
    expect(stderr).not.toContain('EUSAGE');
  });

  test('is not said to have changed where it did not', async () => {
    expect((await bootstrap(refuses)).stderr).not.toContain('package-lock.json');
  });

  test('is an error in continuous integration, and stays as it is', async () => {
    await installed('v24.0.0');
    await write('package.json', outOfStep);
    const before = await readFile(join(checkout, 'package-lock.json'), 'utf8');
    const { code, stderr, calls } = await bootstrap(changes, { CI: 'true' });
    expect({ code, calls }).toEqual({ code: 1, calls: '' });
    expect(stderr).toMatch(remedy);
    expect(await readFile(join(checkout, 'package-lock.json'), 'utf8')).toBe(before);
  });

  test('is an error in continuous integration where npm itself finds it so', async () => {
    const { code, stderr, calls } = await bootstrap(refuses, { CI: 'true' });
    expect({ code, calls }).toEqual({ code: 1, calls: 'ci' });
    expect(stderr).toMatch(/^npm error code EUSAGE$/m);
    expect(stderr).toMatch(remedy);
  });

  test('is an error in continuous integration where there is none', async () => {
    await rm(join(checkout, 'package-lock.json'));
    const { code, stderr } = await bootstrap('', { CI: 'true' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^There is no package-lock\.json: run `npm install` /m);
  });
});

test('passes on what npm says when it fails, and names the remedy', async () => {
  const { code, stderr, calls } = await bootstrap(
    `console.error('ENOTFOUND registry'); process.exit(7);`,
  );
  expect({ code, calls }).toEqual({ code: 1, calls: 'ci' });
  expect(stderr).toMatch(/^ENOTFOUND registry\n.*check the network and the registry/);
});

test('refuses a Node that cannot run TypeScript', async () => {
  await installed('v22.17.9');
  const { code, stderr } = await bootstrap();
  expect(code).toBe(1);
  expect(stderr).toContain('node_modules/node is Node 22.17, but 22.18 or newer is needed');
});
