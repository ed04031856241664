import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Check } from '../../scripts/check.ts';
import { checksFor } from '../../scripts/checks.ts';

type Environment = Record<string, string>;
const RUST = ['rustfmt', 'clippy', 'cargo', 'fuzz', 'asan', 'valgrind', 'reach', 'c'];

const named = (name: string, environment: Environment): Check =>
  checksFor(environment).find((check) => check.name === name)!;

/** Why each check of the code in Rust would be skipped. */
const reasons = (environment: Environment): (string | undefined)[] =>
  RUST.map((name) => named(name, environment).unavailable?.());

describe('on a machine without any tool', () => {
  let empty = '';
  const path = process.env['PATH'];
  beforeEach(async () => {
    empty = await mkdtemp(join(tmpdir(), 'tasker-no-tools-'));
    process.env['PATH'] = empty;
  });
  afterEach(async () => {
    process.env['PATH'] = path;
    await rm(empty, { recursive: true, force: true });
  });

  test('the checks of Rust are skipped, each with its reason', () => {
    expect(new Set(reasons({}))).toEqual(new Set(['cargo is not here']));
    expect(new Set(reasons({ CI: 'true' }))).toEqual(new Set(['cargo is not here']));
  });

  test('only the tools beside cargo may be missing where the addon is required', () => {
    expect(reasons({ TASKER_NATIVE: 'required' })).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      'no AddressSanitizer for x86_64-unknown-linux-gnu in this toolchain',
      'valgrind is not here',
      'valgrind is not here',
      'no C compiler: cc is not here',
    ]);
    expect(new Set(reasons({ TASKER_NATIVE: 'required', CI: 'true' }))).toEqual(
      new Set([undefined]),
    );
  });
});

test('nothing native is checked where it is switched off, and the tests run once', () => {
  expect(new Set(reasons({ TASKER_NATIVE: 'off', CI: 'true' }))).toEqual(
    new Set(['TASKER_NATIVE=off']),
  );
  const fallback = named('fallback', { TASKER_NATIVE: 'off' });
  expect(fallback.unavailable?.()).toMatch(/ran without the addon/);
});

test('continuous integration runs every test without the addon, too', () => {
  const files = (environment: Environment): string[] =>
    named('fallback', environment).command.filter((word) => word.startsWith('test/'));
  expect(files({ CI: 'true' })).toEqual([]);
  expect(files({})).toEqual(expect.arrayContaining(['test/resolver', 'test/graph', 'test/cli']));
  expect(named('fallback', {}).environment).toEqual({ TASKER_NATIVE: 'off' });
  const required = { CI: 'true', TASKER_NATIVE: 'required' };
  expect(named('fallback', required).unavailable?.()).toBeUndefined();
});

test('continuous integration fuzzes for longer', () => {
  const seconds = (environment: Environment): number =>
    Number(named('fuzz', environment).environment?.['TASKER_FUZZ_SECONDS']);
  expect(seconds({ CI: 'true' })).toBeGreaterThan(seconds({}));
});
