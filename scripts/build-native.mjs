/**
 * Builds the native addon from `native/` with cargo and puts it where `src/resolver/native.ts` looks
 * for a local build. `npm run build:native` calls it by hand, bootstrap.mjs before npm scripts.
 *
 * Plain JavaScript, because bootstrap.mjs runs before a Node that reads TypeScript is there.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProgress } from './progress.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const NATIVE = join(ROOT, 'native');
const FAILURE = join(ROOT, '.tasker', 'native-build.json');
const FAILURE_COUNTS_FOR_MS = 3_600_000;
const LIBRARY = { darwin: 'libtasker_resolver_node.dylib', win32: 'tasker_resolver_node.dll' };

/** `linux-x64-gnu`: the platform as the binary's name has it. */
export function platformName() {
  const name = `${process.platform}-${process.arch}`;
  if (process.platform === 'win32') return `${name}-msvc`;
  if (process.platform !== 'linux') return name;
  process.report.excludeNetwork = true; // it would ask for host names, which may take seconds
  const { glibcVersionRuntime } = process.report.getReport().header;
  return `${name}-${glibcVersionRuntime === undefined ? 'musl' : 'gnu'}`;
}

/** Where the built addon stands. */
export function addonPath() {
  return join(NATIVE, 'node', `tasker-resolver.${platformName()}.node`);
}

function newestSource() {
  const files = [join(NATIVE, 'Cargo.toml'), join(NATIVE, 'Cargo.lock')];
  for (const crate of ['resolver', 'node']) {
    files.push(join(NATIVE, crate, 'Cargo.toml'), join(NATIVE, crate, 'build.rs'));
    const source = join(NATIVE, crate, 'src');
    for (const name of readdirSync(source, { recursive: true })) files.push(join(source, name));
  }
  return Math.max(
    ...files.filter((file) => existsSync(file)).map((file) => statSync(file).mtimeMs),
  );
}

/** True when there are sources and no addon, or one that is older than they are. */
export function addonIsStale() {
  if (!existsSync(join(NATIVE, 'Cargo.toml'))) return false;
  const path = addonPath();
  return !existsSync(path) || statSync(path).mtimeMs < newestSource();
}

/**
 * The latest failure, while the sources are the same and it is younger than an hour: a registry
 * that does not answer is not asked again by each npm script.
 */
export function lastFailure() {
  // another run may remove it at any moment
  const failedAt = statSync(FAILURE, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (failedAt < newestSource() || failedAt < Date.now() - FAILURE_COUNTS_FOR_MS) return undefined;
  try {
    return JSON.parse(readFileSync(FAILURE, 'utf8'));
  } catch {
    return undefined;
  }
}

export function cargoIsHere() {
  return spawnSync('cargo', ['--version'], { stdio: 'ignore' }).status === 0;
}

function cargoBuild(crate) {
  const workspace = join(NATIVE, 'Cargo.toml');
  const target = join(NATIVE, 'target');
  const what = ['--release', '--locked', '--package', crate];
  const child = spawn(
    'cargo',
    ['build', ...what, '--manifest-path', workspace, '--target-dir', target],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { CARGO_NET_RETRY: '1', CARGO_HTTP_TIMEOUT: '20', ...process.env },
    },
  );
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  return new Promise((resolve) => {
    const finish = (code, extra) =>
      resolve({ code, output: Buffer.concat(output).toString() + extra });
    child.on('error', (error) => finish(1, String(error)));
    child.on('close', (code) => finish(code ?? 1, ''));
  });
}

/** Other processes may have the old file open or mapped: it is replaced by name, never rewritten. */
function putInPlace() {
  const path = addonPath();
  const staged = `${path}.${process.pid}`;
  const library = LIBRARY[process.platform] ?? 'libtasker_resolver_node.so';
  copyFileSync(join(NATIVE, 'target', 'release', library), staged);
  renameSync(staged, path);
}

/**
 * Builds the addon.
 *
 * @returns {Promise<{ kind: string, output: string } | undefined>} nothing when it is built, else
 * whether the sources do not compile (`sources`) or cargo could not do its work (`cargo`)
 */
export async function buildAddon() {
  const progress = startProgress(
    'Building the native addon (once for each version of its sources)',
  );
  const { code, output } = await cargoBuild('tasker-resolver-node');
  progress.stop();
  if (code === 0) {
    putInPlace();
    rmSync(FAILURE, { force: true });
    return undefined;
  }
  const kind = /could not compile/.test(output) ? 'sources' : 'cargo';
  const failure = { kind, output: output.trim() };
  mkdirSync(dirname(FAILURE), { recursive: true });
  // by name, so that another run never reads half of it
  writeFileSync(`${FAILURE}.${process.pid}`, JSON.stringify(failure));
  renameSync(`${FAILURE}.${process.pid}`, FAILURE);
  return failure;
}

/** The line of cargo's words that names the cause. */
export function causeOf({ output }) {
  const lines = output.split('\n').map((line) => line.trim());
  return lines.find((line) => line.startsWith('error')) ?? lines.at(-1) ?? '';
}

/**
 * What bootstrap.mjs does: builds where cargo is and the addon is stale; says in one line why there
 * is none. Without cargo it says nothing.
 *
 * @returns {Promise<boolean>} false where TASKER_NATIVE=required is not met
 */
export async function provideAddon() {
  const { TASKER_NATIVE: mode, TASKER_NATIVE_PATH: elsewhere } = process.env;
  if (mode === 'off' || (elsewhere ?? '') !== '' || !addonIsStale()) return true;
  const required = mode === 'required';
  if (!cargoIsHere()) {
    if (required && !existsSync(addonPath())) {
      process.stderr.write(
        'TASKER_NATIVE=required, but cargo is not here to build the addon: install Rust.\n',
      );
      return false;
    }
    return true;
  }
  const failure = (required ? undefined : lastFailure()) ?? (await buildAddon());
  if (failure === undefined) return true;
  const what = required ? 'TASKER_NATIVE=required, but' : 'Going on without the native addon,';
  const remedy =
    '`npm run build:native` shows all that cargo says' +
    (required ? '' : ', TASKER_NATIVE=off does not try');
  process.stderr.write(
    `${what} cargo could not build ${required ? 'the addon' : 'it'} (${causeOf(failure)}): ${remedy}.\n`,
  );
  return !required;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const failure = await buildAddon();
  if (failure === undefined) process.stderr.write(`Built ${addonPath()}\n`);
  // the same toolchain builds the C library, which native/c/install.sh installs
  const { code, output } = failure ?? (await cargoBuild('tasker-c'));
  if (failure === undefined && code === 0)
    process.stderr.write(`Built ${join(NATIVE, 'target', 'release', 'libtasker')}.*\n`);
  else {
    process.stderr.write(`${output}\n`);
    process.exitCode = 1;
  }
}
