import { getEventListeners } from 'node:events';

import { afterEach, describe, expect, test, vi } from 'vitest';

import { HEADER } from '../../src/graph/snapshot/layout.ts';
import type { GraphSnapshot } from '../../src/graph/snapshot/snapshot.ts';
import type { ResolveParameters } from '../../src/graph/kernels/resolve.ts';
import type { Backend } from '../../src/resolver/backend.ts';
import { inlineBackend } from '../../src/resolver/inline.ts';
import { loadNative } from '../../src/resolver/native.ts';
import { openSnapshotBuffer } from '../../src/resolver/open-snapshot.ts';
import { poolBackend, type PoolBackend, type PoolOptions } from '../../src/resolver/pool.ts';
import { createResolver, POOL_THRESHOLD_STEPS } from '../../src/resolver/resolver.ts';
import { BACKENDS, differing, outputBytes, resolverOn, spoilOutputs } from '../support/backends.ts';
import {
  bareSnapshot,
  chain,
  LARGE_NOW_MICROS,
  plannedViews,
  woven,
} from '../support/large-snapshots.ts';

const PARAMETERS: ResolveParameters = {
  rules: 'rails',
  nowMicros: LARGE_NOW_MICROS,
  contexts: true,
  levels: true,
};

const small = (): GraphSnapshot => bareSnapshot(plannedViews([woven(50), woven(7)]));
/** Enough tasks for many stretches, some ten ms of work. */
const large = (): GraphSnapshot => copyOf(large60k());
let built: GraphSnapshot | undefined;
const large60k = (): GraphSnapshot =>
  (built ??= bareSnapshot(plannedViews(Array.from({ length: 60_000 }, () => woven(10)))));

/** The same snapshot in memory of its own: copied in a fraction of what building it takes. */
function copyOf({ views: { buffer } }: GraphSnapshot): GraphSnapshot {
  const copy = new SharedArrayBuffer(buffer.byteLength);
  new Uint8Array(copy).set(new Uint8Array(buffer));
  return openSnapshotBuffer(copy);
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function pool(options: Partial<PoolOptions> = {}): PoolBackend {
  const backend = poolBackend({ threads: 2, queueLimit: 6, whenFull: 'wait', ...options });
  closers.push(() => backend.close());
  return backend;
}

const run = (backend: Backend, { views }: GraphSnapshot, signal?: AbortSignal): Promise<unknown> =>
  backend.resolve(views, PARAMETERS, signal);

/** Resolves on the turn after the workers have taken their first stretch. */
async function underWay({ views }: GraphSnapshot): Promise<void> {
  while (Atomics.load(views.header, HEADER.cursor) === 0) {
    await new Promise((resolve) => void setImmediate(resolve));
  }
}

/** Names of the sections that are not as the calling thread writes them. */
async function wrongSections({ views }: GraphSnapshot): Promise<string[]> {
  const found = outputBytes(views);
  spoilOutputs(views, 0);
  await inlineBackend().resolve(views, PARAMETERS, undefined);
  return differing(outputBytes(views), found);
}

test.each(BACKENDS)('%s: one call at a time for a snapshot, whoever makes it', async (backend) => {
  const [first, other] = [resolverOn(backend, 'rails'), createResolver({ backend: 'inline' })];
  closers.push(first.stop, other.stop);
  const snapshot = large();
  const begun = first.resolve(snapshot);
  const refusal = { code: 'TASKER_BAD_ARGUMENT', message: expect.stringContaining('already') };
  await expect(first.resolve(snapshot)).rejects.toMatchObject(refusal);
  await expect(other.resolve(snapshot)).rejects.toMatchObject(refusal);
  await other.resolve(small());
  await begun;
  expect((await other.resolve(snapshot)).backend).toBe('inline');
  await expect(first.resolve(snapshot, { nowMicros: NaN })).rejects.toMatchObject({
    data: { field: 'nowMicros' },
  });
  await first.resolve(snapshot);
});

describe('a worker that dies', () => {
  test('between two snapshots is replaced', async () => {
    const backend = pool();
    const snapshot = small();
    await run(backend, snapshot);
    const before = backend.threadIds();
    expect(before).toHaveLength(2);
    await backend.killWorker();
    spoilOutputs(snapshot.views, 0xa5);
    await run(backend, snapshot);
    expect(await wrongSections(snapshot)).toStrictEqual([]);
  });

  test('before the first one does no harm', async () => {
    const backend = pool();
    expect(backend.threadIds()).toStrictEqual([]);
    await backend.killWorker();
    const snapshot = small();
    await run(backend, snapshot);
    expect(await wrongSections(snapshot)).toStrictEqual([]);
  });

  test('at its work: the snapshot is worked off once more', async () => {
    const backend = pool();
    await run(backend, small());
    const snapshot = large();
    const running = run(backend, snapshot);
    await underWay(snapshot);
    await backend.killWorker();
    await running;
    expect(await wrongSections(snapshot)).toStrictEqual([]);
  });

  test('and dies again and again: the answer is right or the loss is raised by code', async () => {
    const backend = pool({ threads: 1 });
    await run(backend, small());
    const snapshot = large();
    const running = run(backend, snapshot).then(
      () => 'answered' as const,
      (error: unknown) => error,
    );
    for (let kill = 0; kill < 12; kill++) {
      await backend.killWorker();
      await new Promise((resolve) => void setImmediate(resolve));
    }
    const outcome = await running;
    const wrong = outcome === 'answered' ? await wrongSections(snapshot) : [];
    expect(wrong).toStrictEqual([]);
    expect([outcome, (outcome as { code?: string }).code]).toEqual(
      expect.arrayContaining([outcome === 'answered' ? 'answered' : 'TASKER_WORKER_LOST']),
    );
    const after = small(); // and the pool is of use afterwards
    await run(backend, after);
    expect(await wrongSections(after)).toStrictEqual([]);
  });
});

test('an error that a worker raises comes back with its code', async () => {
  const backend = pool();
  const snapshot = small();
  snapshot.views.header[HEADER.version] = 99;
  await expect(run(backend, snapshot)).rejects.toMatchObject({ code: 'TASKER_BAD_SNAPSHOT' });
  snapshot.views.header[HEADER.version] = 1;
  await run(backend, snapshot);
  expect(await wrongSections(snapshot)).toStrictEqual([]);
});

describe.each<[string, () => Backend]>([
  ['inline', inlineBackend],
  ['pool', () => pool()],
])('a signal on %s', (_name, make) => {
  const reason = new Error('enough');

  test('given before', async () => {
    await expect(run(make(), small(), AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  test('given at work', async () => {
    const backend = make();
    const snapshot = large();
    const stop = new AbortController();
    const running = run(backend, snapshot, stop.signal);
    setImmediate(() => stop.abort(reason));
    await expect(running).rejects.toBe(reason);
    await run(backend, snapshot);
    expect(await wrongSections(snapshot)).toStrictEqual([]);
  });

  test('not given leaves no listener behind', async () => {
    const { signal } = new AbortController();
    await run(make(), small(), signal);
    expect(getEventListeners(signal, 'abort')).toStrictEqual([]);
  });
});

describe('a full queue', () => {
  test('refuses by code where it was told to', async () => {
    const backend = pool({ queueLimit: 2, whenFull: 'reject' });
    const running = [small(), small(), small()].map((snapshot) => run(backend, snapshot));
    await expect(running[2]).rejects.toMatchObject({
      code: 'TASKER_QUEUE_FULL',
      data: { queueLimit: 2 },
    });
    await Promise.all(running.slice(0, 2));
    await run(backend, small());
  });

  test('lets the others wait, in order', async () => {
    const backend = pool({ queueLimit: 1 });
    const order: number[] = [];
    const snapshots = Array.from({ length: 8 }, small);
    await Promise.all(
      snapshots.map((snapshot, at) => run(backend, snapshot).then(() => order.push(at))),
    );
    expect(order).toStrictEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const snapshot of snapshots) expect(await wrongSections(snapshot)).toStrictEqual([]);
  });

  test('gives up a waiting call on its signal, the rest go on', async () => {
    const backend = pool({ queueLimit: 1 });
    const stop = new AbortController();
    const reason = new Error('enough');
    const first = run(backend, small());
    const second = run(backend, small(), stop.signal);
    const third = run(backend, small());
    stop.abort(reason);
    await expect(second).rejects.toBe(reason);
    await Promise.all([first, third]);
  });

  test('keeps the others when a signal comes between a place and its taker', async () => {
    const backend = pool({ queueLimit: 1 });
    const ahead = new AbortController().signal;
    const stop = new AbortController();
    const reason = new Error('enough');
    // the first call takes its listener off just before it hands its place over
    ahead.removeEventListener = () => queueMicrotask(() => stop.abort(reason));
    const first = run(backend, small(), ahead);
    const second = run(backend, small(), stop.signal);
    const third = run(backend, small());
    await first;
    await expect(second).rejects.toBe(reason);
    await third;
    await run(backend, small());
  });
});

describe('stop', () => {
  test('at work, and again, and a call afterwards', async () => {
    const backend = pool();
    const running = run(backend, large());
    const waiting = Promise.allSettled(Array.from({ length: 7 }, () => run(backend, small())));
    const stopped = Promise.all([backend.close(), backend.close()]);
    await expect(running).rejects.toMatchObject({ code: 'TASKER_RESOLVER_CLOSED' });
    await stopped;
    for (const result of await waiting) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { code: 'TASKER_RESOLVER_CLOSED' },
      });
    }
    await expect(run(backend, small())).rejects.toMatchObject({ code: 'TASKER_RESOLVER_CLOSED' });
    expect(backend.threadIds()).toStrictEqual([]);
  });

  test('ends a run in the calling thread, too', async () => {
    const resolver = createResolver({ backend: 'inline' });
    const running = resolver.resolve(large());
    const stopped = Promise.all([resolver.stop(), resolver.stop()]);
    await expect(running).rejects.toMatchObject({ code: 'TASKER_RESOLVER_CLOSED' });
    await stopped;
    await expect(resolver.resolve(small())).rejects.toMatchObject({
      code: 'TASKER_RESOLVER_CLOSED',
    });
  });

  test('before any call is fine', async () => {
    await createResolver({ backend: 'pool' }).stop();
    await pool().close();
    await using resolver = createResolver();
    expect(resolver.report.chosen).toBeUndefined();
  });
});

describe('a resolver', () => {
  afterEach(() => void vi.unstubAllEnvs());

  test('refuses a snapshot that is being resolved', async () => {
    await using resolver = createResolver({ backend: 'pool', threads: 2 });
    const snapshot = large();
    const first = resolver.resolve(snapshot);
    await expect(resolver.resolve(snapshot)).rejects.toMatchObject({ code: 'TASKER_BAD_ARGUMENT' });
    await first;
    await resolver.resolve(snapshot);
    expect(resolver.report.runs.pool).toBe(2);
  });

  test('refuses a clock that is no instant', async () => {
    await using resolver = createResolver({ backend: 'inline' });
    for (const nowMicros of [NaN, 'x' as unknown as number]) {
      await expect(resolver.resolve(small(), { nowMicros })).rejects.toMatchObject({
        code: 'TASKER_BAD_ARGUMENT',
      });
      await expect(resolver.readyStepIds(small(), { nowMicros })).rejects.toMatchObject({
        code: 'TASKER_BAD_ARGUMENT',
      });
    }
  });

  test.each([
    ['backend', 'cloud'],
    ['rules', 'rules'],
    ['whenFull', 'drop'],
    ['threads', 0],
    ['threads', 257],
    ['threads', 1.5],
    ['queueLimit', 0],
    ['queueLimit', NaN],
  ])('refuses option %s: %s by name', (field, value) => {
    expect(() => createResolver({ [field]: value })).toThrow(
      expect.objectContaining({
        code: 'TASKER_BAD_ARGUMENT',
        data: { field, value: String(value) },
      }),
    );
  });

  test('without the addon chooses by size and says why', async () => {
    vi.stubEnv('TASKER_NATIVE', 'off');
    await using resolver = createResolver({ threads: 2 });
    expect(resolver.report).toMatchObject({
      requested: 'auto',
      rules: 'rails',
      threads: 2,
      chosen: undefined,
      runs: { inline: 0, pool: 0, native: 0 },
    });
    const steps = POOL_THRESHOLD_STEPS;
    const below = bareSnapshot(plannedViews([chain(steps / 2), chain(steps / 2 - 1)]));
    expect((await resolver.resolve(below)).backend).toBe('inline');
    expect(resolver.report.chosen).toBe('inline');
    expect(resolver.report.notChosen.pool).toContain(`${steps - 1} steps`);
    const above = bareSnapshot(plannedViews([chain(steps / 2), chain(steps / 2)]));
    expect((await resolver.resolve(above)).backend).toBe('pool');
    expect(resolver.report.chosen).toBe('pool');
    expect(resolver.report.why).toContain('2 threads');
    expect(Object.keys(resolver.report.notChosen).toSorted()).toStrictEqual(['inline', 'native']);
    const single = bareSnapshot(plannedViews([chain(steps)]));
    expect((await resolver.resolve(single)).backend).toBe('inline');
    expect(resolver.report.notChosen.pool).toContain('one task');
    expect(resolver.report.runs).toStrictEqual({ inline: 2, pool: 1, native: 0 });
  });

  test('with one thread never starts a pool', async () => {
    vi.stubEnv('TASKER_NATIVE', 'off');
    await using resolver = createResolver({ threads: 1 });
    await resolver.resolve(large());
    expect(resolver.report.chosen).toBe('inline');
    expect(resolver.report.notChosen.pool).toContain('one thread');
  });

  test('that is told where to run says so', async () => {
    await using resolver = createResolver({ backend: 'pool', threads: 2 });
    await resolver.resolve(small());
    expect(resolver.report).toMatchObject({ requested: 'pool', chosen: 'pool', why: 'asked for' });
  });

  test('names each place where the addon was looked for', () => {
    const off = loadNative({ TASKER_NATIVE: 'off' });
    expect(off.backend).toBeUndefined();
    expect(off.attempts.map((attempt) => attempt.reason).join()).toContain('TASKER_NATIVE=off');
    expect(createResolver().report.native).toStrictEqual(loadNative(process.env).attempts);
  });

  test.skipIf(loadNative(process.env).backend !== undefined)(
    'cannot be had native without the addon',
    () => {
      const { attempts } = loadNative(process.env);
      expect(attempts.length).toBeGreaterThan(0);
      expect(() => createResolver({ backend: 'native' })).toThrow(
        expect.objectContaining({ code: 'TASKER_BACKEND_UNAVAILABLE', data: { attempts } }),
      );
    },
  );
});
