import type { SnapshotViews } from '../snapshot/layout.ts';

/** Why an edge of a task could go without any step running earlier, as a code in the answer. */
export const REDUNDANCY_CODES = {
  /** The same edge once more. */
  repeated: 0,
  /** A longer way leads there as well. */
  implied: 1,
} as const;

/**
 * Finds the edges inside a task that its transitive reduction does without.
 *
 * From each step with several children, the graph is walked up to the last of them in topological
 * order: a child that another child leads to is implied. Layered graphs cost O(steps + edges),
 * the worst case O(steps x edges), room O(steps); the search can be made in pieces.
 * Source: Aho, Garey and Ullman, "The Transitive Reduction of a Directed Graph", 1972.
 */
export class RedundantEdgeSearch {
  readonly #views: SnapshotViews;
  readonly #first: number;
  /** Place of each position in the topological order. */
  readonly #place: Uint32Array;
  /** Step from which a position was last reached, plus one. */
  readonly #reachedFrom: Uint32Array;
  readonly #open: number[] = [];
  readonly #found: number[] = [];
  #position = 0;
  #visits = 0;

  /** @param order positions of all steps of the task in topological order: there is no cycle */
  constructor(views: SnapshotViews, task: number, order: Int32Array) {
    this.#views = views;
    this.#first = views.taskSteps[task] as number;
    this.#place = new Uint32Array(order.length);
    for (const [at, position] of order.entries()) this.#place[position] = at;
    this.#reachedFrom = new Uint32Array(order.length);
  }

  /** Goes on for about so many visits of a step. Returns how many steps are left to start from. */
  advance(visits: number): number {
    const steps = this.#place.length;
    this.#visits = 0;
    while (this.#position < steps && this.#visits < visits) this.#judge(this.#position++);
    return steps - this.#position;
  }

  /**
   * Once no step is left: parent, child (step numbers) and code of {@link REDUNDANCY_CODES} for each
   * redundant edge, by parent, then child.
   */
  result(): Uint32Array {
    return Uint32Array.from(this.#found);
  }

  #judge(position: number): void {
    this.#visits++;
    const children = this.#childrenOf(position);
    if (children.length < 2) return;
    const place = this.#place;
    children.sort((a, b) => (place[a] as number) - (place[b] as number));
    const end = place[children.at(-1) as number] as number;
    const found: [child: number, code: number][] = [];
    let before = -1;
    for (const child of children) {
      if (child === before) found.push([child, REDUNDANCY_CODES.repeated]);
      else if (this.#reachedFrom[child] === position + 1) {
        found.push([child, REDUNDANCY_CODES.implied]);
      } else this.#mark(child, position + 1, end);
      before = child;
    }
    // stable: of equal children the implied one stands before its copies
    found.sort((a, b) => a[0] - b[0]);
    for (const [child, code] of found) {
      this.#found.push(this.#first + position, this.#first + child, code);
    }
  }

  /** Marks everything behind a position up to a place in the order. */
  #mark(from: number, mark: number, end: number): void {
    const open = this.#open;
    open.push(from);
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      this.#visits++;
      for (const child of this.#childrenOf(at)) {
        if (this.#reachedFrom[child] === mark || (this.#place[child] as number) > end) continue;
        this.#reachedFrom[child] = mark;
        open.push(child);
      }
    }
  }

  #childrenOf(position: number): number[] {
    const { childOffsets, children } = this.#views;
    const found: number[] = [];
    const last = childOffsets[this.#first + position + 1] as number;
    for (let edge = childOffsets[this.#first + position] as number; edge < last; edge++) {
      const child = (children[edge] as number) - this.#first;
      if (child >= 0 && child < this.#place.length) found.push(child);
    }
    return found;
  }
}
