import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { checksFor, LONG_NAMES } from '../../scripts/checks.ts';

type Environment = Record<string, string>;
const RUST = ['rustfmt', 'clippy', 'cargo', 'c'];

/** Why each check of the code in Rust would be skipped, the long ones behind. */
const reasons = (environment: Environment): (string | undefined)[] => [
  ...RUST.map((name) =>
    checksFor('test', environment)
      .find((check) => check.name === name)!
      .unavailable?.(),
  ),
  ...checksFor('long', environment)
    .filter((check) => check.name === 'valgrind')
    .map((check) => check.unavailable?.()),
];

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
      'no C compiler: cc is not here',
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

test('nothing native is checked where it is switched off', () => {
  expect(new Set(reasons({ TASKER_NATIVE: 'off', CI: 'true' }))).toEqual(
    new Set(['TASKER_NATIVE=off']),
  );
});

test('every long check has a name that is listed, and every listed name a check', () => {
  const names = checksFor('long', {}).map((check) => check.name);
  expect([...new Set(names)].toSorted()).toEqual(Object.keys(LONG_NAMES).toSorted());
});

test('the whole suite runs without the addon on request', () => {
  const off = checksFor('long', { TASKER_NATIVE: 'required' }).find(({ name }) => name === 'off')!;
  expect(off.environment).toEqual({ TASKER_NATIVE: 'off' });
  expect(off.unavailable?.()).toBeUndefined();
  expect(off.command.filter((word) => word.startsWith('test/'))).toEqual([]);
});
