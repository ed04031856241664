/**
 * Makes a checkout ready to run: every package of package-lock.json, the Node that they bring, and
 * the native addon where cargo can build it.
 *
 * Runs before each npm script on whatever Node starts npm (20 or newer) and without any package.
 * Says nothing when there is nothing to do; all it says goes to stderr, stdout belongs to the
 * command that follows. Exit code 1 with one sentence when something is missing.
 *
 * A lock that is out of step with package.json is an error in continuous integration (CI=true);
 * elsewhere npm resolves anew, and what that changed is said.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { takeLock } from './install-lock.mjs';
import { startProgress } from './progress.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MINIMUM_NODE = [22, 18];
const REMEDY = 'run `npm install` and `npm run lock:complete`, and commit package-lock.json';
const DEPENDENCY_FIELDS = [
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
];

function readJson(...parts) {
  return JSON.parse(readFileSync(join(ROOT, ...parts), 'utf8'));
}

/** True when package-lock.json was made from the dependencies that package.json names today. */
function lockMatchesManifest(manifest, lock) {
  const locked = lock.packages[''];
  return DEPENDENCY_FIELDS.every((field) =>
    sameEntries(manifest[field] ?? {}, locked[field] ?? {}),
  );
}

function sameEntries(left, right) {
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length && names.every((name) => left[name] === right[name])
  );
}

/**
 * True when node_modules holds what the lock asks for. npm writes `node_modules/.package-lock.json`
 * last, so it stands only for finished installs. Optional packages may be absent (other platforms).
 */
function installMatchesLock(lock) {
  if (!existsSync(join(ROOT, 'node_modules', '.package-lock.json'))) return false;
  const installed = readJson('node_modules', '.package-lock.json').packages;
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined)
      return wanted.optional === true || wanted.devOptional === true || wanted.peer === true;
    if (found.version !== wanted.version) return false;
    // packages of other platforms may be listed without a check sum, see lock-platforms.ts
    return wanted.integrity === undefined || found.integrity === wanted.integrity;
  });
}

/** Version of the Node in node_modules as `[major, minor]`, or undefined when it does not run. */
function packagedNode() {
  const binary = join(
    ROOT,
    'node_modules',
    'node',
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  );
  const answer = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  const match = /^v(\d+)\.(\d+)\./.exec(answer.stdout ?? '');
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

function isNewEnough(version) {
  const [major, minor] = version;
  return major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1]);
}

/** How to proceed: undefined when all is there, else the npm command that brings it. */
function missing() {
  const manifest = readJson('package.json');
  if (!existsSync(join(ROOT, 'package-lock.json'))) return 'install';
  const lock = readJson('package-lock.json');
  if (!lockMatchesManifest(manifest, lock)) return 'install';
  return installMatchesLock(lock) && packagedNode() !== undefined ? undefined : 'ci';
}

/** Runs npm without prompts; resolves to its exit code and all it printed. */
function npm(command) {
  const options = [
    command,
    // Neither NODE_ENV=production nor a user's omit setting may leave out what the scripts need.
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--no-progress',
    '--loglevel=error',
  ];
  const script = process.env.npm_execpath;
  const inNpm = script !== undefined && /npm-cli\.c?js$/.test(script);
  // The Node that runs npm, never the one in node_modules that this very call may replace.
  const program = inNpm ? (process.env.npm_node_execpath ?? process.execPath) : 'npm';
  const child = spawn(program, inNpm ? [script, ...options] : options, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: !inNpm && process.platform === 'win32',
  });
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

/** What package-lock.json holds; undefined where there is none. */
function lockText() {
  const path = join(ROOT, 'package-lock.json');
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

async function install(command) {
  const progress = startProgress(
    'Installing packages and Node (once for each checkout and lock file)',
  );
  const before = lockText();
  let result = { code: 1, output: '' };
  let outOfStep = command === 'install';
  if (!outOfStep) {
    result = await npm('ci');
    outOfStep = result.code !== 0 && result.output.includes('EUSAGE');
  }
  if (outOfStep) {
    if (process.env.CI === 'true') {
      progress.stop();
      process.stderr.write(result.output);
      fail(
        before === undefined
          ? `There is no package-lock.json: ${REMEDY}.`
          : `package-lock.json is out of step with package.json: ${REMEDY}.`,
      );
    }
    result = await npm('install');
  }
  const seconds = progress.stop();
  if (result.code !== 0) {
    process.stderr.write(result.output);
    fail(
      'npm could not install the packages of package-lock.json (its own words are above): ' +
        'check the network and the registry that `npm config get registry` names, then run the same command again.',
    );
  }
  process.stderr.write(`Packages installed in ${seconds.toFixed(1)} s\n`);
  if (lockText() !== before) {
    process.stderr.write(
      'package-lock.json was out of step with package.json and npm changed it: ' +
        'run `npm run lock:complete` and commit it, or put it back.\n',
    );
  }
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

async function main() {
  if (missing() !== undefined) {
    const waiting = startProgress('Waiting for another run that installs packages');
    const release = await takeLock(join(ROOT, '.tasker', 'install.lock'));
    waiting.stop();
    process.on('exit', release);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
    const command = missing(); // another run may have done it while this one waited
    if (command !== undefined) await install(command);
    release();
  }
  const version = packagedNode();
  if (version === undefined) {
    fail(
      `node_modules/node holds no Node that runs on ${process.platform}-${process.arch}: ` +
        'allow install scripts (`npm config get ignore-scripts` must say false) and run `npm ci`.',
    );
  } else if (!isNewEnough(version)) {
    fail(
      `node_modules/node is Node ${version.join('.')}, but ${MINIMUM_NODE.join('.')} or newer is needed ` +
        'to run TypeScript unbuilt: run `npm ci`.',
    );
  }
  // a package has no sources of the addon, and an npm script needs none of it
  if (existsSync(join(ROOT, 'native', 'Cargo.toml'))) {
    const { provideAddon } = await import('./build-native.mjs');
    if (!(await provideAddon())) process.exit(1);
  }
}

await main();
