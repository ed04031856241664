/**
 * `npm run pack:release [-- --out DIR] [-- --binaries DIR]`: packs tasker-core and a package for each
 * platform of which there is a binary: the local build, and those of other machines in `--binaries`.
 *
 * The packed tasker-core names these packages as optional dependencies; the checkout does not, so
 * that it can be installed before they are published. Nothing is published here. Prints the files in
 * the order in which they are to be published, on stdout. Exit code 64 for bad arguments, 1 where
 * something is missing.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { NapiCli } from '@napi-rs/cli';
import { addonIsStale, addonPath } from './build-native.mjs';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

interface Manifest {
  readonly files: readonly string[];
  readonly version: string;
  readonly napi: { readonly binaryName: string; readonly packageName: string };
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

/** A reason to end with exit code 1 that needs no stack. */
class Missing extends Error {}

function run(program: string, args: readonly string[], cwd: string): string {
  const ended = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (ended.status === 0) return ended.stdout;
  throw new Missing(`${program} ${args[0]} failed:\n${ended.stdout}${ended.stderr}`);
}

/** Packs a folder; gives the path of the result. */
function pack(folder: string, out: string): string {
  const args = ['pack', folder, '--pack-destination', out, '--json', '--ignore-scripts'];
  const answer = JSON.parse(run('npm', [...args, '--loglevel=error'], ROOT)) as unknown;
  // older versions of npm answer with a list, newer ones by package name
  const [packed] = Object.values(answer as object) as [{ filename: string }];
  return join(out, packed.filename.replace('@', '').replace('/', '-'));
}

/** Makes a package for each platform that has a binary; gives their names and files. */
async function packPlatforms(
  { napi, version }: Manifest,
  out: string,
  staging: string,
  folders: readonly string[],
): Promise<Map<string, string>> {
  const npmDir = join(staging, 'npm');
  // it writes beside the manifest that it reads, and that shall not be the checkout's
  copyFileSync(join(ROOT, 'package.json'), join(staging, 'package.json'));
  await new NapiCli().createNpmDirs({ cwd: staging, npmDir: 'npm' });
  const packed = new Map<string, string>();
  for (const platform of readdirSync(npmDir)) {
    const name = `${napi.packageName}-${platform}`;
    const file = `${napi.binaryName}.${platform}.node`;
    const binary = folders.map((folder) => join(folder, file)).find((path) => existsSync(path));
    if (binary === undefined) {
      process.stderr.write(`${name} ${version} is left out: there is no ${file}.\n`);
      continue;
    }
    const folder = join(npmDir, platform);
    copyFileSync(binary, join(folder, file));
    copyFileSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
    const text = `# ${name}\n\nThe native resolver of tasker-core for ${platform}, which tasker-core installs by itself.\n`;
    writeFileSync(join(folder, 'README.md'), text);
    packed.set(name, pack(folder, out));
  }
  return packed;
}

/** Builds and packs tasker-core beside the checkout, so that neither `dist` nor its manifest changes. */
function packMain(
  manifest: Manifest,
  out: string,
  staging: string,
  platforms: Iterable<string>,
): string {
  const folder = join(staging, 'tasker-core');
  const dist = join(folder, 'dist');
  mkdirSync(folder);
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  run(tsc, ['-p', 'tsconfig.build.json', '--outDir', dist], ROOT);
  for (const file of manifest.files) {
    if (file === 'dist') continue;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(ROOT, file), join(folder, file), { recursive: true });
  }
  const optionalDependencies: Record<string, string> = { ...manifest.optionalDependencies };
  for (const name of platforms) optionalDependencies[name] = manifest.version;
  // what remains of the manifest would only mean something in the checkout
  const unwanted = new Set(['scripts', 'devDependencies', 'allowScripts', 'napi']);
  const kept = Object.entries(manifest).filter(([field]) => !unwanted.has(field));
  const released = { ...Object.fromEntries(kept), optionalDependencies };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(released, null, 2)}\n`);
  return pack(folder, out);
}

function readArguments(): { out: string; folders: string[] } | undefined {
  try {
    const options = { out: { type: 'string' }, binaries: { type: 'string' } } as const;
    const { out = join(ROOT, '.tasker', 'release'), binaries } = parseArgs({ options }).values;
    const folders = binaries === undefined ? [] : [resolve(binaries)];
    const absent = folders.find((folder) => !existsSync(folder));
    if (absent !== undefined) throw new Error(`There is no folder ${absent}`);
    return { out: resolve(out), folders: [...folders, dirname(addonPath())] };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return undefined;
  }
}

async function main(): Promise<number> {
  const given = readArguments();
  if (given === undefined) return 64;
  const { out, folders } = given;
  // not in `out`, where folders of these names may be somebody's
  const staging = mkdtempSync(join(tmpdir(), 'tasker-release-'));
  try {
    if (addonIsStale()) {
      throw new Missing('The addon is older than its sources: run `npm run build:native` first.');
    }
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
    mkdirSync(out, { recursive: true });
    const platforms = await packPlatforms(manifest, out, staging, folders);
    const program = packMain(manifest, out, staging, platforms.keys());
    const files = [...platforms.values(), program];
    process.stdout.write(`${files.join('\n')}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    process.stderr.write(`${error.message.trimEnd()}\n`);
    return 1;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

process.exitCode = await main();
