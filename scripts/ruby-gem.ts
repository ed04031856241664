/**
 * The checks of the Ruby binding. `test` builds the extension in the checkout and runs the tests in Ruby
 * on an embedded PostgreSQL of their own, `fuzz` calls every entry point with random values for
 * TASKER_FUZZ_SECONDS, `gem` builds the gem, installs it into an empty folder and uses it from there.
 * Exit code 1 for any failure.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedServer } from '../src/database/embedded/embedded-server.ts';
import { migrate } from '../src/database/schema/migrate.ts';
import { seedDatabase } from '../src/samples/seed/seed-database.ts';
import { parseMix } from '../src/samples/workflows/sample-workflows.ts';

const FOLDER = fileURLToPath(new URL('../native/ruby/', import.meta.url));
const PATHS = ['-w', `-I${join(FOLDER, 'lib')}`, `-I${join(FOLDER, 'test')}`];

function succeeds(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): boolean {
  const { status } = spawnSync(program, args, {
    cwd: FOLDER,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  return status === 0;
}

const vendor = (): boolean => succeeds('ruby', ['vendor.rb']);
const build = (): boolean => succeeds('ruby', ['build.rb']);

async function test(): Promise<boolean> {
  const strict = ['--', '--deny=warnings'];
  const crate = ['--manifest-path', 'Cargo.toml', '--locked', '--package', 'tasker_core'];
  const isClean =
    vendor() &&
    succeeds('cargo', ['fmt', '--package', 'tasker_core', '--check']) &&
    succeeds('cargo', ['clippy', ...crate, '--target-dir', 'target/clippy', ...strict]);
  if (!isClean || !build()) return false;
  await using server = await startEmbeddedServer({ settings: { fsync: 'off' } });
  const url = await server.createDatabase('tasker_ruby');
  await migrate({ url, railsFunctions: true });
  await seedDatabase({ url, tasks: 60, mix: parseMix() });
  const files = readdirSync(join(FOLDER, 'test')).filter((name) => name.endsWith('_test.rb'));
  const loads = files.map((name) => `-r${name.replace(/\.rb$/, '')}`);
  return succeeds('ruby', [...PATHS, ...loads, '-e', ''], { TASKER_RUBY_TEST_URL: url });
}

const fuzz = async (): Promise<boolean> => build() && succeeds('ruby', [...PATHS, 'test/fuzz.rb']);

/** As docs/ruby.md has it, with folders of its own in place of the user's. */
async function gem(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'tasker-core-gem-'));
  try {
    const file = join(folder, 'tasker_core.gem');
    const home = { GEM_HOME: folder, GEM_PATH: folder };
    return (
      vendor() &&
      succeeds('gem', ['build', 'tasker_core.gemspec', '--output', file]) &&
      succeeds('gem', ['install', '--local', '--no-document', file], home) &&
      succeeds('ruby', ['-w', join(FOLDER, 'test', 'corpus_test.rb')], home)
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const CHECKS = new Map([
  ['test', test],
  ['fuzz', fuzz],
  ['gem', gem],
]);
const check = CHECKS.get(process.argv[2] ?? '');
if (check === undefined) {
  process.stderr.write(`usage: node scripts/ruby-gem.ts ${[...CHECKS.keys()].join('|')}\n`);
  process.exitCode = 64;
} else {
  process.exitCode = (await check()) ? 0 : 1;
}
