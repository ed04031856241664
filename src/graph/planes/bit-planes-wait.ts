/** Tasks in one word of a plane. */
const TASKS_PER_WORD = 32;

/**
 * The waits of one step of a template in every task of its group, and how long what they say stays
 * true. A clock between {@link from} and {@link until} changes nothing, so that only a wait that
 * ends between the last clock and the present one is ever looked at.
 */
export class WaitColumn {
  /** When each task's wait ends, µs since the epoch; -Infinity for none. */
  readonly #ends: Float64Array;
  /** First end in each word that had not come at the clock. */
  readonly #wordUntil: Float64Array;
  /** Latest end that had come at the clock; the column says nothing about earlier clocks. */
  from: number;
  /** First end that had not come at the clock; the column says nothing from it on. */
  until: number;

  /**
   * No task waits yet.
   *
   * @param words words of the plane
   * @param clock the present clock, NaN where none has been set: then the first one looks at all
   */
  constructor(words: number, clock: number) {
    this.#ends = new Float64Array(words * TASKS_PER_WORD).fill(-Infinity);
    this.#wordUntil = new Float64Array(words).fill(Infinity);
    this.from = Number.isNaN(clock) ? Infinity : -Infinity;
    this.until = Number.isNaN(clock) ? -Infinity : Infinity;
  }

  get bytes(): number {
    return this.#ends.byteLength + this.#wordUntil.byteLength;
  }

  /**
   * Changes a task's wait.
   *
   * @param clock the present clock, NaN where none has been set
   * @returns whether the task waits at that clock; O(1)
   */
  set(task: number, end: number, clock: number): boolean {
    this.#ends[task] = end;
    if (!(end > clock)) {
      if (end > this.from) this.from = end;
      return false;
    }
    const word = task >>> 5;
    if (end < (this.#wordUntil[word] as number)) this.#wordUntil[word] = end;
    if (end < this.until) this.until = end;
    return true;
  }

  /**
   * Sets the clock, and writes the words that it changes: the step's candidates that do not wait.
   * Nothing where no wait ended in between; forward O(words) and 32 for each word that changes,
   * backward O(tasks).
   *
   * @param base where the step's plane starts in both arrays
   */
  advance(now: number, candidate: Int32Array, open: Int32Array, base: number): void {
    if (now >= this.from && now < this.until) return;
    const backward = !(now >= this.from);
    if (backward) this.from = -Infinity;
    const wordUntil = this.#wordUntil;
    let until = Infinity;
    for (let word = 0; word < wordUntil.length; word++) {
      let first = wordUntil[word] as number;
      if (backward || first <= now) {
        const waiting = this.#waitingAt(now, word);
        open[base + word] = (candidate[base + word] as number) & ~waiting;
        first = wordUntil[word] as number;
      }
      if (first < until) until = first;
    }
    this.until = until;
  }

  /** The tasks of a word that wait, one a bit. */
  #waitingAt(now: number, word: number): number {
    const ends = this.#ends;
    const first = word * TASKS_PER_WORD;
    let { from } = this;
    let until = Infinity;
    let waiting = 0;
    for (let bit = 0; bit < TASKS_PER_WORD; bit++) {
      const end = ends[first + bit] as number;
      if (end > now) {
        waiting |= 1 << bit;
        if (end < until) until = end;
      } else if (end > from) {
        from = end;
      }
    }
    this.from = from;
    this.#wordUntil[word] = until;
    return waiting;
  }
}
