import { TaskerError } from '../errors.ts';
import type { Cycle } from '../graph/kernels/cycles.ts';
import { HEADER } from '../graph/snapshot/layout.ts';
import type { SnapshotViews } from '../graph/snapshot/layout.ts';
import type { Backend } from './backend.ts';
import type { NativeAddon } from './native-addon.ts';
import { nativeFailure } from './native-failure.ts';

/** Up to so many steps the event loop can wait: they take less than a millisecond. */
export const SYNCHRONOUS_STEPS = 65_536;

/** The addon hands cycles over flat: task, length, steps. */
function unpackCycles(words: Uint32Array | null): Cycle[] {
  const cycles: Cycle[] = [];
  if (words === null) return cycles;
  let at = 0;
  while (at < words.length) {
    const end = at + 2 + (words[at + 1] as number);
    cycles.push({ task: words[at] as number, path: [...words.subarray(at + 2, end)] });
    at = end;
  }
  return cycles;
}

/**
 * The kernels of the addon over the snapshot's shared memory: in the calling thread where they are quick
 * (64k steps), else off the event loop on threads of the addon's own. The graph is not checked again
 * here: the builder made it, or `openSnapshotBuffer` has checked it. Where it contradicts itself all
 * the same no index leaves the buffer; the answer means nothing, or it is TASKER_BAD_SNAPSHOT.
 */
export function nativeBackend(addon: NativeAddon, threads: number): Backend {
  let closed = false;
  const views = new WeakMap<SharedArrayBuffer, Uint8Array>();
  const running = new Map<Uint32Array, Promise<unknown>>();

  function viewOf(buffer: SharedArrayBuffer): Uint8Array {
    const known = views.get(buffer);
    if (known !== undefined) return known;
    const view = new Uint8Array(buffer);
    views.set(buffer, view);
    return view;
  }

  const stopped = (): TaskerError =>
    new TaskerError('TASKER_RESOLVER_CLOSED', 'The resolver was stopped.');

  async function offTheEventLoop(
    { header }: SnapshotViews,
    work: () => Promise<Uint32Array | null>,
    signal: AbortSignal | undefined,
  ): Promise<Uint32Array> {
    const cancel = (): void => void Atomics.store(header, HEADER.cancel, 1);
    Atomics.store(header, HEADER.cancel, 0);
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      const promise = work();
      running.set(header, promise);
      const words = await promise;
      signal?.throwIfAborted();
      if (words === null) throw stopped();
      return words;
    } finally {
      running.delete(header);
      signal?.removeEventListener('abort', cancel);
    }
  }

  return {
    name: 'native',
    async resolve(snapshot, { rules, nowMicros, contexts, levels }, signal, ticket) {
      if (closed) throw stopped();
      signal?.throwIfAborted();
      const { tasks, steps } = snapshot.counts;
      const view = viewOf(snapshot.buffer);
      const engine = rules === 'engine';
      const work = (): Promise<Uint32Array | null> =>
        addon.resolveAll(view, engine, nowMicros, contexts, levels, threads, ticket);
      try {
        return unpackCycles(
          steps <= SYNCHRONOUS_STEPS
            ? addon.resolveTasks(view, engine, nowMicros, contexts, levels, 0, tasks, ticket)
            : await offTheEventLoop(snapshot, work, signal),
        );
      } catch (error) {
        if (signal?.aborted === true || error instanceof TaskerError) throw error;
        throw nativeFailure(addon, view, error, ticket);
      }
    },
    async close() {
      closed = true;
      for (const header of running.keys()) Atomics.store(header, HEADER.cancel, 1);
      await Promise.allSettled(running.values());
    },
  };
}
