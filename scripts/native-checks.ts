import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { addonIsStale, cargoIsHere, causeOf, lastFailure } from './build-native.mjs';
import type { Check, Counts } from './check.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const WORKSPACE = ['--manifest-path', 'native/Cargo.toml', '--locked'];
const packages = (...names: string[]): string[] => names.flatMap((name) => ['--package', name]);
const CRATES = [...WORKSPACE, ...packages('tasker-resolver', 'tasker-columns', 'tasker-c')];
const SANITIZED = 'x86_64-unknown-linux-gnu';

/**
 * The checks of the code in Rust, C and Ruby. A tool that is not here skips its check, with the
 * reason; not so cargo where the addon is required, and the others where it is in continuous
 * integration.
 */
export function nativeChecks(environment: Environment): readonly Check[] {
  const cargo = cargoCheck(environment);
  const lint = ['clippy', ...WORKSPACE, '--all-targets', '--', '--deny=warnings'];
  return [
    cargo('rustfmt', ['fmt', '--all', '--manifest-path', 'native/Cargo.toml', '--check']),
    cargo('clippy', lint),
    {
      ...cargo('cargo', ['test', ...CRATES, ...packages('tasker-c-header')]),
      count: countCargoTests,
    },
    { ...cargo('c', [], whyNoCompiler), command: ['node', 'scripts/c-library.ts'] },
    {
      ...cargo('ruby', [], whyNoRuby),
      command: ['node', 'scripts/ruby-gem.ts', 'test'],
      count: countMinitests,
    },
  ];
}

/** Those that take minutes, by the names of `npm run test:long`. */
export function longNativeChecks(environment: Environment): readonly Check[] {
  const cargo = cargoCheck(environment);
  const fuzz = ['test', ...CRATES, '--release', '--test', 'fuzz', '--', '--nocapture'];
  const sanitized = ['test', ...CRATES, '--tests', '--target', SANITIZED, '--target-dir'];
  const memcheck = ['test', ...CRATES, '--tests', '--config', runner('--error-exitcode=99')];
  return [
    { ...cargo('fuzz', fuzz), environment: seconds(120) },
    {
      ...cargo('fuzz', [], whyNoRuby),
      command: ['node', 'scripts/ruby-gem.ts', 'fuzz'],
      environment: seconds(120),
    },
    {
      ...cargo('valgrind', [...sanitized, 'native/target/asan'], whyNoSanitizer),
      // a sanitizer is an unstable option; this lets the stable compiler take it
      environment: {
        ...seconds(60),
        RUSTC_BOOTSTRAP: '1',
        RUSTFLAGS: '-Zsanitizer=address',
      },
    },
    { ...cargo('valgrind', memcheck, whyNoValgrind), environment: seconds(60) },
    {
      ...cargo('valgrind', [], whyNoValgrind),
      command: ['node', 'scripts/reached-functions.ts'],
    },
    {
      ...cargo('valgrind', [], () => whyNoCompiler() ?? whyNoValgrind()),
      command: ['node', 'scripts/c-library.ts', 'valgrind'],
    },
    {
      // everything is compiled anew
      ...cargo('gem', [], whyNoRuby),
      command: ['node', 'scripts/ruby-gem.ts', 'gem'],
    },
  ];
}

const seconds = (count: number): Record<string, string> => ({ TASKER_FUZZ_SECONDS: String(count) });

/** Makes checks that run with cargo, and where `also` finds no reason not to. */
function cargoCheck({ CI, TASKER_NATIVE }: Environment) {
  return (name: string, args: readonly string[], also?: () => string | undefined): Check => {
    const unavailable = (): string | undefined => {
      if (TASKER_NATIVE === 'off') return 'TASKER_NATIVE=off';
      const required = TASKER_NATIVE === 'required';
      return (
        (required ? undefined : whyNoCargo()) ?? (required && CI === 'true' ? undefined : also?.())
      );
    };
    return { name, command: ['cargo', ...args], unavailable };
  };
}

/** Sources that do not compile are no reason: these checks are there to say so. */
function whyNoCargo(): string | undefined {
  if (!cargoIsHere()) return 'cargo is not here';
  const failure = addonIsStale() ? lastFailure() : undefined;
  return failure?.kind === 'cargo' ? `cargo failed: ${causeOf(failure)}` : undefined;
}

function whyNoCompiler(): string | undefined {
  const compiler = process.env['CC'] ?? 'cc';
  const { status } = spawnSync(compiler, ['--version'], { stdio: 'ignore' });
  return status === 0 ? undefined : `no C compiler: ${compiler} is not here`;
}

/** Ruby, its headers, the library that reads them for Rust, and what the tests connect with. */
function whyNoRuby(): string | undefined {
  const needed = `require 'rbconfig'; require 'minitest'; require 'pg'; require 'active_record'
    clang = ENV['LIBCLANG_PATH'] || Dir.glob('/{usr/lib,usr/lib64,usr/local/lib,opt}/**/libclang*.{so,so.*,dylib}').first
    exit(clang && File.exist?(File.join(RbConfig::CONFIG['rubyhdrdir'], 'ruby.h')))`;
  const { status } = spawnSync('ruby', ['-e', needed], { stdio: 'ignore' });
  return status === 0
    ? undefined
    : 'no Ruby with its headers, minitest, pg and ActiveRecord, or no libclang';
}

function whyNoValgrind(): string | undefined {
  const { status } = spawnSync('valgrind', ['--version'], { stdio: 'ignore' });
  return status === 0 ? undefined : 'valgrind is not here';
}

function whyNoSanitizer(): string | undefined {
  const { stdout } = spawnSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' });
  const libraries = join((stdout ?? '').trim(), 'lib', 'rustlib', SANITIZED, 'lib');
  return existsSync(join(libraries, 'librustc-stable_rt.asan.a'))
    ? undefined
    : `no AddressSanitizer for ${SANITIZED} in this toolchain`;
}

/** Cargo's setting that runs each test program under valgrind, on whatever target. */
export function runner(...options: readonly string[]): string {
  return `target."cfg(all())".runner=${JSON.stringify(['valgrind', '--quiet', ...options])}`;
}

/** Reads the last line of minitest; a test that failed is one, however it failed. */
export function countMinitests(output: string): Counts {
  const line = /^(\d+) runs, \d+ assertions, (\d+) failures, (\d+) errors, (\d+) skips$/m;
  const [, runs, failures, errors, skips] = (line.exec(output) ?? []).map(Number);
  if (runs === undefined) throw new Error('minitest printed no result');
  const failed = failures! + errors!;
  return { passed: runs - failed - skips!, failed, skipped: skips! };
}

/** Sums up the result lines of `cargo test`, one for each test program. */
export function countCargoTests(output: string): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const line of output.matchAll(
    /^test result: .* (\d+) passed; (\d+) failed; (\d+) ignored;/gm,
  )) {
    counts.passed += Number(line[1]);
    counts.failed += Number(line[2]);
    counts.skipped += Number(line[3]);
  }
  return counts;
}
