import { TASK_FLAGS, type SnapshotViews } from '../snapshot/layout.ts';
import type { Pieces } from '../snapshot/pieces.ts';

/** The graph that the tasks of one group share, by position inside the task. */
export interface TaskTemplate {
  readonly steps: number;
  /** First edge of each position in `parents`; Uint32Array of length steps + 1. */
  readonly parentOffsets: Uint32Array;
  /** Parent position of each edge, smaller than the child's; duplicates kept. */
  readonly parents: Uint32Array;
}

/** Tasks of a snapshot that have one and the same graph. */
export interface TaskGroup {
  readonly template: TaskTemplate;
  /** Task numbers, ascending. */
  readonly tasks: Uint32Array;
}

/** Why a task stands in no group; these codes stand where a group's number would. */
export const UNGROUPED = {
  /** Too few tasks of the snapshot have this graph, or it has no steps. */
  fewAlike: -1,
  /** A step depends on a step of another task. */
  foreignParents: -2,
  /** A step depends on one with the same or a greater number; there may be a cycle. */
  unordered: -3,
  /** The rows of the task contradict each other. */
  refused: -4,
} as const;

/** The tasks of a snapshot by graph. */
export interface GraphGroups {
  /** Groups in the order of their first tasks. */
  readonly groups: readonly TaskGroup[];
  /** Number of each task's group, or a code of {@link UNGROUPED}; Int32Array of length T. */
  readonly groupOfTask: Int32Array;
}

/** Steps, or tasks, worked off in one piece: less than a millisecond. */
const PIECE = 32_768;

/**
 * Finds the tasks that share a graph: as many steps, each with the same parents in the same order.
 * The named task's latest graph is tried first, then what a hash finds; a comparison of every edge
 * decides, so that no two graphs are ever taken for one. Expected O(T + N + E).
 *
 * @param atLeast tasks that make a group; fewer stand alone
 */
export function* groupByGraph(views: SnapshotViews, atLeast: number): Pieces<GraphGroups> {
  const { taskSteps, counts } = views;
  const { tasks } = counts;
  const graphOfTask = new Int32Array(tasks);
  const graphs = new GraphTable(views);
  let pieceEnd = PIECE;
  for (let task = 0; task < tasks; task++) {
    const step = taskSteps[task] as number;
    if (step + task >= pieceEnd) {
      yield;
      pieceEnd = step + task + PIECE;
    }
    graphOfTask[task] = graphs.enter(task);
  }
  const groupOfGraph = new Int32Array(graphs.first.length).fill(UNGROUPED.fewAlike);
  const members: Uint32Array[] = [];
  for (const [graph, count] of graphs.count.entries()) {
    if (count < atLeast) continue;
    groupOfGraph[graph] = members.length;
    members.push(new Uint32Array(count));
  }
  const filled = new Uint32Array(members.length);
  for (let task = 0; task < tasks; task++) {
    if (task % PIECE === PIECE - 1) yield;
    const graph = graphOfTask[task] as number;
    const group = graph < 0 ? graph : (groupOfGraph[graph] as number);
    graphOfTask[task] = group;
    if (group < 0) continue;
    const at = filled[group] as number;
    (members[group] as Uint32Array)[at] = task;
    filled[group] = at + 1;
  }
  const groups = members.map((of) => ({ template: templateOf(views, of[0] as number), tasks: of }));
  return { groups, groupOfTask: graphOfTask };
}

function templateOf(views: SnapshotViews, task: number): TaskTemplate {
  const { taskSteps, parentOffsets, parents } = views;
  const first = taskSteps[task] as number;
  const end = taskSteps[task + 1] as number;
  const firstEdge = parentOffsets[first] as number;
  const offsets = new Uint32Array(parentOffsets.subarray(first, end + 1));
  const positions = new Uint32Array(parents.subarray(firstEdge, parentOffsets[end]));
  return {
    steps: end - first,
    parentOffsets: offsets.map((offset) => offset - firstEdge),
    parents: positions.map((parent) => parent - first),
  };
}

/** Named tasks, as a power of two, whose latest graph is remembered. */
const GUESSES = 1024;

/** The distinct graphs met so far, each by its first task; open addressing by hash. */
class GraphTable {
  /** First task of each graph. */
  readonly first: number[] = [];
  /** How many tasks have each graph. */
  readonly count: number[] = [];
  readonly #hashes: number[] = [];
  readonly #views: SnapshotViews;
  /** Graph number plus one by hash; 0 where none is. */
  readonly #slots: Int32Array;
  /** The same by named task: what the next task of this name will probably have. */
  readonly #guesses = new Int32Array(GUESSES);

  constructor(views: SnapshotViews) {
    this.#views = views;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(views.counts.tasks * 2 + 16)));
  }

  /** Number of the task's graph, or why it has none; O(its steps and edges). */
  enter(task: number): number {
    const views = this.#views;
    const first = views.taskSteps[task] as number;
    const end = views.taskSteps[task + 1] as number;
    if (((views.taskFlags[task] as number) & TASK_FLAGS.refused) !== 0) return UNGROUPED.refused;
    if (first === end) return UNGROUPED.fewAlike;
    const guess = (views.namedTaskId[task] as number) & (GUESSES - 1);
    const guessed = (this.#guesses[guess] as number) - 1;
    const graph = guessed >= 0 && this.#has(guessed, task) ? guessed : this.#find(task, first, end);
    if (graph < 0) return graph;
    this.#guesses[guess] = graph + 1;
    this.count[graph] = (this.count[graph] as number) + 1;
    return graph;
  }

  #has(graph: number, task: number): boolean {
    return haveSameGraph(this.#views, this.first[graph] as number, task);
  }

  #find(task: number, first: number, end: number): number {
    const hash = hashOf(this.#views, first, end);
    if (hash < 0) return hash;
    const mask = this.#slots.length - 1;
    for (let slot = (hash ^ (hash >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const graph = (this.#slots[slot] as number) - 1;
      if (graph < 0) {
        this.#slots[slot] = this.first.push(task);
        this.#hashes.push(hash);
        this.count.push(0);
        return this.first.length - 1;
      }
      if (this.#hashes[graph] === hash && this.#has(graph, task)) return graph;
    }
  }
}

/** FNV-1a over sizes and parents, without its sign bit; a code of {@link UNGROUPED} for no graph. */
function hashOf({ parentOffsets, parents }: SnapshotViews, first: number, end: number): number {
  let hash = 0x81_1c_9d_c5 ^ (end - first);
  let edge = parentOffsets[first] as number;
  for (let step = first; step < end; step++) {
    const last = parentOffsets[step + 1] as number;
    hash = Math.imul(hash ^ (last - edge), 0x01_00_01_93);
    for (; edge < last; edge++) {
      const parent = parents[edge] as number;
      if (parent < first || parent >= end) return UNGROUPED.foreignParents;
      if (parent >= step) return UNGROUPED.unordered;
      hash = Math.imul(hash ^ (parent - first), 0x01_00_01_93);
    }
  }
  return hash & 0x7f_ff_ff_ff;
}

function haveSameGraph(views: SnapshotViews, one: number, other: number): boolean {
  const { taskSteps, parentOffsets, parents } = views;
  const first = taskSteps[one] as number;
  const steps = (taskSteps[one + 1] as number) - first;
  const apart = (taskSteps[other] as number) - first;
  if ((taskSteps[other + 1] as number) - first - apart !== steps) return false;
  const firstEdge = parentOffsets[first] as number;
  const edgesApart = (parentOffsets[first + apart] as number) - firstEdge;
  for (let step = first + 1; step <= first + steps; step++) {
    const offset = parentOffsets[step + apart] as number;
    if (offset - (parentOffsets[step] as number) !== edgesApart) return false;
  }
  const last = parentOffsets[first + steps] as number;
  for (let edge = firstEdge; edge < last; edge++) {
    if ((parents[edge + edgesApart] as number) - (parents[edge] as number) !== apart) return false;
  }
  return true;
}
