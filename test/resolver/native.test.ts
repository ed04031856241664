import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { HEADER } from '../../src/graph/snapshot/layout.ts';
import type { ResolveParameters } from '../../src/graph/kernels/resolve.ts';
import { findSnapshotProblem } from '../../src/graph/snapshot/validate.ts';
import { asAddon, NATIVE_ABI_VERSION, type NativeAddon } from '../../src/resolver/native-addon.ts';
import { nativeBackend } from '../../src/resolver/native-backend.ts';
import { nativePlaces, platformNames } from '../../src/resolver/native-places.ts';
import { loadNative } from '../../src/resolver/native.ts';
import { createResolver, NATIVE_THRESHOLD_STEPS } from '../../src/resolver/resolver.ts';
import { takeHold } from '../../src/resolver/snapshot-hold.ts';
import { differing, outputBytes, spoilOutputs } from '../support/backends.ts';
import {
  bareSnapshot,
  chain,
  LARGE_NOW_MICROS,
  plannedViews,
  woven,
} from '../support/large-snapshots.ts';

const { binary } = loadNative(process.env);
const require = createRequire(import.meta.url);
const parameters: ResolveParameters = {
  rules: 'engine',
  nowMicros: LARGE_NOW_MICROS,
  contexts: true,
  levels: true,
};

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tasker-native-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

/** A module that stands where the addon is looked for. */
async function moduleOf(text: string): Promise<string> {
  const path = join(folder, 'addon.cjs');
  await writeFile(path, text);
  return path;
}

describe('looking for the addon', () => {
  test('a place that was asked for is the only one', () => {
    const places = nativePlaces('elsewhere.node', process, () => '');
    expect(places).toStrictEqual([{ place: resolve('elsewhere.node'), isThere: true }]);
  });

  test('the local build comes before the package', () => {
    const missing = (name: string): string => {
      throw new Error(`Cannot find module '${name}'`);
    };
    const places = nativePlaces(undefined, { platform: 'plan9', arch: 'mips' }, missing);
    expect(places).toStrictEqual([
      {
        place: expect.stringMatching(/native.node.tasker-resolver\.plan9-mips\.node$/),
        isThere: false,
      },
      { place: '@tasker-core/resolver-plan9-mips', isThere: false },
    ]);
    const [, installed] = nativePlaces('', { platform: 'plan9', arch: 'mips' }, () => 'addon.node');
    expect(installed?.isThere).toBe(true);
    const halfInstalled = (): never => {
      throw new Error(`Cannot find module '/somewhere/addon.node'`);
    };
    const [, broken] = nativePlaces('', { platform: 'plan9', arch: 'mips' }, halfInstalled);
    expect(broken?.isThere).toBe(true);
  });

  test.each([
    ['linux', 'x64', ['linux-x64-gnu', 'linux-x64-musl']],
    ['linux', 'arm64', ['linux-arm64-gnu', 'linux-arm64-musl']],
    ['darwin', 'arm64', ['darwin-arm64']],
    ['win32', 'x64', ['win32-x64-msvc']],
  ])('binaries for %s on %s', (platform, arch, names) => {
    expect(platformNames({ platform, arch })).toStrictEqual(names);
  });

  test('one that is broken is warned of once, with the remedy, and TypeScript takes over', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const place = await moduleOf(`throw new Error('no such symbol')`);
    const first = loadNative({ TASKER_NATIVE_PATH: place });
    expect(first.backend).toBeUndefined();
    expect(first.attempts).toMatchObject([
      { place, reason: 'cannot be used: no such symbol', cause: { message: 'no such symbol' } },
    ]);
    loadNative({ TASKER_NATIVE_PATH: place });
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toMatch(/no such symbol.*TypeScript.*npm run build:native/);
  });

  test('a file that is not there counts as broken only where it was named', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const place = join(folder, 'absent.node');
    expect(loadNative({ TASKER_NATIVE_PATH: place }).backend).toBeUndefined();
    expect(warn).toHaveBeenCalledTimes(1);
  });

  test.each([
    ['nothing of the kind', '', /no addon of tasker-core/],
    [
      'another interface',
      'abiVersion: () => 99, layoutVersion: () => 1',
      /interface is version 99/,
    ],
    [
      'another layout',
      `abiVersion: () => ${NATIVE_ABI_VERSION}, layoutVersion: () => 99`,
      /snapshot layout is version 99/,
    ],
    [
      'half of the functions',
      `abiVersion: () => ${NATIVE_ABI_VERSION}, layoutVersion: () => 1, findProblem() {}`,
      /lacks resolveTasks/,
    ],
  ])('a module with %s is refused', async (_name, fields, reason) => {
    vi.spyOn(process, 'emitWarning').mockReturnValue();
    const place = await moduleOf(`module.exports = { ${fields} }`);
    expect(loadNative({ TASKER_NATIVE_PATH: place }).attempts[0]?.reason).toMatch(reason);
    const insist = { TASKER_NATIVE_PATH: place, TASKER_NATIVE: 'required' };
    expect(() => loadNative(insist)).toThrow(
      expect.objectContaining({
        code: 'TASKER_BACKEND_UNAVAILABLE',
        message: expect.stringMatching(reason),
        cause: expect.objectContaining({ errors: [expect.any(Error)] }),
      }),
    );
  });

  test('a mode that does not exist is refused', () => {
    expect(() => loadNative({ TASKER_NATIVE: 'maybe' })).toThrow(
      expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT' }),
    );
  });
});

describe('an addon that fails', () => {
  const addonOf = (changes: Partial<NativeAddon>): NativeAddon =>
    ({
      abiVersion: () => NATIVE_ABI_VERSION,
      layoutVersion: () => 1,
      findProblem: () => null,
      resolveTasks: () => {
        throw new Error('panic');
      },
      resolveAll: () => Promise.reject(new Error('panic')),
      ...changes,
    }) as Partial<NativeAddon> as NativeAddon;

  test.each([10, 70_000])(
    'at %i steps is named as a lost worker, with the cause',
    async (steps) => {
      const failing = nativeBackend(addonOf({}), 1).resolve(
        plannedViews([chain(steps)]),
        parameters,
        undefined,
      );
      await expect(failing).rejects.toMatchObject({
        code: 'TASKER_WORKER_LOST',
        cause: { message: 'panic' },
      });
    },
  );

  test('because of the snapshot is named by section', async () => {
    const addon = addonOf({ findProblem: () => ['parents', 'names node 9 at 0, of 2'] });
    const failing = nativeBackend(addon, 1).resolve(
      plannedViews([chain(2)]),
      parameters,
      undefined,
    );
    await expect(failing).rejects.toMatchObject({
      code: 'TASKER_BAD_SNAPSHOT',
      data: { section: 'parents' },
    });
  });
});

describe.skipIf(binary === undefined)('the addon', () => {
  const addon = binary === undefined ? undefined : asAddon(require(binary));
  const native = (): NativeAddon => addon!;
  const large = (): ReturnType<typeof plannedViews> =>
    plannedViews(Array.from({ length: 7_000 }, () => woven(10)));

  test('is named in the report, and auto takes it but for tiny snapshots', async () => {
    await using resolver = createResolver({ threads: 2 });
    expect(resolver.report).toMatchObject({ nativeBinary: binary, notChosen: {} });
    const tiny = bareSnapshot(plannedViews([chain(NATIVE_THRESHOLD_STEPS - 1)]));
    expect((await resolver.resolve(tiny)).backend).toBe('inline');
    expect(resolver.report.notChosen.native).toContain('fewer than the');
    const small = bareSnapshot(plannedViews([chain(NATIVE_THRESHOLD_STEPS)]));
    expect((await resolver.resolve(small)).backend).toBe('native');
    expect((await resolver.resolve(bareSnapshot(large()))).backend).toBe('native');
    expect(Object.keys(resolver.report.notChosen).toSorted()).toStrictEqual(['inline', 'pool']);
    expect(resolver.report.runs).toStrictEqual({ inline: 1, pool: 0, native: 2 });
  });

  test('resolves a range of tasks and nothing else', () => {
    const views = plannedViews([woven(9), woven(8), woven(7)]);
    spoilOutputs(views, 0xa5);
    native().resolveTasks(new Uint8Array(views.buffer), false, 0, true, true, 1, 2);
    expect([...views.readySteps].map((count) => count === 0xa5a5a5a5)).toEqual([true, false, true]);
    expect(views.bits.indexOf(0xa5, 9)).toBe(17);
    expect(views.bits.subarray(0, 9).every((bits) => bits === 0xa5)).toBe(true);
  });

  test('writes neither contexts nor levels unless asked', () => {
    const views = plannedViews([woven(9)]);
    spoilOutputs(views, 0xa5);
    native().resolveTasks(new Uint8Array(views.buffer), false, 0, false, false, 0, 1);
    expect(views.readySteps[0]).toBe(0xa5a5a5a5);
    expect(views.level.every((level) => level === (0xa5a5a5a5 | 0))).toBe(true);
    expect(views.bits.includes(0xa5)).toBe(false);
  });

  test('stops where the header says so', async () => {
    const views = large();
    spoilOutputs(views, 0xa5);
    Atomics.store(views.header, HEADER.cancel, 1);
    const view = new Uint8Array(views.buffer);
    expect(await native().resolveAll(view, false, 0, true, true, 2)).toBeNull();
    expect(views.bits.every((bits) => bits === 0xa5)).toBe(true);
  });

  test('gives the reason of the signal, before the call and during it', async () => {
    const backend = nativeBackend(native(), 2);
    const reason = new Error('enough');
    await expect(backend.resolve(large(), parameters, AbortSignal.abort(reason))).rejects.toBe(
      reason,
    );
    const stop = new AbortController();
    const views = large();
    const running = backend.resolve(views, parameters, stop.signal);
    stop.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(await backend.resolve(views, parameters, undefined)).toStrictEqual([]);
  });

  test('ends the calls under way when it is closed, and takes no more', async () => {
    const backend = nativeBackend(native(), 2);
    const running = backend.resolve(large(), parameters, undefined).then(
      () => 'done',
      (error: { code: string }) => error.code,
    );
    await Promise.all([backend.close(), backend.close()]);
    expect(['done', 'TASKER_RESOLVER_CLOSED']).toContain(await running);
    await expect(backend.resolve(large(), parameters, undefined)).rejects.toMatchObject({
      code: 'TASKER_RESOLVER_CLOSED',
    });
  });

  test('takes many snapshots at once, each on threads of its own', async () => {
    const backend = nativeBackend(native(), 2);
    const one = large();
    await backend.resolve(one, parameters, undefined);
    const expected = outputBytes(one);
    const many = Array.from({ length: 6 }, large);
    await Promise.all(many.map((views) => backend.resolve(views, parameters, undefined)));
    for (const views of many) expect(differing(expected, outputBytes(views))).toStrictEqual([]);
  });

  test('works in worker threads, over the same memory and at the same time', async () => {
    const views = large();
    await createResolver({ backend: 'inline', rules: 'engine' }).resolve(bareSnapshot(views), {
      nowMicros: LARGE_NOW_MICROS,
    });
    const expected = outputBytes(views);
    spoilOutputs(views, 0xa5);
    const { tasks } = views.counts;
    // both threads work for whoever has the snapshot
    const ticket = takeHold(views)!;
    const work = `const { workerData, parentPort } = require('node:worker_threads');
      const { binary, buffer, now, first, end, ticket } = workerData;
      const view = new Uint8Array(buffer);
      require(binary).resolveTasks(view, true, now, true, true, first, end, ticket);
      parentPort.postMessage('done');`;
    const share = async (first: number, end: number): Promise<void> => {
      const now = LARGE_NOW_MICROS;
      const { buffer } = views;
      const worker = new Worker(work, {
        eval: true,
        workerData: { binary, buffer, now, first, end, ticket },
      });
      await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
    };
    const half = Math.floor(tasks / 2);
    await Promise.all([share(0, half), share(half, tasks)]);
    expect(Atomics.load(views.header, HEADER.holder)).toBe(ticket);
    expect(differing(expected, outputBytes(views))).toStrictEqual([]);
  });

  test('keeps the memory of a call under way that nobody else holds', async () => {
    const answers = Array.from({ length: 8 }, () =>
      native().resolveAll(new Uint8Array(large().buffer), true, 0, true, true, 2),
    );
    expect((await Promise.all(answers)).map((words) => words?.length)).toEqual(
      Array.from({ length: 8 }, () => 0),
    );
  });

  test('refuses what is no view over shared memory, or no task', () => {
    const { buffer } = plannedViews([woven(4)]);
    const call =
      (view: unknown, first = 0, end = 1) =>
      (): unknown =>
        native().resolveTasks(view as Uint8Array, false, 0, true, true, first, end);
    expect(call(new Uint8Array(buffer))).not.toThrow();
    expect(call(new Uint8Array(new Uint8Array(buffer)))).toThrow(/SharedArrayBuffer/);
    expect(call(new Uint32Array(buffer))).toThrow(/Uint8Array/);
    expect(call(buffer)).toThrow(/no typed array/);
    expect(call(undefined)).toThrow(/no typed array/);
    expect(call(new Uint8Array(buffer, 4))).toThrow(/aligned/);
    expect(call(new Uint8Array(buffer, 8))).toThrow(/magic word/);
    expect(call(new Uint8Array(buffer), 0, 2)).toThrow(/no tasks 0 to 2/);
    expect(call(new Uint8Array(buffer), 1, 0)).toThrow(/no tasks 1 to 0/);
  });

  test('survives a snapshot that contradicts itself and names the section', async () => {
    const backend = nativeBackend(native(), 2);
    for (const views of [plannedViews([chain(50)]), plannedViews([chain(70_000), chain(70_000)])]) {
      views.parents[3] = 0xff_ff_ff_f0;
      await expect(backend.resolve(views, parameters, undefined)).rejects.toMatchObject({
        code: 'TASKER_BAD_SNAPSHOT',
        data: { section: 'parents' },
        cause: { message: expect.stringContaining('panicked') },
      });
      const problem = findSnapshotProblem(views)!;
      expect(native().findProblem(new Uint8Array(views.buffer))).toStrictEqual([
        problem.section,
        problem.problem,
      ]);
    }
  });
});
