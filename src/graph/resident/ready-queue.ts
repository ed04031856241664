import { type SharedArrays, longerColumn, sharedColumn } from './storage.ts';

/**
 * A set of small numbers that gives its greatest: a tree of bit words, 32 branches a node. Adding,
 * deleting and the greatest are O(log32 n), four words for a million. 0.13 bytes a possible number.
 */
class RankBits {
  /** Words of each level, leaves first; the last level is one word. */
  #levels: Uint32Array[] = [new Uint32Array(1)];

  /** How many numbers, from 0, have room. */
  get capacity(): number {
    return (this.#levels[0] as Uint32Array).length * 32;
  }

  /** Makes room for the numbers below `capacity`; keeps the set. */
  grow(capacity: number): void {
    const leaves = new Uint32Array(Math.ceil(Math.max(capacity, this.capacity * 2) / 32));
    leaves.set(this.#levels[0] as Uint32Array);
    const levels = [leaves];
    for (let below = leaves; below.length > 1;) {
      const level = new Uint32Array(Math.ceil(below.length / 32));
      for (let at = 0; at < below.length; at++) {
        if (below[at] !== 0) level[at >>> 5] = (level[at >>> 5] as number) | (1 << (at & 31));
      }
      levels.push(level);
      below = level;
    }
    this.#levels = levels;
  }

  add(rank: number): void {
    let at = rank;
    for (const words of this.#levels) {
      const word = words[at >>> 5] as number;
      words[at >>> 5] = word | (1 << (at & 31));
      if (word !== 0) return; // the levels above know of this word already
      at >>>= 5;
    }
  }

  delete(rank: number): void {
    let at = rank;
    for (const words of this.#levels) {
      const word = (words[at >>> 5] as number) & ~(1 << (at & 31));
      words[at >>> 5] = word;
      if (word !== 0) return;
      at >>>= 5;
    }
  }

  /** The greatest number in the set, or -1. */
  greatest(): number {
    let at = 0;
    for (let level = this.#levels.length - 1; level >= 0; level--) {
      const word = (this.#levels[level] as Uint32Array)[at] as number;
      if (word === 0) return -1;
      at = at * 32 + 31 - Math.clz32(word);
    }
    return at;
  }
}

/** Marks a link that leads to a list's end instead of a step. */
const END = 0x80_00_00_00;

/**
 * Doubly linked lists of steps, threaded through two columns: a step stands in one list at most,
 * joining and leaving are O(1), and a step need not know which list it is in. 8 bytes a step and
 * 8 a list.
 */
export class StepLists {
  next: SharedArrays['u32'];
  prev: SharedArrays['u32'];
  /** First and last step of each list in turn; the list's own mark where it is empty. */
  #ends = new Uint32Array(64);
  #lists = 0;
  readonly #unused: number[] = [];

  constructor(capacity: number) {
    this.next = sharedColumn('u32', capacity);
    this.prev = sharedColumn('u32', capacity);
  }

  /** Makes room for steps below `capacity`. */
  grow(capacity: number): void {
    this.next = longerColumn(this.next, capacity);
    this.prev = longerColumn(this.prev, capacity);
  }

  /** Bytes of the columns and the lists' ends. */
  get bytes(): number {
    return this.next.byteLength + this.prev.byteLength + this.#ends.byteLength;
  }

  /** A new empty list. */
  create(): number {
    const list = this.#unused.pop() ?? this.#lists++;
    if (list * 2 >= this.#ends.length) {
      const longer = new Uint32Array(this.#ends.length * 2);
      longer.set(this.#ends);
      this.#ends = longer;
    }
    this.#ends[list * 2] = (END | list) >>> 0;
    this.#ends[list * 2 + 1] = (END | list) >>> 0;
    return list;
  }

  /** Gives an empty list back. */
  drop(list: number): void {
    this.#unused.push(list);
  }

  /** First step of a list, or -1. O(1). */
  first(list: number): number {
    const step = this.#ends[list * 2] as number;
    return step >= END ? -1 : step;
  }

  /** The step behind `step`, or -1 at the end of its list. O(1). */
  after(step: number): number {
    const next = this.next[step] as number;
    return next >= END ? -1 : next;
  }

  /** Puts a step that is in no list at the end of one. O(1). */
  append(list: number, step: number): void {
    const last = this.#ends[list * 2 + 1] as number;
    const mark = (END | list) >>> 0;
    this.prev[step] = last;
    this.next[step] = mark;
    this.#ends[list * 2 + 1] = step;
    if (last >= END) this.#ends[list * 2] = step;
    else this.next[last] = step;
  }

  /** Takes a step out of the list that it is in. O(1). */
  remove(step: number): void {
    const before = this.prev[step] as number;
    const after = this.next[step] as number;
    this.#link(before, after);
  }

  /** Puts `to`, which is in no list, into the place of `from`. O(1). */
  replace(from: number, to: number): void {
    const before = this.prev[from] as number;
    const after = this.next[from] as number;
    this.prev[to] = before;
    this.next[to] = after;
    if (before >= END) this.#ends[(before & ~END) * 2] = to;
    else this.next[before] = to;
    if (after >= END) this.#ends[(after & ~END) * 2 + 1] = to;
    else this.prev[after] = to;
  }

  #link(before: number, after: number): void {
    if (before >= END) this.#ends[(before & ~END) * 2] = after;
    else this.next[before] = after;
    if (after >= END) this.#ends[(after & ~END) * 2 + 1] = before;
    else this.prev[after] = before;
  }
}

/** Steps of one task priority in one lane: a list for each rank that ever had one. */
interface PriorityClass {
  readonly lane: number;
  readonly priority: number;
  /** Tasks that use the class; without any it is given up. */
  tasks: number;
  /** Steps queued. */
  queued: number;
  /** Place in the lane's heap, -1 where no step is queued. */
  place: number;
  /** List of each rank, -1 where there is none yet. */
  lists: Int32Array;
  /** Ranks whose list may hold steps; a list that ran empty is struck out when it is met. */
  readonly ranks: RankBits;
}

/** What one taker gets. */
interface Lane {
  readonly byPriority: Map<number, number>;
  /** Classes with queued steps: a binary heap, the greatest priority first. */
  readonly heap: PriorityClass[];
  queued: number;
}

/**
 * Steps that may run, in the order in which they should, apart for each lane: by the task's priority
 * (greatest first), then by rank (the longest way to a leaf first), then by the time they became ready.
 *
 * A bucket for each rank of each priority; joining and leaving are O(1) but for the first and last
 * step of a priority, which enters or leaves a heap: O(log of the priorities in use). Taking is O(log32
 * of the greatest rank).
 */
export class ReadyQueue {
  readonly #steps: StepLists;
  readonly #classes: (PriorityClass | undefined)[] = [];
  readonly #unused: number[] = [];
  readonly #lanes: readonly Lane[];

  constructor(steps: StepLists, lanes: number) {
    this.#steps = steps;
    this.#lanes = Array.from({ length: lanes }, () => ({
      byPriority: new Map<number, number>(),
      heap: [],
      queued: 0,
    }));
  }

  /** Enters a task of this priority whose ranks stay below `ranks`; returns its class. O(1). */
  enter(lane: number, priority: number, ranks: number, tasks = 1): number {
    const { byPriority } = this.#lanes[lane] as Lane;
    let at = byPriority.get(priority);
    if (at === undefined) {
      at = this.#unused.pop() ?? this.#classes.length;
      this.#classes[at] = {
        lane,
        priority,
        tasks: 0,
        queued: 0,
        place: -1,
        lists: new Int32Array(0),
        ranks: new RankBits(),
      };
      byPriority.set(priority, at);
    }
    const entered = this.#classes[at] as PriorityClass;
    entered.tasks += tasks;
    if (entered.lists.length < ranks) {
      const longer = new Int32Array(Math.max(ranks, entered.lists.length * 2)).fill(-1);
      longer.set(entered.lists);
      entered.lists = longer;
    }
    if (entered.ranks.capacity < ranks) entered.ranks.grow(ranks);
    return at;
  }

  /** A task of the class is gone, and none of its steps is queued. O(1), for the last O(ranks). */
  leave(at: number): void {
    const left = this.#classes[at] as PriorityClass;
    left.tasks--;
    if (left.tasks > 0) return;
    for (const list of left.lists) if (list !== -1) this.#steps.drop(list);
    this.#classes[at] = undefined;
    this.#unused.push(at);
    (this.#lanes[left.lane] as Lane).byPriority.delete(left.priority);
  }

  priorityOf(at: number): number {
    return (this.#classes[at] as PriorityClass).priority;
  }

  laneOf(at: number): number {
    return (this.#classes[at] as PriorityClass).lane;
  }

  /** Queues a step that is in no list. */
  add(step: number, at: number, rank: number): void {
    const entered = this.#classes[at] as PriorityClass;
    let list = entered.lists[rank] as number;
    if (list === -1) {
      list = this.#steps.create();
      entered.lists[rank] = list;
    }
    this.#steps.append(list, step);
    entered.ranks.add(rank);
    const lane = this.#lanes[entered.lane] as Lane;
    lane.queued++;
    if (entered.queued++ === 0) push(lane.heap, entered);
  }

  /** Takes a queued step out. */
  remove(step: number, at: number): void {
    this.#steps.remove(step);
    this.#lessOne(this.#classes[at] as PriorityClass);
  }

  /** Takes the step of a lane that should run first; -1 where none is queued. */
  take(lane: number): number {
    const first = (this.#lanes[lane] as Lane).heap[0];
    if (first === undefined) return -1;
    for (;;) {
      const rank = first.ranks.greatest();
      const step = this.#steps.first(first.lists[rank] as number);
      if (step === -1) {
        first.ranks.delete(rank);
        continue;
      }
      this.#steps.remove(step);
      this.#lessOne(first);
      return step;
    }
  }

  #lessOne(entered: PriorityClass): void {
    const lane = this.#lanes[entered.lane] as Lane;
    lane.queued--;
    if (--entered.queued === 0) extract(lane.heap, entered);
  }

  /** Steps queued in a lane. */
  sizeOf(lane: number): number {
    return this.#lanes[lane]?.queued ?? 0;
  }

  /** Steps queued in all lanes. */
  get size(): number {
    return this.#lanes.reduce((sum, { queued }) => sum + queued, 0);
  }

  /** Bytes of the rank tables, about. O(priorities in use). */
  get bytes(): number {
    return this.#classes.reduce(
      (sum, entered) =>
        entered === undefined
          ? sum
          : sum + entered.lists.byteLength + Math.ceil(entered.ranks.capacity / 7) + 200,
      0,
    );
  }
}

function push(heap: PriorityClass[], entered: PriorityClass): void {
  heap.push(entered);
  rise(heap, heap.length - 1, entered);
}

function extract(heap: PriorityClass[], left: PriorityClass): void {
  const at = left.place;
  const last = heap.pop() as PriorityClass;
  left.place = -1;
  if (last === left) return;
  if (at > 0 && last.priority > (heap[(at - 1) >> 1] as PriorityClass).priority)
    rise(heap, at, last);
  else sink(heap, at, last);
}

/** Puts a class at `at` or nearer to the top, above all that are less. */
function rise(heap: PriorityClass[], at: number, entered: PriorityClass): void {
  let place = at;
  while (place > 0) {
    const above = heap[(place - 1) >> 1] as PriorityClass;
    if (above.priority >= entered.priority) break;
    heap[place] = above;
    above.place = place;
    place = (place - 1) >> 1;
  }
  heap[place] = entered;
  entered.place = place;
}

/** Puts a class at `at` or farther from the top, below all that are greater. */
function sink(heap: PriorityClass[], at: number, entered: PriorityClass): void {
  let place = at;
  for (;;) {
    let child = place * 2 + 1;
    if (child >= heap.length) break;
    const right = heap[child + 1];
    if (right !== undefined && right.priority > (heap[child] as PriorityClass).priority) child++;
    const greater = heap[child] as PriorityClass;
    if (greater.priority <= entered.priority) break;
    heap[place] = greater;
    greater.place = place;
    place = child;
  }
  heap[place] = entered;
  entered.place = place;
}
