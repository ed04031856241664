import { TaskerError } from '../../errors.ts';
import { UNGROUPED } from '../../graph/planes/graph-signature.ts';
import { IdIndex } from '../../graph/snapshot/id-index.ts';
import type { SnapshotViews } from '../../graph/snapshot/layout.ts';
import { finishNow } from '../../graph/snapshot/pieces.ts';
import {
  ReadyIds,
  SET_APART,
  type GroupSize,
  type ReadySteps,
} from '../../graph/planes/ready-ids.ts';
import type { StepChange } from '../../graph/rules/own-row.ts';
import type { Rules } from '../../graph/rules/rules.ts';
import type { GraphSnapshot } from '../../graph/snapshot/snapshot.ts';
import { STATE_CODES } from '../../graph/snapshot/state-codes.ts';
import { finishInTurns } from './analysis-backend.ts';
import type { NativeAddon } from '../native-addon.ts';
import { SYNCHRONOUS_STEPS } from '../native-backend.ts';
import { NativeReadyIds } from './native-ready-ids.ts';
import { loadNative, nativeUnavailable } from '../native.ts';
import { hostNowMicros } from '../host-clock.ts';

/** A graph that 32 tasks of the snapshot or more have in common; steps and edges of one task. */
export type SharedTemplate = GroupSize;

/** Which tasks are answered together, which one by one, and why. */
export interface ReadyIndexGroups {
  readonly templates: readonly SharedTemplate[];
  /**
   * Index into `templates` of each task, -1 where it is answered alone, -2 where it is set apart;
   * Int32Array of length T.
   */
  readonly templateOfTask: Int32Array;
  readonly groupedTasks: number;
  readonly groupedSteps: number;
  /** Tasks answered one by one, by reason. */
  readonly singleTasks: {
    /** Fewer than 32 tasks have this graph, or it has no steps. */
    readonly fewAlike: number;
    /** A step depends on a step of another task. */
    readonly foreignParents: number;
    /** A step depends on one with the same or a greater number. */
    readonly unordered: number;
  };
  /** Tasks not answered at all: refused for their rows or, under `engine`, cyclic. */
  readonly tasksSetApart: number;
  /** Bytes held beside the snapshot. */
  readonly bytes: number;
}

/** Answers which steps of a snapshot may run, again and again, at any clock and after any change. */
export interface ReadyIndex {
  readonly rules: Rules;
  /** Where the planes are evaluated; the answers are the same. */
  readonly backend: 'inline' | 'native';
  readonly groups: ReadyIndexGroups;
  /**
   * Ids of the steps that may run at `nowMicros` (µs since the epoch), by task, then step: what
   * `resolve` and `readyStepIds` say of the same rows. Clocks may go back.
   *
   * O(edges / 32) over the tasks that share a graph, O(edges) over the others, O(1) an id.
   * Errors: TASKER_BAD_ARGUMENT for NaN.
   */
  readyStepIds(nowMicros: number): BigInt64Array;
  /** How many steps may run at `nowMicros`; errors and complexity as `readyStepIds`, ids apart. */
  readyCount(nowMicros: number): number;
  /**
   * Number of a step or foreign parent by its id, or -1. Expected O(1), the first time O(N).
   *
   * Errors: TASKER_BAD_ARGUMENT for what is no bigint of 64 bits.
   */
  findStep(stepId: bigint): number;
  /**
   * Changes the row of a step; what is left out stays. A step that falls into `error` without an
   * instant does so at the latest clock: the last question's, before that the snapshot's own.
   * O(log T) expected. The snapshot itself stays as it is.
   *
   * @param step its number in the snapshot (see `findStep`), from N on that of a foreign parent
   * Errors: TASKER_BAD_ARGUMENT names the field.
   */
  update(step: number, change: StepChange): void;
}

/** Options of {@link createReadyIndex}. */
export interface ReadyIndexOptions {
  /**
   * `auto` takes the native addon where there is one, but for small snapshots; `inline` the planes in
   * TypeScript. `native` insists. Default `auto`.
   */
  backend?: 'auto' | 'inline' | 'native';
  /** Ends {@link createReadyIndexAsync} early; the other form does not look at it. */
  signal?: AbortSignal;
}

/** Steps from which `auto` takes the addon: below, two calls of it cost more than they save. */
const NATIVE_FROM_STEPS = 4096;

/**
 * Groups a snapshot's tasks by graph and keeps the states of each group as bit planes, 32 tasks a
 * word, so that a template's graph is evaluated once for all its tasks. Tasks that share their
 * graph with fewer than 32 others are answered one by one; the answers are the same either way.
 *
 * The index reads the snapshot's input sections as long as it lives, and writes none of them: they
 * must stay as they are, and changes are told by `update`. O(steps + edges), one bit a step and
 * plane (4), one byte a step, 8 bytes for each task and step of a template that ever waits.
 *
 * Errors: TASKER_BAD_ARGUMENT for an unknown rule set or backend; TASKER_BACKEND_UNAVAILABLE where
 * the addon is insisted on and none can be used; TASKER_BAD_SNAPSHOT where the addon meets a graph
 * that contradicts itself (`openSnapshotBuffer` finds out beforehand).
 */
export function createReadyIndex(
  snapshot: GraphSnapshot,
  rules: Rules = 'rails',
  options: ReadyIndexOptions = {},
): ReadyIndex {
  const { views } = snapshot;
  const addon = chosenAddon(views, rules, options);
  const now = firstClock(snapshot);
  return indexOver(
    views,
    rules,
    addon === undefined
      ? finishNow(ReadyIds.of(views, rules, now))
      : NativeReadyIds.of(addon, views, rules, now),
  );
}

/**
 * {@link createReadyIndex} for large snapshots: the addon works off the event loop, the planes in
 * TypeScript are built in turns of some milliseconds. The snapshot may be resolved meanwhile, but its
 * rows must not change before the promise is settled.
 *
 * Errors: as there, and the signal's reason, in the addon once it is done: 10 ns a step.
 */
export async function createReadyIndexAsync(
  snapshot: GraphSnapshot,
  rules: Rules = 'rails',
  options: ReadyIndexOptions = {},
): Promise<ReadyIndex> {
  const { views } = snapshot;
  const { signal } = options;
  const addon = chosenAddon(views, rules, options);
  signal?.throwIfAborted();
  const now = firstClock(snapshot);
  let ready: ReadySteps;
  if (addon === undefined) {
    ready = await finishInTurns(ReadyIds.of(views, rules, now), signal);
  } else if (views.counts.steps <= SYNCHRONOUS_STEPS) {
    ready = NativeReadyIds.of(addon, views, rules, now);
  } else {
    // not given up sooner: until the addon is done it reads rows that the caller might change then
    ready = await NativeReadyIds.offTheEventLoop(addon, views, rules, now);
    signal?.throwIfAborted();
  }
  return indexOver(views, rules, ready);
}

const firstClock = ({ loadedAt }: GraphSnapshot): number => loadedAt ?? hostNowMicros();

function indexOver(views: SnapshotViews, rules: Rules, ready: ReadySteps): ReadyIndex {
  let ids: IdIndex | undefined;
  return {
    rules,
    backend: ready instanceof ReadyIds ? 'inline' : 'native',
    groups: reportGroups(views, ready),
    readyStepIds: (nowMicros) => ready.ids(checkedClock(nowMicros)),
    readyCount: (nowMicros) => ready.count(checkedClock(nowMicros)),
    findStep(stepId) {
      checkId(stepId);
      ids ??= indexOf(views);
      return ids.find(
        Number(BigInt.asUintN(32, stepId)),
        Number(BigInt.asUintN(32, stepId >> 32n)),
      );
    },
    update(step, change) {
      const nodes = views.counts.steps + views.counts.ghosts;
      if (!isWhole(step, 0, nodes - 1)) throw bad('step', step, `a step number below ${nodes}`);
      checkChange(change);
      ready.change(step, change);
    },
  };
}

/** The addon, or undefined for the planes in TypeScript; the arguments are checked first. */
function chosenAddon(
  views: SnapshotViews,
  rules: Rules,
  { backend = 'auto' }: ReadyIndexOptions,
): NativeAddon | undefined {
  if (!['rails', 'engine'].includes(rules)) throw bad('rules', rules, 'rails or engine');
  if (!['auto', 'inline', 'native'].includes(backend)) {
    throw bad('backend', backend, 'auto, inline or native');
  }
  const small = backend === 'auto' && views.counts.steps < NATIVE_FROM_STEPS;
  if (backend === 'inline' || small) return undefined;
  const { addon, attempts } = loadNative(process.env);
  if (addon === undefined && backend === 'native') {
    throw nativeUnavailable(attempts, 'Choose auto or inline.');
  }
  return addon;
}

function indexOf({ stepId }: SnapshotViews): IdIndex {
  const words = new Uint32Array(stepId.buffer, stepId.byteOffset, stepId.length * 2);
  return new IdIndex(words, stepId.length);
}

const isWhole = (value: number, least: number, greatest: number): boolean =>
  Number.isInteger(value) && value >= least && value <= greatest;

const bad = (field: string, value: unknown, wanted: string): TaskerError =>
  new TaskerError('TASKER_BAD_ARGUMENT', `Argument ${field} is ${String(value)}, not ${wanted}.`, {
    data: { field, value: String(value) },
  });

function checkedClock(nowMicros: number): number {
  // callers in plain JavaScript are not held back by the type
  if (typeof nowMicros !== 'number' || Number.isNaN(nowMicros)) {
    throw bad('nowMicros', nowMicros, 'an instant');
  }
  return nowMicros;
}

/** Typed arrays take any number and keep a part of it: what would change is refused. */
function checkChange(change: StepChange): void {
  // callers in plain JavaScript are not held back by the type
  if (typeof change !== 'object' || (change as StepChange | null) === null) {
    throw bad('change', change, 'an object');
  }
  const { state, flags } = change;
  if (state !== undefined && !isWhole(state, 0, STATE_CODES.resolved_manually)) {
    throw bad('state', state, 'a state code');
  }
  if (flags !== undefined && !isWhole(flags, 0, 255)) throw bad('flags', flags, 'a flag byte');
  for (const field of ['attempts', 'retryLimit'] as const) {
    const value = change[field];
    if (value !== undefined && !isWhole(value, -(2 ** 31), 2 ** 31 - 1)) {
      throw bad(field, value, 'a whole number of 32 bits');
    }
  }
  for (const field of ['failedAt', 'nextAttemptAt', 'explicitUntil'] as const) {
    const value: unknown = change[field];
    // NaN says that there is none, as in a snapshot
    if (value !== undefined && typeof value !== 'number') throw bad(field, value, 'an instant');
  }
}

/** More bits than 64 would be cut off, and another step found. */
function checkId(stepId: unknown): void {
  if (typeof stepId !== 'bigint' || BigInt.asIntN(64, stepId) !== stepId) {
    throw bad('stepId', stepId, 'a bigint of 64 bits');
  }
}

function reportGroups(views: SnapshotViews, ready: ReadySteps): ReadyIndexGroups {
  const templates = ready.groups;
  const among = (code: number): number => {
    let tasks = 0;
    for (const group of ready.groupOfTask) if (group === code) tasks++;
    return tasks;
  };
  const groupedTasks = templates.reduce((sum, { tasks }) => sum + tasks, 0);
  const singleTasks = {
    fewAlike: among(UNGROUPED.fewAlike),
    foreignParents: among(UNGROUPED.foreignParents),
    unordered: among(UNGROUPED.unordered),
  };
  const single = singleTasks.fewAlike + singleTasks.foreignParents + singleTasks.unordered;
  return {
    templates,
    templateOfTask: ready.groupOfTask.map((group) => {
      if (group >= 0) return group;
      return group > SET_APART.refused ? -1 : -2;
    }),
    groupedTasks,
    groupedSteps: templates.reduce((sum, { tasks, steps }) => sum + tasks * steps, 0),
    singleTasks,
    tasksSetApart: views.counts.tasks - groupedTasks - single,
    bytes: ready.bytes,
  };
}
