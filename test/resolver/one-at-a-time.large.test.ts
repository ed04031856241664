import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

import { afterEach, describe, expect, test } from 'vitest';

import { HEADER, type SnapshotViews } from '../../src/graph/snapshot/layout.ts';
import type { GraphSnapshot } from '../../src/graph/snapshot/snapshot.ts';
import type { BackendName } from '../../src/resolver/backend.ts';
import { asAddon } from '../../src/resolver/native-addon.ts';
import { nativeBackend } from '../../src/resolver/native-backend.ts';
import { loadNative } from '../../src/resolver/native.ts';
import { openSnapshotBuffer } from '../../src/resolver/open-snapshot.ts';
import { poolBackend } from '../../src/resolver/pool.ts';
import { letGo, takeHold } from '../../src/resolver/snapshot-hold.ts';
import { BACKENDS, differing, outputBytes, resolverOn, spoilOutputs } from '../support/backends.ts';
import {
  bareSnapshot,
  chain,
  LARGE_NOW_MICROS,
  plannedViews,
  woven,
} from '../support/large-snapshots.ts';

const REFUSAL = {
  code: 'TASKER_BAD_ARGUMENT',
  message: expect.stringContaining('being resolved already'),
};
const PAIRS = BACKENDS.flatMap((one) => BACKENDS.map((other) => [one, other] as const));
/** Enough for many stretches, and for the addon to leave the event loop. */
const large = (): GraphSnapshot =>
  bareSnapshot(plannedViews(Array.from({ length: 20_000 }, () => woven(10))));
const isTaken = ({ views }: GraphSnapshot): boolean =>
  Atomics.load(views.header, HEADER.holder) !== 0;

/** Waits until the threads of the pool have taken their first stretch. */
async function haveBegun({ views }: GraphSnapshot): Promise<void> {
  while (Atomics.load(views.header, HEADER.cursor) === 0)
    await new Promise((resolve) => void setImmediate(resolve));
}

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function resolverFor(
  ...[backend, rules]: Parameters<typeof resolverOn>
): ReturnType<typeof resolverOn> {
  const resolver = resolverOn(backend, rules);
  closers.push(() => resolver.stop());
  return resolver;
}

const alone = new Map<string, Promise<Map<string, Buffer>>>();

/** The outputs that a resolver alone writes. */
function expected(rules: 'rails' | 'engine'): Promise<Map<string, Buffer>> {
  const known = alone.get(rules);
  if (known !== undefined) return known;
  const snapshot = large();
  const outputs = resolverFor('inline', rules)
    .resolve(snapshot, { nowMicros: LARGE_NOW_MICROS })
    .then(() => outputBytes(snapshot.views));
  alone.set(rules, outputs);
  return outputs;
}

describe('a ticket', () => {
  test('is for one, and only who has it lets go', () => {
    const views = plannedViews([chain(2)]);
    const ticket = takeHold(views)!;
    expect(takeHold(views)).toBeUndefined();
    letGo(views, ticket + 1);
    expect(takeHold(views)).toBeUndefined();
    letGo(views, ticket);
    const next = takeHold(views);
    expect(next).toBeGreaterThan(0);
    expect(next).not.toBe(ticket);
  });

  test('is seen by whoever opens the same memory', async () => {
    const snapshot = large();
    const again = openSnapshotBuffer(structuredClone(snapshot.views.buffer));
    expect(again.views.buffer).not.toBe(snapshot.views.buffer);
    const ticket = takeHold(again.views)!;
    await expect(resolverFor('inline', 'rails').resolve(snapshot)).rejects.toMatchObject(REFUSAL);
    letGo(again.views, ticket);
    await resolverFor('inline', 'rails').resolve(snapshot);
  });
});

describe('rails and engine on one snapshot in one thread', () => {
  test.each(PAIRS)('%s, then %s', async (one, other) => {
    const snapshot = large();
    const now = { nowMicros: LARGE_NOW_MICROS };
    const [rails, engine] = [resolverFor(one, 'rails'), resolverFor(other, 'engine')];
    const first = rails.resolve(snapshot, now);
    await expect(engine.resolve(snapshot, now)).rejects.toMatchObject(REFUSAL);
    await first;
    expect(differing(await expected('rails'), outputBytes(snapshot.views))).toStrictEqual([]);
    await engine.resolve(snapshot, now);
    expect(differing(await expected('engine'), outputBytes(snapshot.views))).toStrictEqual([]);
    expect(isTaken(snapshot)).toBe(false);
  });
});

describe('rails and engine on one snapshot in two threads', () => {
  /** Resolves the same memory again and again until it was refused, and so was the other side. */
  function contend(backend: BackendName, { views }: GraphSnapshot, refused: Int32Array): Worker {
    const text = (path: string): string =>
      JSON.stringify(new URL(`../../src/resolver/${path}`, import.meta.url).href);
    const work = `const { workerData, parentPort } = require('node:worker_threads');
      (async () => {
        const { createResolver } = await import(${text('resolver.ts')});
        const { openSnapshotBuffer } = await import(${text('open-snapshot.ts')});
        const { backend, buffer, refused } = workerData;
        const resolver = createResolver({ backend, rules: 'engine', threads: 2 });
        const snapshot = openSnapshotBuffer(buffer);
        while (Atomics.load(refused, 0) === 0 || Atomics.load(refused, 1) === 0) {
          await resolver.resolve(snapshot).catch(({ code, message }) => {
            if (code !== 'TASKER_BAD_ARGUMENT') throw new Error(code + message);
            Atomics.add(refused, 1, 1);
          });
          await new Promise((resolve) => void setImmediate(resolve));
        }
        await resolver.stop();
        parentPort.postMessage('done');
      })().catch((error) => parentPort.postMessage(String(error)));`;
    const worker = new Worker(work, {
      eval: true,
      execArgv: [],
      workerData: { backend, buffer: views.buffer, refused },
    });
    closers.push(() => worker.terminate());
    return worker;
  }

  test.each(PAIRS)('%s here, %s there: each is refused while the other works', async (...pair) => {
    const [here, there] = pair;
    const snapshot = large();
    /** Refusals here and there. */
    const refused = new Int32Array(new SharedArrayBuffer(8));
    const said: unknown[] = [];
    const worker = contend(there, snapshot, refused);
    worker.once('message', (message: unknown) => said.push(message));
    const rails = resolverFor(here, 'rails');
    const errors: unknown[] = [];
    while (said.length === 0) {
      await rails.resolve(snapshot).catch((error: unknown) => {
        errors.push(error);
        Atomics.add(refused, 0, 1);
      });
      await new Promise((resolve) => void setImmediate(resolve));
    }
    expect(said).toStrictEqual(['done']);
    for (const error of errors) expect(error).toMatchObject(REFUSAL);
    expect(isTaken(snapshot)).toBe(false);
    spoilOutputs(snapshot.views, 0xa5);
    await rails.resolve(snapshot, { nowMicros: LARGE_NOW_MICROS });
    expect(differing(await expected('rails'), outputBytes(snapshot.views))).toStrictEqual([]);
  });
});

describe.each(BACKENDS)('%s lets go of the snapshot', (backend) => {
  test('after a signal, before the call and at work', async () => {
    const resolver = resolverFor(backend, 'engine');
    const snapshot = large();
    const reason = new Error('enough');
    const before = resolver.resolve(snapshot, { signal: AbortSignal.abort(reason) });
    await expect(before).rejects.toBe(reason);
    expect(isTaken(snapshot)).toBe(false);
    const stop = new AbortController();
    const running = resolver.resolve(snapshot, { signal: stop.signal });
    expect(isTaken(snapshot)).toBe(true);
    stop.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(isTaken(snapshot)).toBe(false);
    await resolverFor('inline', 'rails').resolve(snapshot);
  });

  test('when it is stopped, and nothing writes any more', async () => {
    const resolver = resolverFor(backend, 'engine');
    const snapshot = large();
    const running = resolver.resolve(snapshot).then(
      () => 'done',
      (error: { code: string }) => error.code,
    );
    if (backend === 'pool') await haveBegun(snapshot);
    const stopped = resolver.stop();
    expect(['done', 'TASKER_RESOLVER_CLOSED']).toContain(await running);
    expect(isTaken(snapshot)).toBe(false);
    const now = { nowMicros: LARGE_NOW_MICROS };
    await resolverFor('inline', 'rails').resolve(snapshot, now);
    await stopped;
    expect(differing(await expected('rails'), outputBytes(snapshot.views))).toStrictEqual([]);
  });
});

test('a pool whose worker dies settles when its other threads have come to a halt', async () => {
  const backend = poolBackend({ threads: 2, queueLimit: 2, whenFull: 'wait' });
  closers.push(() => backend.close());
  const { views } = large();
  const parameters = {
    rules: 'engine',
    nowMicros: LARGE_NOW_MICROS,
    contexts: true,
    levels: true,
  } as const;
  const running = backend.resolve(views, parameters, undefined).catch((error: unknown) => error);
  for (let kill = 0; kill < 4; kill++) await backend.killWorker();
  const outcome = await running;
  const said = Array.isArray(outcome) ? 'answered' : (outcome as { code?: string }).code;
  expect(['answered', 'TASKER_WORKER_LOST']).toContain(said);
  const { cursor } = HEADER;
  const seen = Atomics.load(views.header, cursor);
  await backend.close();
  expect(Atomics.load(views.header, cursor)).toBe(seen);
});

const { binary } = loadNative(process.env);
describe.skipIf(binary === undefined)('the addon', () => {
  const addon = binary === undefined ? undefined : asAddon(createRequire(import.meta.url)(binary));
  const parameters = { rules: 'rails', nowMicros: 0, contexts: true, levels: true } as const;
  const message = 'The snapshot is being resolved already.';
  const holderOf = ({ header }: SnapshotViews): number => Atomics.load(header, HEADER.holder);

  test.each([[100], [70_000]])(
    'at %i steps keeps others away, and joins who has it',
    async (steps) => {
      const views = plannedViews([chain(steps)]);
      const view = new Uint8Array(views.buffer);
      const backend = nativeBackend(addon!, 2);
      const ticket = takeHold(views)!;
      for (const other of [undefined, 0, ticket === 1 ? 2 : 1, 2 ** 32 - 1]) {
        expect(() => addon!.resolveTasks(view, false, 0, true, true, 0, 1, other)).toThrow(message);
        await expect(addon!.resolveAll(view, false, 0, true, true, 2, other)).rejects.toThrow(
          message,
        );
        expect(() => addon!.findProblem(view, other)).toThrow(message);
        await expect(backend.resolve(views, parameters, undefined, other)).rejects.toMatchObject({
          code: 'TASKER_WORKER_LOST',
          cause: { message },
        });
      }
      expect(holderOf(views)).toBe(ticket);
      expect(await backend.resolve(views, parameters, undefined, ticket)).toStrictEqual([]);
      expect(addon!.findProblem(view, ticket)).toBeNull();
      expect(holderOf(views)).toBe(ticket);
      letGo(views, ticket);
      for (const own of [undefined, 7]) {
        expect(await backend.resolve(views, parameters, undefined, own)).toStrictEqual([]);
        expect(holderOf(views)).toBe(0);
      }
    },
  );

  test('lets go after a contradiction and after a panic', async () => {
    const views = plannedViews([chain(70_000)]);
    const view = new Uint8Array(views.buffer);
    views.parents[0] = 2 ** 31;
    expect(() => addon!.resolveTasks(view, false, 0, true, true, 0, 1)).toThrow('panicked');
    await expect(addon!.resolveAll(view, false, 0, true, true, 2)).rejects.toThrow('panicked');
    expect(() => addon!.resolveTasks(view, false, 0, true, true, 0, 2)).toThrow('has no tasks');
    expect(addon!.findProblem(view)).toMatchObject(['parents', expect.any(String)]);
    expect(holderOf(views)).toBe(0);
    const failing = resolverFor('native', 'rails').resolve(bareSnapshot(views));
    await expect(failing).rejects.toMatchObject({ code: 'TASKER_BAD_SNAPSHOT' });
    expect(holderOf(views)).toBe(0);
  });
});
