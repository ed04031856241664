/**
 * The check `c`: installs the C library into a folder of its own as `native/c/install.sh` documents it,
 * compiles the example and the tests in C against it and runs them: plain and under AddressSanitizer,
 * or with the argument `valgrind` under that. Exit code 1 for any failure. A tool that is not here is passed over with a line,
 * but in continuous integration.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = join(ROOT, 'native', 'c');
const VECTORS = ['random', 'golden', 'damaged'].map((name) =>
  join(ROOT, 'test', 'vectors', 'columns', `${name}.txt`),
);
const STRICT = ['-std=c11', '-O1', '-g', '-Wall', '-Wextra', '-Wpedantic', '-Werror'];
const MEMCHECK = [
  'valgrind',
  '--quiet',
  '--error-exitcode=99',
  '--leak-check=full',
  // what is possibly lost is Rust's record of the main thread, which lives as long as the process
  '--show-leak-kinds=definite,indirect',
  '--errors-for-leak-kinds=definite,indirect',
];

/** The programs in C, each with what it is called with. */
const PROGRAMS: readonly (readonly [source: string, ...args: string[]])[] = [
  ['example.c'],
  ['tests/c/refusals.c'],
  ['tests/c/vectors.c', ...VECTORS],
];

function succeeds(command: readonly string[], environment: Record<string, string> = {}): boolean {
  const [program = '', ...args] = command;
  const { status } = spawnSync(program, args, {
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  return status === 0;
}

const isHere = (tool: string): boolean =>
  spawnSync(tool, ['--version'], { stdio: 'ignore' }).status === 0;

/** Flags of the installed library: what pkg-config says, where it is not here what its file says. */
function flagsOf(prefix: string): string[] {
  const folder = join(prefix, 'lib', 'pkgconfig');
  if (isHere('pkg-config')) {
    const { stdout } = spawnSync('pkg-config', ['--cflags', '--libs', 'tasker'], {
      encoding: 'utf8',
      env: { ...process.env, PKG_CONFIG_PATH: folder },
    });
    return stdout.trim().split(/\s+/);
  }
  const text = readFileSync(join(folder, 'tasker.pc'), 'utf8');
  const field = (name: string): string[] =>
    (new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? '')
      .replace('${includedir}', join(prefix, 'include'))
      .replace('${libdir}', join(prefix, 'lib'))
      .split(' ');
  return [...field('Cflags'), ...field('Libs')];
}

/** Compiles and runs every program; names those that fail. */
function run(prefix: string): string[] {
  const compiler = process.env['CC'] ?? 'cc';
  const shared = [...flagsOf(prefix), `-Wl,-rpath,${join(prefix, 'lib')}`];
  const whole = join(prefix, 'lib', 'libtasker.a');
  const still = [whole, `-I${join(prefix, 'include')}`, '-lpthread', '-ldl', '-lm', '-lgcc_s'];
  const sanitizer = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  const failed: string[] = [];
  const attempt = (name: string, link: readonly string[], under: readonly string[]): void => {
    for (const [source, ...args] of PROGRAMS) {
      const program = join(prefix, 'program');
      const from = join(SOURCES, source);
      const compile = [compiler, ...STRICT, from, '-o', program, '-pthread', ...link];
      if (!succeeds(compile) || !succeeds([...under, program, ...args]))
        failed.push(`${source}, ${name}`);
    }
  };
  if (process.argv[2] === 'valgrind') {
    attempt('valgrind', still, MEMCHECK);
    return failed;
  }
  attempt('shared library', shared, []);
  attempt('static library', still, []);
  const passOver = (tool: string): boolean => {
    if (process.env['CI'] === 'true') return false;
    process.stdout.write(`${tool} is not here: passed over\n`);
    return true;
  };
  if (hasSanitizer(compiler, prefix) || !passOver('AddressSanitizer'))
    attempt('AddressSanitizer', [...still, ...sanitizer], []);
  return failed;
}

function hasSanitizer(compiler: string, folder: string): boolean {
  const args = ['-fsanitize=address,undefined', '-x', 'c', '-', '-o', join(folder, 'empty')];
  const input = 'int main(void) { return 0; }\n';
  return spawnSync(compiler, args, { input, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0;
}

const prefix = mkdtempSync(join(tmpdir(), 'tasker-c-'));
try {
  const failed = succeeds(['sh', join(SOURCES, 'install.sh'), prefix])
    ? run(prefix)
    : ['install.sh'];
  for (const name of failed) process.stdout.write(`failed: ${name}\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
} finally {
  rmSync(prefix, { recursive: true, force: true });
}
