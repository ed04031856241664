import { StepRows } from '../../graph/planes/bit-planes-rows.ts';
import type { SnapshotViews } from '../../graph/snapshot/layout.ts';
import { GROUP_TASKS, type GroupSize, type ReadySteps } from '../../graph/planes/ready-ids.ts';
import type { StepChange } from '../../graph/rules/own-row.ts';
import type { Rules } from '../../graph/rules/rules.ts';
import type { NativeAddon, NativeReadyPlanes } from '../native-addon.ts';
import { nativeFailure } from '../native-failure.ts';

/**
 * `ReadyIds` with the planes of the addon: 64 tasks a word, in vectors. What a changed row says is
 * worked out here, so that no rule is written twice.
 */
export class NativeReadyIds implements ReadySteps {
  readonly groupOfTask: Int32Array;
  readonly groups: readonly GroupSize[];
  readonly bytes: number;
  readonly #addon: NativeAddon;
  readonly #view: Uint8Array;
  readonly #planes: NativeReadyPlanes;
  readonly #rows: StepRows;
  #clock: number;

  private constructor(
    addon: NativeAddon,
    view: Uint8Array,
    rows: StepRows,
    nowMicros: number,
    planes: NativeReadyPlanes,
  ) {
    this.#addon = addon;
    this.#view = view;
    this.#rows = rows;
    this.#clock = nowMicros;
    this.#planes = planes;
    this.groupOfTask = this.#planes.groupOfTask();
    this.groups = groupSizes(this.#planes.groups());
    this.bytes = this.#planes.bytes() + this.groupOfTask.byteLength;
  }

  /**
   * Builds the index of a snapshot in the calling thread. O(T + N + E + W).
   *
   * @param nowMicros the clock until the first question, µs since the epoch
   * @param groupTasks tasks with one graph that make a group
   * Errors: TASKER_BAD_SNAPSHOT for a graph that contradicts itself.
   */
  static of(
    addon: NativeAddon,
    views: SnapshotViews,
    rules: Rules,
    nowMicros: number,
    groupTasks = GROUP_TASKS,
  ): NativeReadyIds {
    const view = new Uint8Array(views.buffer);
    const flags = views.taskFlags.slice();
    const planes = asked(
      addon,
      view,
      () => new addon.ReadyPlanes(view, rules === 'engine', groupTasks, flags),
    );
    return new NativeReadyIds(addon, view, new StepRows(views, rules), nowMicros, planes);
  }

  /** As {@link of}, off the event loop. */
  static async offTheEventLoop(
    addon: NativeAddon,
    views: SnapshotViews,
    rules: Rules,
    nowMicros: number,
  ): Promise<NativeReadyIds> {
    const view = new Uint8Array(views.buffer);
    const flags = views.taskFlags.slice();
    try {
      const planes = await addon.readyPlanesAsync(view, rules === 'engine', GROUP_TASKS, flags);
      return new NativeReadyIds(addon, view, new StepRows(views, rules), nowMicros, planes);
    } catch (error) {
      throw nativeFailure(addon, view, error);
    }
  }

  /** As `ReadyIds.change`. */
  change(node: number, change: StepChange): void {
    const slot = this.#rows.change(node, change, this.#clock);
    const code = this.#rows.code(slot);
    const end = this.#rows.waitEnd(slot);
    asked(this.#addon, this.#view, () => this.#planes.setStep(this.#view, node, code, end));
  }

  /** As `ReadyIds.count`. */
  count(nowMicros: number): number {
    this.#clock = nowMicros;
    return asked(this.#addon, this.#view, () => this.#planes.count(this.#view, nowMicros));
  }

  /** As `ReadyIds.ids`. */
  ids(nowMicros: number): BigInt64Array {
    const ids = new BigInt64Array(this.count(nowMicros));
    asked(this.#addon, this.#view, () => this.#planes.readIds(this.#view, ids));
    return ids;
  }
}

function asked<T>(addon: NativeAddon, view: Uint8Array, question: () => T): T {
  try {
    return question();
  } catch (error) {
    throw nativeFailure(addon, view, error);
  }
}

/** Sizes come flat: tasks, steps, edges of each group. */
function groupSizes(words: Uint32Array): GroupSize[] {
  return Array.from({ length: words.length / 3 }, (_, group) => ({
    tasks: words[group * 3] as number,
    steps: words[group * 3 + 1] as number,
    edges: words[group * 3 + 2] as number,
  }));
}
