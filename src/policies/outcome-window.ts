const SLOTS = 10;

/**
 * Calls and failures of the last so many µs, in ten slots: what is counted lies between 90 and 100 %
 * of the window back. Constant memory; O(1) a call, amortised.
 */
export class OutcomeWindow {
  readonly #slotMicros: number;
  readonly #calls = new Uint32Array(SLOTS);
  readonly #failures = new Uint32Array(SLOTS);
  /** Slots since the epoch. */
  #current = 0;
  #totalCalls = 0;
  #totalFailures = 0;

  constructor(windowMicros: number) {
    this.#slotMicros = Math.max(1, windowMicros / SLOTS);
  }

  /** Calls within the window that ended at {@link add}'s or {@link advance}'s last instant. */
  get calls(): number {
    return this.#totalCalls;
  }

  get failures(): number {
    return this.#totalFailures;
  }

  add(failed: boolean, nowMicros: number): void {
    this.advance(nowMicros);
    const slot = this.#current % SLOTS;
    this.#calls[slot]! += 1;
    this.#totalCalls++;
    if (!failed) return;
    this.#failures[slot]! += 1;
    this.#totalFailures++;
  }

  /** Drops what has left the window; a clock that went back moves nothing. */
  advance(nowMicros: number): void {
    const target = Math.max(0, Math.floor(nowMicros / this.#slotMicros));
    if (target - this.#current >= SLOTS) {
      this.clear();
      this.#current = target;
    }
    while (this.#current < target) {
      this.#current++;
      const slot = this.#current % SLOTS;
      this.#totalCalls -= this.#calls[slot]!;
      this.#totalFailures -= this.#failures[slot]!;
      this.#calls[slot] = 0;
      this.#failures[slot] = 0;
    }
  }

  clear(): void {
    this.#calls.fill(0);
    this.#failures.fill(0);
    this.#totalCalls = 0;
    this.#totalFailures = 0;
  }
}
