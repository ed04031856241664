import { BitPlanes } from './bit-planes.ts';
import { OWN, ownCodes, StepRows } from './bit-planes-rows.ts';
import { groupByGraph, UNGROUPED, type GraphGroups } from './graph-signature.ts';
import { IdRuns } from './id-runs.ts';
import type { SnapshotViews } from '../snapshot/layout.ts';
import type { Pieces } from '../snapshot/pieces.ts';
import type { StepChange } from '../rules/own-row.ts';
import type { Rules } from '../rules/rules.ts';
import { orderTask, Scratch } from '../snapshot/topological-order.ts';

/** Tasks with one graph that are worth planes: a word is full. */
export const GROUP_TASKS = 32;

/** How many tasks share a graph, and how large one of them is. */
export interface GroupSize {
  readonly tasks: number;
  readonly steps: number;
  readonly edges: number;
}

/** Steps, or timed steps, worked off in one piece. */
const PIECE = 8192;

/** Answers which steps may run, again and again; the same in TypeScript and in the addon. */
export interface ReadySteps {
  /** Number of each task's group, or a code of `UNGROUPED` or {@link SET_APART}. */
  readonly groupOfTask: Int32Array;
  readonly groups: readonly GroupSize[];
  /** Bytes held beside the snapshot's own. */
  readonly bytes: number;
  change(node: number, change: StepChange): void;
  count(nowMicros: number): number;
  ids(nowMicros: number): BigInt64Array;
}

/** Why no step of a task may run whatever its own row says. */
export const SET_APART = {
  refused: UNGROUPED.refused,
  /** It holds a cycle, under `engine`. */
  cyclic: -5,
} as const;

/**
 * The steps of a snapshot that may run, asked again and again: tasks that share a graph as bit
 * planes, all others one by one. Both mark their steps in one row of bits, one for each step
 * number, so that a mixture comes out in the order of tasks and steps.
 *
 * The snapshot is only read, its output sections are not touched, and its rows must stay as they
 * are: what changes is told by {@link change}.
 */
export class ReadyIds implements ReadySteps {
  readonly groupOfTask: Int32Array;
  readonly planes: readonly BitPlanes[];
  readonly #views: SnapshotViews;
  readonly #codes: Uint8Array;
  readonly #rows: StepRows;
  /** Tasks answered one by one. */
  readonly #single: Uint32Array;
  /** Position of each task in its group. */
  readonly #positions: Uint32Array;
  /** Ends of the waits of single tasks' steps, µs since the epoch. */
  readonly #waits = new Map<number, number>();
  /** The steps that might run at the last question, one bit for each step number. */
  readonly #marks: Int32Array;
  readonly #idRuns: IdRuns;
  #count = 0;
  #clock: number;

  /** Waits left out; see {@link of}. */
  private constructor(
    views: SnapshotViews,
    rules: Rules,
    nowMicros: number,
    { groups, groupOfTask, codes, idRuns, planes }: ReadyParts,
  ) {
    this.#views = views;
    this.#clock = nowMicros;
    this.groupOfTask = groupOfTask;
    this.#codes = codes;
    this.#rows = new StepRows(views, rules);
    this.#marks = new Int32Array(Math.ceil(views.counts.steps / 32));
    this.#idRuns = idRuns;
    this.#positions = positionsOf(groups, groupOfTask.length);
    this.planes = planes;
    this.#single = singleTasks(groupOfTask);
  }

  /**
   * Builds the index of a snapshot. O(T + N + E + W).
   *
   * @param nowMicros the clock until the first question, µs since the epoch
   * @param groupTasks tasks with one graph that make a group
   */
  static *of(
    views: SnapshotViews,
    rules: Rules,
    nowMicros: number,
    groupTasks = GROUP_TASKS,
  ): Pieces<ReadyIds> {
    const { groups, groupOfTask } = yield* groupByGraph(views, groupTasks);
    const codes = yield* ownCodes(views, rules);
    const idRuns = yield* IdRuns.of(views);
    const planes: BitPlanes[] = [];
    for (const group of groups) planes.push(yield* BitPlanes.of(views, group, codes));
    if (rules === 'engine') yield* setCyclicApart(views, groupOfTask);
    const parts = { groups, groupOfTask, codes, idRuns, planes };
    const ready = new ReadyIds(views, rules, nowMicros, parts);
    yield* ready.#enterWaits();
    return ready;
  }

  get groups(): readonly GroupSize[] {
    return this.planes.map(({ tasks, template }) => {
      return { tasks, steps: template.steps, edges: template.parents.length };
    });
  }

  /** Bytes held beside the snapshot's own, what changed rows and single tasks' waits take left out. */
  get bytes(): number {
    let bytes = this.#codes.byteLength + this.#marks.byteLength + this.#idRuns.bytes;
    for (const planes of this.planes) bytes += planes.bytes;
    return bytes + this.groupOfTask.byteLength + this.#positions.byteLength;
  }

  *#enterWaits(): Pieces<void> {
    const { timedStep, taskSteps } = this.#views;
    let task = 0;
    for (let timed = 0; timed < timedStep.length; timed++) {
      if (timed % PIECE === PIECE - 1) yield;
      const step = timedStep[timed] as number;
      while ((taskSteps[task + 1] as number) <= step) task++;
      if (((this.#codes[step] as number) & OWN.candidate) === 0) continue;
      this.#write(task, step, this.#codes[step] as number, this.#rows.timedWaitEnd(timed));
    }
  }

  /**
   * Changes the row of a step or of a foreign parent. O(log T), and O(log W) the first time.
   *
   * @param node step number, or N + the ghost's
   */
  change(node: number, change: StepChange): void {
    const slot = this.#rows.change(node, change, this.#clock);
    const code = this.#rows.code(slot);
    if (node >= this.#views.counts.steps) {
      this.#codes[node] = code;
      return;
    }
    this.#write(this.#taskOf(node), node, code, this.#rows.waitEnd(slot));
  }

  #write(task: number, step: number, code: number, waitEnd: number): void {
    const waits = (code & OWN.candidate) !== 0 && waitEnd > -Infinity;
    this.#codes[step] = waits ? code | OWN.timed : code;
    const group = this.groupOfTask[task] as number;
    if (group >= 0) {
      const position = step - (this.#views.taskSteps[task] as number);
      this.planes[group]?.setStep(this.#positions[task] as number, position, code, waitEnd);
    } else if (waits) this.#waits.set(step, waitEnd);
    else this.#waits.delete(step);
  }

  /** How many steps may run at `nowMicros` (µs since the epoch); as {@link ids}, but for the ids. */
  count(nowMicros: number): number {
    this.#clock = nowMicros;
    for (const planes of this.planes) {
      planes.advance(nowMicros);
      this.#count += planes.refresh(this.#marks);
    }
    for (const task of this.#single) this.#refreshTask(task);
    return this.#count;
  }

  /**
   * Ids of the steps that may run at `nowMicros` (µs since the epoch), by task, then step. For a
   * grouped step O(parents / 32), for another O(parents), for each id O(1).
   */
  ids(nowMicros: number): BigInt64Array {
    const count = this.count(nowMicros);
    return this.#idRuns.read(this.#marks, count);
  }

  /** Marks the steps of a single task that may run at the clock. O(steps and edges). */
  #refreshTask(task: number): void {
    const { taskSteps, parentOffsets, parents } = this.#views;
    const codes = this.#codes;
    const marks = this.#marks;
    const end = taskSteps[task + 1] as number;
    for (let step = taskSteps[task] as number; step < end; step++) {
      const code = codes[step] as number;
      let ready = (code & OWN.candidate) !== 0;
      const last = parentOffsets[step + 1] as number;
      for (let edge = parentOffsets[step] as number; ready && edge < last; edge++) {
        ready = ((codes[parents[edge] as number] as number) & OWN.done) !== 0;
      }
      if (ready && (code & OWN.timed) !== 0) {
        ready = (this.#waits.get(step) as number) <= this.#clock;
      }
      const bit = 1 << (step & 31);
      if (ready === (((marks[step >>> 5] as number) & bit) !== 0)) continue;
      marks[step >>> 5] = (marks[step >>> 5] as number) ^ bit;
      this.#count += ready ? 1 : -1;
    }
  }

  /** Task of a step; O(log T). */
  #taskOf(step: number): number {
    const { taskSteps } = this.#views;
    let low = 0;
    let high = taskSteps.length - 1;
    while (low + 1 < high) {
      const middle = (low + high) >>> 1;
      if ((taskSteps[middle] as number) <= step) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** What {@link ReadyIds} is made of. */
interface ReadyParts extends GraphGroups {
  readonly codes: Uint8Array;
  readonly idRuns: IdRuns;
  readonly planes: readonly BitPlanes[];
}

function positionsOf(groups: GraphGroups['groups'], tasks: number): Uint32Array {
  const positions = new Uint32Array(tasks);
  for (const group of groups) {
    for (let at = 0; at < group.tasks.length; at++) positions[group.tasks[at] as number] = at;
  }
  return positions;
}

/** Under `engine` none of the steps of a task with a cycle may run. */
function* setCyclicApart(views: SnapshotViews, groupOfTask: Int32Array): Pieces<void> {
  const scratch = new Scratch();
  let pieceEnd = PIECE;
  for (let task = 0; task < groupOfTask.length; task++) {
    const group = groupOfTask[task] as number;
    if (group !== UNGROUPED.unordered && group !== UNGROUPED.foreignParents) continue;
    const first = views.taskSteps[task] as number;
    const steps = (views.taskSteps[task + 1] as number) - first;
    if (first >= pieceEnd) {
      yield;
      pieceEnd = first + PIECE;
    }
    if (orderTask(views, task, scratch) < steps) groupOfTask[task] = SET_APART.cyclic;
  }
}

function singleTasks(groupOfTask: Int32Array): Uint32Array {
  const single: number[] = [];
  for (let task = 0; task < groupOfTask.length; task++) {
    const group = groupOfTask[task] as number;
    if (group < 0 && group > SET_APART.refused) single.push(task);
  }
  return Uint32Array.from(single);
}
