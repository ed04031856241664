import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { absentPlatforms, type LockedPackage } from '../../scripts/lock-platforms.ts';

test('the lock lists the packages of every platform: npm ci takes it', () => {
  const text = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8');
  const { packages } = JSON.parse(text) as { packages: Record<string, LockedPackage> };
  // what is missing here comes with `npm run lock:complete`
  expect(Object.keys(absentPlatforms(packages))).toEqual([]);
});

describe('what a lock lacks', () => {
  const tool = (names: readonly string[]): LockedPackage => ({
    version: '1.0.0',
    license: 'MIT',
    dev: true,
    optionalDependencies: Object.fromEntries(names.map((name) => [name, '1.0.0'])),
  });
  const one = { version: '1.0.0', dev: true, license: 'MIT', optional: true };

  test.each([
    ['@a/tool-darwin-x64', { cpu: ['x64'], os: ['darwin'] }],
    ['@a/tool-linux-arm64-gnu', { cpu: ['arm64'], libc: ['glibc'], os: ['linux'] }],
    ['@a/tool-linux-arm-musleabihf', { cpu: ['arm'], libc: ['musl'], os: ['linux'] }],
    ['@a/linux-riscv64', { cpu: ['riscv64'], os: ['linux'] }],
    ['@a/tool-win32-ia32-msvc', { cpu: ['ia32'], os: ['win32'] }],
    ['@a/tool-android-arm-eabi', { cpu: ['arm'], os: ['android'] }],
    ['@a/tool-wasm32-wasi', { cpu: ['wasm32'] }],
  ])('%s', (name, platform) => {
    const absent = absentPlatforms({ 'node_modules/tool': tool([name]) });
    expect(absent).toEqual({ [`node_modules/${name}`]: { ...one, ...platform } });
  });

  test('is not what stands beside or above it, nor what the project asks for', () => {
    const packages = {
      '': tool(['@a/linux-x64']),
      'node_modules/deep/node_modules/tool': tool([
        '@a/linux-x64',
        '@a/linux-arm64',
        '@a/darwin-x64',
      ]),
      'node_modules/deep/node_modules/tool/node_modules/@a/linux-x64': one,
      'node_modules/deep/node_modules/@a/linux-arm64': one,
      'node_modules/other/node_modules/@a/darwin-x64': one,
    };
    expect(Object.keys(absentPlatforms(packages))).toEqual(['node_modules/@a/darwin-x64']);
    const above = { ...packages, 'node_modules/@a/darwin-x64': one };
    expect(absentPlatforms(above)).toEqual({});
  });

  test('is refused where its name says no platform', () => {
    expect(() => absentPlatforms({ 'node_modules/tool': tool(['tool-extras']) })).toThrow(
      'the name of tool-extras says no platform',
    );
  });
});
