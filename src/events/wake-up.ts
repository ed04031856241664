/** Least milliseconds between two looks at the log. */
const LEAST_GAP = 5;
/** Milliseconds before the first look at events that are held back; doubled until a notice comes. */
const HELD_BACK = 2;

/** When subscribers look at the log: after a notice, while events are held back, and now and then. */
export class WakeUp {
  readonly #pollMs: number;
  #next = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;
  #due = Infinity;
  #last = -Infinity;
  #heldBackMs = HELD_BACK;

  /** @param pollMs milliseconds between two looks that nothing asked for */
  constructor(pollMs: number) {
    this.#pollMs = pollMs;
  }

  start(): void {
    this.#plan(this.#pollMs);
  }

  /** Resolves at the next look. */
  get woken(): Promise<void> {
    return this.#next.promise;
  }

  /** There is something new. */
  notice(): void {
    this.#heldBackMs = HELD_BACK;
    this.#plan(0);
  }

  /** There are events that cannot be read yet. */
  heldBack(): void {
    this.#plan(this.#heldBackMs);
    this.#heldBackMs = Math.min(this.#heldBackMs * 2, this.#pollMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#due = -Infinity;
    this.#next.resolve();
  }

  #plan(milliseconds: number): void {
    const now = performance.now();
    const due = Math.max(now + milliseconds, this.#last + LEAST_GAP);
    if (due >= this.#due) return;
    this.#due = due;
    clearTimeout(this.#timer);
    if (due <= now) this.#wake();
    else this.#timer = setTimeout(() => this.#wake(), due - now);
  }

  #wake(): void {
    const { resolve } = this.#next;
    this.#next = Promise.withResolvers<void>();
    this.#last = performance.now();
    this.#due = Infinity;
    resolve();
    this.#plan(this.#pollMs);
  }
}
