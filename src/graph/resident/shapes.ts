import {
  BlockAllocator,
  longerColumn,
  nextCapacity,
  sharedColumn,
  type SharedArrays,
} from './storage.ts';

/** Fields of a shape's record, in words. */
export const SHAPE = {
  /** First word in `words`: S+1 offsets, E children, S ranks; the shape's number stands before. */
  base: 0,
  steps: 1,
  edges: 2,
  /** Tasks that have this shape. */
  tasks: 3,
  hash: 4,
  greatestRank: 5,
  cyclic: 6,
} as const;
/** A record's length, as a power of two. */
export const SHAPE_BITS = 3;

/** A shape of more words stays where it is: moving it would take too long at once. */
const LARGE_SHAPE = 1 << 18;

/**
 * The distinct graphs of the resident tasks, each held once however many tasks have it: children in
 * compressed sparse rows by position in the task, and the rank of each position (edges on the
 * longest way to a leaf). Tasks made from one template share a shape, which keeps it in the cache.
 *
 * An offset of `words[base + i]` counts from `base` itself: the children of position i stand in
 * `words` from `base + words[base + i]` to below `base + words[base + i + 1]`.
 */
export class ResidentShapes {
  words: SharedArrays['u32'];
  records: SharedArrays['i32'];
  readonly blocks: BlockAllocator;
  readonly #limit: number;
  readonly #byHash = new Map<number, number[]>();
  readonly #unused: number[] = [];
  /** Parents by shape, for those that were asked for. */
  readonly #parents = new Map<number, Uint32Array[]>();
  #count = 0;

  /** @param limit words that all shapes together can ever take */
  constructor(limit: number) {
    this.#limit = limit;
    this.blocks = new BlockAllocator(limit);
    this.words = sharedColumn('u32', Math.min(1024, limit));
    this.records = sharedColumn('i32', 64 << SHAPE_BITS);
  }

  /** Distinct shapes held. */
  get size(): number {
    return this.#count - this.#unused.length;
  }

  get bytes(): number {
    const held = this.words.byteLength + this.blocks.bytes;
    return held + this.records.byteLength + 100 * this.size;
  }

  /**
   * Enters a task's shape.
   *
   * @param offsets first child of each position, S+1 of them from 0
   * @param children positions
   * @returns the shape's number, or -1 where the limit is reached; O(steps + edges)
   */
  enter(offsets: Uint32Array, children: Uint32Array): number {
    const hash = hashOf(offsets, children);
    const alike = this.#byHash.get(hash);
    for (const shape of alike ?? []) {
      if (!this.#equals(shape, offsets, children)) continue;
      const at = (shape << SHAPE_BITS) + SHAPE.tasks;
      this.records[at] = (this.records[at] as number) + 1;
      return shape;
    }
    const steps = offsets.length - 1;
    const size = steps * 2 + 2 + children.length;
    if (!this.#reserve(size)) return -1;
    const shape = this.#unused.pop() ?? this.#count++;
    const start = this.blocks.allocate(size);
    const base = start + 1;
    const { words } = this;
    for (let at = 0; at <= steps; at++) words[base + at] = (offsets[at] as number) + steps + 1;
    words.set(children, base + steps + 1);
    const ranks = words.subarray(base + steps + 1 + children.length, start + size);
    const { greatest, cyclic } = longestToLeaf(offsets, children, ranks);
    words[start] = shape;
    const record = [base, steps, children.length, 1, hash, greatest, cyclic ? 1 : 0];
    this.records.set(record, shape << SHAPE_BITS);
    if (alike === undefined) this.#byHash.set(hash, [shape]);
    else alike.push(shape);
    return shape;
  }

  /** As many tasks more of a shape that is held. */
  join(shape: number, tasks: number): void {
    const at = (shape << SHAPE_BITS) + SHAPE.tasks;
    this.records[at] = (this.records[at] as number) + tasks;
  }

  /** A task of this shape is gone; the last one takes the shape with it. */
  leave(shape: number): void {
    const at = shape << SHAPE_BITS;
    const tasks = (this.records[at + SHAPE.tasks] as number) - 1;
    this.records[at + SHAPE.tasks] = tasks;
    if (tasks > 0) return;
    const hash = this.records[at + SHAPE.hash] as number;
    const rest = (this.#byHash.get(hash) as number[]).filter((other) => other !== shape);
    if (rest.length === 0) this.#byHash.delete(hash);
    else this.#byHash.set(hash, rest);
    this.blocks.release((this.records[at + SHAPE.base] as number) - 1, this.#sizeOf(shape));
    this.#unused.push(shape);
    this.#parents.delete(shape);
  }

  /** A field of a shape's record. */
  field(shape: number, field: number): number {
    return this.records[(shape << SHAPE_BITS) + field] as number;
  }

  /**
   * Positions of a position's parents, ascending, a repeated edge once. O(1), the first time for a
   * shape O(steps + edges); then 4 bytes an edge are held.
   */
  parentsOf(shape: number, position: number): Uint32Array {
    let parents = this.#parents.get(shape);
    if (parents === undefined) {
      parents = this.#invert(shape);
      this.#parents.set(shape, parents);
    }
    return parents[position] as Uint32Array;
  }

  #invert(shape: number): Uint32Array[] {
    const steps = this.field(shape, SHAPE.steps);
    const base = this.field(shape, SHAPE.base);
    const parents = Array.from({ length: steps }, (): number[] => []);
    for (let parent = 0; parent < steps; parent++) {
      const end = this.words[base + parent + 1] as number;
      for (let edge = this.words[base + parent] as number; edge < end; edge++) {
        const known = parents[this.words[base + edge] as number] as number[];
        if (known.at(-1) !== parent) known.push(parent);
      }
    }
    return parents.map((positions) => Uint32Array.from(positions));
  }

  /** Edges on the longest way from a position to a leaf; 0 on a cycle and before it. */
  rank(shape: number, position: number): number {
    const at = shape << SHAPE_BITS;
    const steps = this.records[at + SHAPE.steps] as number;
    const edges = this.records[at + SHAPE.edges] as number;
    const base = this.records[at + SHAPE.base] as number;
    return this.words[base + steps + 1 + edges + position] as number;
  }

  /** One slice of compaction, see `BlockAllocator.compact`. */
  compact(budget: number): boolean {
    return this.blocks.compact(
      budget,
      LARGE_SHAPE,
      (start) => this.#sizeOf(this.words[start] as number),
      (from, to, size) => {
        const shape = this.words[from] as number;
        this.words.copyWithin(to, from, from + size);
        this.records[(shape << SHAPE_BITS) + SHAPE.base] = to + 1;
      },
    );
  }

  #sizeOf(shape: number): number {
    return this.field(shape, SHAPE.steps) * 2 + 2 + this.field(shape, SHAPE.edges);
  }

  /** Makes room for the record and the words of one more shape; false where the limit is reached. */
  #reserve(size: number): boolean {
    if ((this.#count + 1) << SHAPE_BITS > this.records.length) {
      this.records = longerColumn(this.records, this.records.length * 2);
    }
    const needed = this.blocks.top + size;
    if (needed <= this.words.length) return true;
    const capacity = nextCapacity(this.words.length, needed, this.#limit);
    if (capacity === 0) return this.blocks.fits(size);
    this.words = longerColumn(this.words, capacity);
    return true;
  }

  #equals(shape: number, offsets: Uint32Array, children: Uint32Array): boolean {
    const steps = offsets.length - 1;
    if (this.field(shape, SHAPE.steps) !== steps) return false;
    if (this.field(shape, SHAPE.edges) !== children.length) return false;
    const base = this.field(shape, SHAPE.base);
    const { words } = this;
    for (let at = 0; at <= steps; at++) {
      if (words[base + at] !== (offsets[at] as number) + steps + 1) return false;
    }
    for (let at = 0; at < children.length; at++) {
      if (words[base + steps + 1 + at] !== children[at]) return false;
    }
    return true;
  }
}

/** FNV-1a over the words of a shape. */
function hashOf(offsets: Uint32Array, children: Uint32Array): number {
  let hash = 0x81_1c_9d_c5;
  for (const offset of offsets) hash = Math.imul(hash ^ offset, 0x01_00_01_93);
  for (const child of children) hash = Math.imul(hash ^ child, 0x01_00_01_93);
  return hash | 0;
}

/** What {@link longestToLeaf} found beside the ranks. */
interface RankSummary {
  readonly greatest: number;
  readonly cyclic: boolean;
}

/**
 * Edges on the longest way from each position of a task to a leaf; 0 for positions on a cycle or
 * before one. Writes `ranks`. One backward pass where children have greater numbers than their
 * parents, else over an order by Kahn; O(steps + edges).
 *
 * @param offsets first child of each position, S+1 of them from 0
 * @param children positions
 * @param ranks `Uint32Array` of length S
 */
function longestToLeaf(
  offsets: Uint32Array,
  children: Uint32Array,
  ranks: Uint32Array,
): RankSummary {
  const steps = ranks.length;
  const order = isForward(offsets, children) ? undefined : forwardOrder(offsets, children);
  const ordered = order?.filled ?? steps;
  ranks.fill(0);
  let greatest = 0;
  for (let at = ordered - 1; at >= 0; at--) {
    const position = order === undefined ? at : (order.positions[at] as number);
    let rank = 0;
    const last = offsets[position + 1] as number;
    for (let edge = offsets[position] as number; edge < last; edge++) {
      const through = (ranks[children[edge] as number] as number) + 1;
      if (through > rank) rank = through;
    }
    ranks[position] = rank;
    if (rank > greatest) greatest = rank;
  }
  return { greatest, cyclic: ordered < steps };
}

function isForward(offsets: Uint32Array, children: Uint32Array): boolean {
  for (let position = 0; position < offsets.length - 1; position++) {
    const last = offsets[position + 1] as number;
    for (let edge = offsets[position] as number; edge < last; edge++) {
      if ((children[edge] as number) <= position) return false;
    }
  }
  return true;
}

function forwardOrder(
  offsets: Uint32Array,
  children: Uint32Array,
): { positions: Uint32Array; filled: number } {
  const steps = offsets.length - 1;
  const open = new Uint32Array(steps);
  for (const child of children) open[child] = (open[child] as number) + 1;
  const positions = new Uint32Array(steps);
  let filled = 0;
  for (let position = 0; position < steps; position++) {
    if (open[position] === 0) positions[filled++] = position;
  }
  for (let at = 0; at < filled; at++) {
    const position = positions[at] as number;
    const last = offsets[position + 1] as number;
    for (let edge = offsets[position] as number; edge < last; edge++) {
      const child = children[edge] as number;
      const left = (open[child] as number) - 1;
      open[child] = left;
      if (left === 0) positions[filled++] = child;
    }
  }
  return { positions, filled };
}
