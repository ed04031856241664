import type { SnapshotViews } from './layout.ts';
import { orderTask, type Scratch } from './topological-order.ts';

/** An edge of a task that could go without any step running earlier. */
export interface RedundantEdge {
  readonly parent: number;
  readonly child: number;
  /** `repeated`: the same edge once more; `implied`: a longer way leads there as well. */
  readonly reason: 'repeated' | 'implied';
}

/**
 * Edges inside a task that its transitive reduction does without, by parent, then child.
 *
 * From each step with several children, the graph is walked up to the last of them in topological
 * order: a child that another child leads to is implied. Layered graphs cost O(steps + edges),
 * the worst case O(steps x edges), room O(steps).
 * Source: Aho, Garey and Ullman, "The Transitive Reduction of a Directed Graph", 1972.
 *
 * @returns undefined for a task with a cycle, whose reduction is not unique
 */
export function redundantEdges(
  views: SnapshotViews,
  task: number,
  scratch: Scratch,
): RedundantEdge[] | undefined {
  const { taskSteps } = views;
  const first = taskSteps[task] as number;
  const steps = (taskSteps[task + 1] as number) - first;
  if (orderTask(views, task, scratch) < steps) return undefined;
  const place = new Uint32Array(steps);
  for (let at = 0; at < steps; at++) place[scratch.order[at] as number] = at;
  const walk = new Walk(views, first, place);
  const redundant: RedundantEdge[] = [];
  for (let position = 0; position < steps; position++) walk.judge(position, redundant);
  return redundant.sort((a, b) => a.parent - b.parent || a.child - b.child);
}

/** The walks from every step of one task, over shared marks. */
class Walk {
  readonly #views: SnapshotViews;
  readonly #first: number;
  readonly #place: Uint32Array;
  /** Step from which a position was last reached, plus one. */
  readonly #reachedFrom: Uint32Array;
  readonly #open: number[] = [];

  constructor(views: SnapshotViews, first: number, place: Uint32Array) {
    this.#views = views;
    this.#first = first;
    this.#place = place;
    this.#reachedFrom = new Uint32Array(place.length);
  }

  judge(position: number, redundant: RedundantEdge[]): void {
    const children = this.#childrenOf(position);
    if (children.length < 2) return;
    const place = this.#place;
    children.sort((a, b) => (place[a] as number) - (place[b] as number));
    const end = place[children.at(-1) as number] as number;
    let before = -1;
    for (const child of children) {
      const parent = this.#first + position;
      if (child === before) {
        redundant.push({ parent, child: this.#first + child, reason: 'repeated' });
      } else if (this.#reachedFrom[child] === position + 1) {
        redundant.push({ parent, child: this.#first + child, reason: 'implied' });
      } else {
        this.#mark(child, position + 1, end);
      }
      before = child;
    }
  }

  /** Marks everything behind a position up to a place in the order. */
  #mark(from: number, mark: number, end: number): void {
    const open = this.#open;
    open.push(from);
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
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
