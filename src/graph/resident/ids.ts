const SEGMENTS = 256;
const FIRST_CELLS = 16;

/**
 * Finds the position of a 64-bit id among positions that come and go.
 *
 * Open addressing in 256 segments by the upper hash bits, each grown by itself: what a growth costs
 * at once stays small (at a million ids about 4,000 of them move). Deletion shifts back, so nothing
 * stale stays behind. 5 to 10 bytes an id; the ids themselves stand in the caller's column.
 */
export class ResidentIds {
  readonly #cells: Uint32Array<ArrayBuffer>[] = [];
  readonly #used = new Uint32Array(SEGMENTS);
  /** Low and high word of the id at each position. */
  #words: Uint32Array;

  constructor(ids: BigInt64Array<SharedArrayBuffer>) {
    this.#words = wordsOf(ids);
    for (let at = 0; at < SEGMENTS; at++) this.#cells.push(new Uint32Array(FIRST_CELLS));
  }

  /** Follows the column of ids after a growth. */
  useColumn(ids: BigInt64Array<SharedArrayBuffer>): void {
    this.#words = wordsOf(ids);
  }

  /** Bytes of the tables. */
  get bytes(): number {
    let bytes = this.#used.byteLength;
    for (const cells of this.#cells) bytes += cells.byteLength;
    return bytes;
  }

  /** Position of the id, or -1; expected O(1). */
  find(low: number, high: number): number {
    const hash = hashOf(low, high);
    const cells = this.#cells[hash >>> 24] as Uint32Array;
    const mask = cells.length - 1;
    const words = this.#words;
    for (let cell = hash & mask; ; cell = (cell + 1) & mask) {
      const held = cells[cell] as number;
      if (held === 0) return -1;
      const at = (held - 1) * 2;
      if (words[at] === low && words[at + 1] === high) return held - 1;
    }
  }

  /** Makes the id at `position`, which no other position has, findable; expected O(1). */
  add(position: number): void {
    const hash = this.#hashAt(position);
    const segment = hash >>> 24;
    let cells = this.#cells[segment] as Uint32Array<ArrayBuffer>;
    const used = (this.#used[segment] as number) + 1;
    this.#used[segment] = used;
    if (used * 5 > cells.length * 3) cells = this.#grow(segment, cells);
    place(cells, hash, position + 1);
  }

  /** Position that has the id at `position` already, or -1 and then it is findable; expected O(1). */
  addNew(position: number): number {
    const words = this.#words;
    const low = words[position * 2] as number;
    const high = words[position * 2 + 1] as number;
    const hash = hashOf(low, high);
    const segment = hash >>> 24;
    let cells = this.#cells[segment] as Uint32Array<ArrayBuffer>;
    const used = (this.#used[segment] as number) + 1;
    if (used * 5 > cells.length * 3) cells = this.#grow(segment, cells);
    const mask = cells.length - 1;
    for (let cell = hash & mask; ; cell = (cell + 1) & mask) {
      const held = cells[cell] as number;
      if (held === 0) {
        cells[cell] = position + 1;
        this.#used[segment] = used;
        return -1;
      }
      const at = (held - 1) * 2;
      if (words[at] === low && words[at + 1] === high) return held - 1;
    }
  }

  /** Forgets the id at `position`; expected O(1). */
  delete(position: number): void {
    const hash = this.#hashAt(position);
    const segment = hash >>> 24;
    const cells = this.#cells[segment] as Uint32Array;
    const mask = cells.length - 1;
    let hole = hash & mask;
    while (cells[hole] !== position + 1) hole = (hole + 1) & mask;
    this.#used[segment] = (this.#used[segment] as number) - 1;
    for (let cell = (hole + 1) & mask; cells[cell] !== 0; cell = (cell + 1) & mask) {
      const home = this.#hashAt((cells[cell] as number) - 1) & mask;
      // an entry may fill the hole unless its home lies behind the hole, on the circle
      if (((cell - home) & mask) >= ((cell - hole) & mask)) {
        cells[hole] = cells[cell] as number;
        hole = cell;
      }
    }
    cells[hole] = 0;
  }

  /** The id of `from`, which stands at `to` as well, is found at `to` from now on. */
  move(from: number, to: number): void {
    const hash = this.#hashAt(to);
    const cells = this.#cells[hash >>> 24] as Uint32Array;
    const mask = cells.length - 1;
    let cell = hash & mask;
    while (cells[cell] !== from + 1) cell = (cell + 1) & mask;
    cells[cell] = to + 1;
  }

  #hashAt(position: number): number {
    return hashOf(this.#words[position * 2] as number, this.#words[position * 2 + 1] as number);
  }

  #grow(segment: number, cells: Uint32Array): Uint32Array<ArrayBuffer> {
    const larger = new Uint32Array(cells.length * 2);
    for (const held of cells) if (held !== 0) place(larger, this.#hashAt(held - 1), held);
    this.#cells[segment] = larger;
    return larger;
  }
}

function place(cells: Uint32Array, hash: number, held: number): void {
  const mask = cells.length - 1;
  let cell = hash & mask;
  while (cells[cell] !== 0) cell = (cell + 1) & mask;
  cells[cell] = held;
}

/** Ids of one block of this many, as a power of two, stand side by side. */
const BLOCK_BITS = 3;

/**
 * Mixes an id well enough that blocks of neighbours spread over segments and cells, while the ids of
 * a block keep their order: what is added or asked for one after the other is in the cache.
 */
function hashOf(low: number, high: number): number {
  let hash = Math.imul(low >>> BLOCK_BITS, 0x9e_37_79_b1) ^ Math.imul(high, 0x85_eb_ca_6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c_1b_3c_6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x29_7a_2d_39);
  hash ^= hash >>> 15;
  // the segment is the block's: only the lower bits count on
  return ((hash & ~0xff_ff_ff) | ((hash + (low & ((1 << BLOCK_BITS) - 1))) & 0xff_ff_ff)) >>> 0;
}

function wordsOf(ids: BigInt64Array<SharedArrayBuffer>): Uint32Array {
  return new Uint32Array(ids.buffer, 0, ids.length * 2);
}

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
