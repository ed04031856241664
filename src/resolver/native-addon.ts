import type { EtaResult } from '../graph/analysis/eta.ts';
import { LAYOUT_VERSION } from '../graph/snapshot/layout.ts';
import type { PackedDurations } from '../graph/analysis/packed-durations.ts';
import type { ShapeOfTask } from '../graph/analysis/task-analysis.ts';

/** Version of the addon's functions that this program calls. */
export const NATIVE_ABI_VERSION = 4;

/** Ends asynchronous work of the addon early: its promise then fails. */
export interface NativeCancellation {
  cancel(): void;
}

/** What a simulation in the addon depends on besides the graph. */
export interface NativeEtaQuestion {
  readonly durations: PackedDurations;
  readonly elapsed: Float64Array;
  readonly runs: number;
  readonly seed: number;
  readonly shares: Float64Array;
  readonly threads: number;
}

/** Ready steps by template, kept by the addon; each call brings the snapshot's view along. */
export interface NativeReadyPlanes {
  groupOfTask(): Int32Array;
  /** Tasks, steps and edges of each group, flat. */
  groups(): Uint32Array;
  bytes(): number;
  count(view: Uint8Array, nowMicros: number): number;
  /** Ids of the latest count into an array as long. */
  readIds(view: Uint8Array, ids: BigInt64Array): void;
  setStep(view: Uint8Array, node: number, code: number, waitEnd: number): void;
}

/** What the addon exports. A view is a Uint8Array over a whole snapshot buffer. */
export interface NativeAddon {
  readonly abiVersion: () => number;
  readonly layoutVersion: () => number;
  /**
   * Section and what is wrong with it, for a buffer that the kernels cannot take; O(N + E). `ticket`
   * as for `resolveTasks`.
   */
  readonly findProblem: (view: Uint8Array, ticket?: number) => readonly [string, string] | null;
  /**
   * Resolves tasks in the calling thread. Cycles come flat: task, length, steps; null for none.
   * Throws where another call has the snapshot than the one of this ticket.
   */
  readonly resolveTasks: (
    view: Uint8Array,
    engine: boolean,
    nowMicros: number,
    contexts: boolean,
    levels: boolean,
    firstTask: number,
    endTask: number,
    ticket?: number,
  ) => Uint32Array | null;
  /** Resolves all tasks off the event loop; null where the header's cancel word stopped it. */
  readonly resolveAll: (
    view: Uint8Array,
    engine: boolean,
    nowMicros: number,
    contexts: boolean,
    levels: boolean,
    threads: number,
    ticket?: number,
  ) => Promise<Uint32Array | null>;
  /** `taskFlags` is a copy of the section, which a resolution may be writing. */
  readonly ReadyPlanes: new (
    view: Uint8Array,
    engine: boolean,
    groupTasks: number,
    taskFlags: Uint8Array,
  ) => NativeReadyPlanes;
  readonly readyPlanesAsync: (
    view: Uint8Array,
    engine: boolean,
    groupTasks: number,
    taskFlags: Uint8Array,
  ) => Promise<NativeReadyPlanes>;
  readonly Cancellation: new () => NativeCancellation;
  /** Null for a task with a cycle. */
  readonly shapeOfTask: (
    view: Uint8Array,
    task: number,
    durations: Float64Array,
  ) => ShapeOfTask | null;
  readonly shapeOfTaskAsync: (
    view: Uint8Array,
    task: number,
    durations: Float64Array,
    cancellation: NativeCancellation,
  ) => Promise<ShapeOfTask | null>;
  /** Null for a task with a cycle. */
  readonly etaOfTask: (
    view: Uint8Array,
    task: number,
    question: NativeEtaQuestion,
  ) => EtaResult | null;
  readonly etaOfTaskAsync: (
    view: Uint8Array,
    task: number,
    question: NativeEtaQuestion,
    cancellation: NativeCancellation,
  ) => Promise<EtaResult | null>;
  readonly blastRadiusOf: (view: Uint8Array, starts: Uint32Array) => Uint32Array;
  readonly blastRadiusOfAsync: (
    view: Uint8Array,
    starts: Uint32Array,
    cancellation: NativeCancellation,
  ) => Promise<Uint32Array>;
}

const FUNCTIONS = [
  'findProblem',
  'resolveTasks',
  'resolveAll',
  'ReadyPlanes',
  'readyPlanesAsync',
  'Cancellation',
  'shapeOfTask',
  'shapeOfTaskAsync',
  'etaOfTask',
  'etaOfTaskAsync',
  'blastRadiusOf',
  'blastRadiusOfAsync',
] as const;

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
