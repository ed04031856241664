import { LAYOUT_VERSION } from '../graph/layout.ts';

/** Version of the addon's functions that this program calls. */
export const NATIVE_ABI_VERSION = 1;

/** What the addon exports. A view is a Uint8Array over a whole snapshot buffer. */
export interface NativeAddon {
  readonly abiVersion: () => number;
  readonly layoutVersion: () => number;
  /** Section and what is wrong with it, for a buffer that the kernels cannot take; O(N + E). */
  readonly findProblem: (view: Uint8Array) => readonly [string, string] | null;
  /**
   * Resolves tasks in the calling thread. Cycles come flat: task, length, steps; null for none.
   */
  readonly resolveTasks: (
    view: Uint8Array,
    engine: boolean,
    nowMicros: number,
    contexts: boolean,
    levels: boolean,
    firstTask: number,
    endTask: number,
  ) => Uint32Array | null;
  /** Resolves all tasks off the event loop; null where the header's cancel word stopped it. */
  readonly resolveAll: (
    view: Uint8Array,
    engine: boolean,
    nowMicros: number,
    contexts: boolean,
    levels: boolean,
    threads: number,
  ) => Promise<Uint32Array | null>;
}

const FUNCTIONS = ['findProblem', 'resolveTasks', 'resolveAll'] as const;

/**
 * The loaded module as the addon, versions compared.
 *
 * Throws an Error that says what does not fit.
 */
export function asAddon(loaded: unknown): NativeAddon {
  const addon = (loaded ?? {}) as Partial<NativeAddon>;
  if (typeof addon.abiVersion !== 'function' || typeof addon.layoutVersion !== 'function') {
    throw new Error('it is no addon of tasker-core');
  }
  const abi = addon.abiVersion();
  if (abi !== NATIVE_ABI_VERSION) {
    throw new Error(`its interface is version ${abi}, this program knows ${NATIVE_ABI_VERSION}`);
  }
  const layout = addon.layoutVersion();
  if (layout !== LAYOUT_VERSION) {
    throw new Error(`its snapshot layout is version ${layout}, this program's ${LAYOUT_VERSION}`);
  }
  const missing = FUNCTIONS.find((name) => typeof addon[name] !== 'function');
  if (missing !== undefined) throw new Error(`it lacks ${missing}`);
  return addon as NativeAddon;
}
