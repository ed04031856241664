/**
 * Waits in a 4-ary heap with positions, so that any wait can be struck out: the contestant of the
 * timer wheel.
 */
export class TimerHeap {
  readonly #endOf: (step: number) => number;
  readonly #heap: Uint32Array;
  readonly #position: Uint32Array;
  #size = 0;

  constructor(steps: number, endOf: (step: number) => number) {
    this.#endOf = endOf;
    this.#heap = new Uint32Array(steps);
    this.#position = new Uint32Array(steps);
  }

  add(step: number): void {
    this.#up(this.#size++, step);
  }

  remove(step: number): void {
    const at = this.#position[step] as number;
    const last = this.#heap[--this.#size] as number;
    if (last === step) return;
    if (this.#endOf(last) < this.#endOf(step)) this.#up(at, last);
    else this.#down(at, last);
  }

  advance(nowMicros: number, onDue: (step: number) => void): void {
    while (this.#size > 0) {
      const step = this.#heap[0] as number;
      if (this.#endOf(step) > nowMicros) return;
      this.remove(step);
      onDue(step);
    }
  }

  #up(from: number, step: number): void {
    const end = this.#endOf(step);
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 2;
      const parent = this.#heap[above] as number;
      if (this.#endOf(parent) <= end) break;
      this.#put(at, parent);
      at = above;
    }
    this.#put(at, step);
  }

  #down(from: number, step: number): void {
    const end = this.#endOf(step);
    let at = from;
    for (;;) {
      const first = at * 4 + 1;
      if (first >= this.#size) break;
      let least = first;
      for (let child = first + 1; child < Math.min(first + 4, this.#size); child++) {
        const earlier = this.#endOf(this.#heap[child] as number);
        if (earlier < this.#endOf(this.#heap[least] as number)) least = child;
      }
      const below = this.#heap[least] as number;
      if (this.#endOf(below) >= end) break;
      this.#put(at, below);
      at = least;
    }
    this.#put(at, step);
  }

  #put(at: number, step: number): void {
    this.#heap[at] = step;
    this.#position[step] = at;
  }
}
