import { longerColumn, sharedColumn, type SharedArrays } from './columns.ts';

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
