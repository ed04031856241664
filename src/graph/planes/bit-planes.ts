import { OWN } from './bit-planes-rows.ts';
import { WaitColumn } from './bit-planes-wait.ts';
import type { TaskGroup, TaskTemplate } from './graph-signature.ts';
import type { SnapshotViews } from '../snapshot/layout.ts';
import type { Pieces } from '../snapshot/pieces.ts';

/** Steps read in one piece: less than a millisecond. */
const PIECE_STEPS = 32_768;

/**
 * The steps of a group's tasks as bit planes: one plane for each step of the template, one bit for
 * each task, 32 tasks a word, the words of a plane side by side. The graph is read once for all
 * tasks: what may run is three operations on words for each edge of the template.
 */
export class BitPlanes {
  readonly template: TaskTemplate;
  /** Words of one plane. */
  readonly words: number;
  /** Number of each task's first step; Uint32Array of length tasks. */
  readonly firstSteps: Uint32Array;
  /** Everything of readiness but parents and waits. */
  readonly #candidate: Int32Array;
  /** Candidates that do not wait at the clock. */
  readonly #open: Int32Array;
  readonly #done: Int32Array;
  readonly #waits: (WaitColumn | undefined)[];
  /** The steps that might run at the last refresh. */
  readonly #ready: Int32Array;
  /** Room for one plane: the steps that may run now. */
  readonly #fresh: Int32Array;
  /** Room for one plane: the parents of many that are done. */
  readonly #all: Int32Array;
  #clock = NaN;

  /** Planes without a task that may run or is done; see {@link of}. */
  private constructor(views: SnapshotViews, { template, tasks }: TaskGroup) {
    this.template = template;
    this.words = Math.ceil(tasks.length / 32);
    this.firstSteps = tasks.map((task) => views.taskSteps[task] as number);
    this.#candidate = new Int32Array(this.words * template.steps);
    this.#done = new Int32Array(this.words * template.steps);
    this.#ready = new Int32Array(this.words * template.steps);
    this.#fresh = new Int32Array(this.words);
    this.#all = new Int32Array(this.words);
    this.#waits = Array.from({ length: template.steps }, () => undefined);
    this.#open = new Int32Array(this.words * template.steps);
  }

  /**
   * Builds the planes of a group. O(its steps).
   *
   * @param codes own rows of all nodes, see `OWN`
   */
  static *of(views: SnapshotViews, group: TaskGroup, codes: Uint8Array): Pieces<BitPlanes> {
    const planes = new BitPlanes(views, group);
    const { words, template } = planes;
    const wordsAtOnce = Math.ceil(PIECE_STEPS / (template.steps * 32));
    for (let word = 0; word < words; word += wordsAtOnce) {
      planes.#fill(codes, word, Math.min(word + wordsAtOnce, words));
      yield;
    }
    planes.#open.set(planes.#candidate);
    return planes;
  }

  get tasks(): number {
    return this.firstSteps.length;
  }

  get bytes(): number {
    let bytes = this.#candidate.byteLength * 4 + this.#all.byteLength * 2;
    for (const wait of this.#waits) bytes += wait?.bytes ?? 0;
    return bytes + this.firstSteps.byteLength;
  }

  #fill(codes: Uint8Array, firstWord: number, endWord: number): void {
    const { firstSteps, words } = this;
    const { steps } = this.template;
    const candidates = this.#candidate;
    const dones = this.#done;
    for (let word = firstWord; word < endWord; word++) {
      const first = word * 32;
      const tasks = Math.min(32, firstSteps.length - first);
      for (let step = 0; step < steps; step++) {
        let candidate = 0;
        let done = 0;
        for (let bit = 0; bit < tasks; bit++) {
          const code = codes[(firstSteps[first + bit] as number) + step] as number;
          candidate |= (code & OWN.candidate) << bit;
          done |= ((code & OWN.done) >> 1) << bit;
        }
        candidates[step * words + word] = candidate;
        dones[step * words + word] = done;
      }
    }
  }

  /**
   * Writes what one step's own row says now. O(1).
   *
   * @param task position in the group
   * @param step position in the template
   * @param waitEnd when the row's wait ends, µs since the epoch; -Infinity for none
   */
  setStep(task: number, step: number, code: number, waitEnd: number): void {
    const at = step * this.words + (task >>> 5);
    const bit = 1 << (task & 31);
    const candidate = (code & OWN.candidate) !== 0;
    const end = candidate ? waitEnd : -Infinity;
    let column = this.#waits[step];
    if (column === undefined && end > -Infinity) {
      column = new WaitColumn(this.words, this.#clock);
      this.#waits[step] = column;
    }
    const waits = column?.set(task, end, this.#clock) ?? false;
    setBit(this.#candidate, at, bit, candidate);
    setBit(this.#open, at, bit, candidate && !waits);
    setBit(this.#done, at, bit, (code & OWN.done) !== 0);
  }

  /** Sets the clock; nothing for a step whose waits did not end in between. */
  advance(nowMicros: number): void {
    this.#clock = nowMicros;
    for (let step = 0; step < this.#waits.length; step++) {
      const base = step * this.words;
      this.#waits[step]?.advance(nowMicros, this.#candidate, this.#open, base);
    }
  }

  /**
   * Finds the steps that may run at the clock, and changes the marks that differ: one bit for each
   * step number. O(words of all planes · parents + marks changed).
   *
   * @returns how many more may run than at the last call
   */
  refresh(marks: Int32Array): number {
    let more = 0;
    for (let step = 0; step < this.template.steps; step++) {
      if (this.#evaluate(step) !== 0) more += this.#takeOver(step, marks);
    }
    return more;
  }

  /**
   * Writes the fresh plane of a step: open, and all parents done. Up to three parents take one pass,
   * in which nothing is called, so that the compiler keeps all it knows of the arrays.
   *
   * @returns the bits in which any word differs from the last refresh
   */
  #evaluate(step: number): number {
    const { words } = this;
    const { parentOffsets, parents } = this.template;
    const open = this.#open;
    const done = this.#done;
    const ready = this.#ready;
    const fresh = this.#fresh;
    const base = step * words;
    const edge = parentOffsets[step] as number;
    const count = (parentOffsets[step + 1] as number) - edge;
    // a parent that is not there is replaced by the plane itself, which makes no difference
    const one = count > 0 ? done : open;
    const two = count > 1 ? done : open;
    const three = count > 3 ? this.#all : count > 2 ? done : open;
    const first = count > 0 ? (parents[edge] as number) * words : base;
    const second = count > 1 ? (parents[edge + 1] as number) * words : base;
    let third = base;
    if (count > 3) third = this.#combine(edge + 2, edge + count);
    else if (count > 2) third = (parents[edge + 2] as number) * words;
    let changed = 0;
    for (let word = 0; word < words; word++) {
      const after =
        (open[base + word] as number) &
        (one[first + word] as number) &
        (two[second + word] as number) &
        (three[third + word] as number);
      fresh[word] = after;
      changed |= after ^ (ready[base + word] as number);
    }
    return changed;
  }

  /** Makes the fresh plane of a step the last one, and changes the marks that differ. */
  #takeOver(step: number, marks: Int32Array): number {
    const { words } = this;
    const ready = this.#ready;
    const fresh = this.#fresh;
    const base = step * words;
    let more = 0;
    for (let word = 0; word < words; word++) {
      const after = fresh[word] as number;
      const before = ready[base + word] as number;
      if (after === before) continue;
      ready[base + word] = after;
      more += ones(after) - ones(before);
      this.#flip(word, after ^ before, step, marks);
    }
    return more;
  }

  /** Combines the parents of these edges in one plane; returns where it starts. */
  #combine(edge: number, last: number): number {
    const { words } = this;
    const { parents } = this.template;
    const done = this.#done;
    const all = this.#all;
    all.fill(-1);
    for (let at = edge; at < last; at++) {
      const parent = (parents[at] as number) * words;
      for (let word = 0; word < words; word++) {
        all[word] = (all[word] as number) & (done[parent + word] as number);
      }
    }
    return 0;
  }

  /** Changes the marks of one step in the tasks of a word whose bits are set. */
  #flip(word: number, tasks: number, step: number, marks: Int32Array): void {
    const { firstSteps } = this;
    for (let left = tasks; left !== 0; left &= left - 1) {
      const task = word * 32 + 31 - Math.clz32(left & -left);
      const number = (firstSteps[task] as number) + step;
      marks[number >>> 5] = (marks[number >>> 5] as number) ^ (1 << (number & 31));
    }
  }
}

function setBit(plane: Int32Array, at: number, bit: number, on: boolean): void {
  const word = plane[at] as number;
  plane[at] = on ? word | bit : word & ~bit;
}

/** Bits set in a word. */
function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55_55_55_55);
  const fours = (pairs & 0x33_33_33_33) + ((pairs >>> 2) & 0x33_33_33_33);
  return Math.imul((fours + (fours >>> 4)) & 0x0f_0f_0f_0f, 0x01_01_01_01) >>> 24;
}
