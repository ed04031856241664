import type { StepLists } from './resident-lists.ts';
import { RankBits } from './resident-rank-bits.ts';

/** Steps of one task priority: a list for each rank that ever had one. */
interface PriorityClass {
  readonly priority: number;
  /** Tasks that use the class; without any it is given up. */
  tasks: number;
  /** Steps queued. */
  queued: number;
  /** List of each rank, -1 where there is none yet. */
  lists: Int32Array;
  /** Ranks whose list may hold steps; a list that ran empty is struck out when it is met. */
  readonly ranks: RankBits;
}

/**
 * Steps that may run, in the order in which they should: by the task's priority (greatest first),
 * then by rank (the longest way to a leaf first), then by the time they became ready.
 *
 * A bucket for each rank instead of a heap: joining and leaving are O(1), taking is O(log32 of the
 * greatest rank) plus one look at each priority in use.
 */
export class ReadyQueue {
  readonly #lists: StepLists;
  readonly #classes: (PriorityClass | undefined)[] = [];
  readonly #byPriority = new Map<number, number>();
  /** The same classes, greatest priority first. */
  #order: PriorityClass[] = [];

  constructor(lists: StepLists) {
    this.#lists = lists;
  }

  /** Enters a task of this priority whose ranks stay below `ranks`; returns its class. */
  enter(priority: number, ranks: number): number {
    let at = this.#byPriority.get(priority);
    if (at === undefined) {
      at = this.#classes.indexOf(undefined);
      if (at === -1) at = this.#classes.length;
      const lists = new Int32Array(0);
      const made = { priority, tasks: 0, queued: 0, lists, ranks: new RankBits() };
      this.#classes[at] = made;
      this.#byPriority.set(priority, at);
      this.#order = [...this.#order, made].sort((a, b) => b.priority - a.priority);
    }
    const entered = this.#classes[at] as PriorityClass;
    entered.tasks++;
    if (entered.lists.length < ranks) {
      const longer = new Int32Array(Math.max(ranks, entered.lists.length * 2)).fill(-1);
      longer.set(entered.lists);
      entered.lists = longer;
    }
    if (entered.ranks.capacity < ranks) entered.ranks.grow(ranks);
    return at;
  }

  /** A task of the class is gone, and none of its steps is queued. */
  leave(at: number): void {
    const left = this.#classes[at] as PriorityClass;
    left.tasks--;
    if (left.tasks > 0) return;
    for (const list of left.lists) if (list !== -1) this.#lists.drop(list);
    this.#classes[at] = undefined;
    this.#byPriority.delete(left.priority);
    this.#order = this.#order.filter((other) => other !== left);
  }

  /** Priority of a class. */
  priorityOf(at: number): number {
    return (this.#classes[at] as PriorityClass).priority;
  }

  /** Queues a step that is in no list. O(1). */
  add(step: number, at: number, rank: number): void {
    const entered = this.#classes[at] as PriorityClass;
    let list = entered.lists[rank] as number;
    if (list === -1) {
      list = this.#lists.create();
      entered.lists[rank] = list;
    }
    this.#lists.append(list, step);
    entered.ranks.add(rank);
    entered.queued++;
  }

  /** Takes a queued step out. O(1). */
  remove(step: number, at: number): void {
    this.#lists.remove(step);
    (this.#classes[at] as PriorityClass).queued--;
  }

  /** Takes the step that should run first; -1 where none is queued. */
  take(): number {
    for (const entered of this.#order) {
      if (entered.queued === 0) continue;
      for (;;) {
        const rank = entered.ranks.greatest();
        const step = this.#lists.first(entered.lists[rank] as number);
        if (step === -1) {
          entered.ranks.delete(rank);
          continue;
        }
        this.#lists.remove(step);
        entered.queued--;
        return step;
      }
    }
    return -1;
  }

  /** Steps queued. */
  get size(): number {
    return this.#order.reduce((sum, entered) => sum + entered.queued, 0);
  }

  /** Bytes of the rank tables. */
  get bytes(): number {
    return this.#order.reduce(
      (sum, entered) => sum + entered.lists.byteLength + Math.ceil(entered.ranks.capacity / 7),
      0,
    );
  }
}
