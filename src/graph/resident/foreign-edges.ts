const WORDS = 8;
const PARENT = 0;
const CHILD = 1;
const NEXT_OF_PARENT = 2;
const PREVIOUS_OF_PARENT = 3;
const NEXT_OF_TASK = 4;

/**
 * Edges between steps of different tasks: each in the list of its parent (a step or a ghost) and in
 * that of its child's task. They are rare (only stored Rails data has them), hence 32 bytes each
 * and nothing for steps without.
 */
export class ForeignEdges {
  #edges = new Int32Array(0);
  #count = 0;
  #unused = -1;

  get bytes(): number {
    return this.#edges.byteLength;
  }

  parent(edge: number): number {
    return this.#edges[edge * WORDS + PARENT] as number;
  }

  child(edge: number): number {
    return this.#edges[edge * WORDS + CHILD] as number;
  }

  /** The edge behind this one in its parent's list, or -1. */
  nextOfParent(edge: number): number {
    return this.#edges[edge * WORDS + NEXT_OF_PARENT] as number;
  }

  /** The edge behind this one in the list of its child's task, or -1. */
  nextOfTask(edge: number): number {
    return this.#edges[edge * WORDS + NEXT_OF_TASK] as number;
  }

  setParent(edge: number, parent: number): void {
    this.#edges[edge * WORDS + PARENT] = parent;
  }

  setChild(edge: number, child: number): void {
    this.#edges[edge * WORDS + CHILD] = child;
  }

  /** A new edge, first in both lists; returns it as their new head. O(1). */
  add(parent: number, child: number, headOfParent: number, headOfTask: number): number {
    let edge = this.#unused;
    if (edge === -1) {
      edge = this.#count++;
      if (this.#count * WORDS > this.#edges.length) {
        const longer = new Int32Array(Math.max(16 * WORDS, this.#edges.length * 2));
        longer.set(this.#edges);
        this.#edges = longer;
      }
    } else {
      this.#unused = this.nextOfParent(edge);
    }
    this.#edges.set([parent, child, headOfParent, -1, headOfTask], edge * WORDS);
    if (headOfParent !== -1) this.#edges[headOfParent * WORDS + PREVIOUS_OF_PARENT] = edge;
    return edge;
  }

  /** Takes the edge out of its parent's list and forgets it; returns that list's head. O(1). */
  remove(edge: number, headOfParent: number): number {
    const at = edge * WORDS;
    const next = this.#edges[at + NEXT_OF_PARENT] as number;
    const previous = this.#edges[at + PREVIOUS_OF_PARENT] as number;
    if (next !== -1) this.#edges[next * WORDS + PREVIOUS_OF_PARENT] = previous;
    if (previous !== -1) this.#edges[previous * WORDS + NEXT_OF_PARENT] = next;
    this.#edges[at + NEXT_OF_PARENT] = this.#unused;
    this.#unused = edge;
    return previous === -1 ? next : headOfParent;
  }
}
