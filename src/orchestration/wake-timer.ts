import type { Clock } from './clock.ts';

/** One timer that is set to the earliest instant that anybody waits for. */
export class WakeTimer {
  readonly #clock: Clock;
  readonly #due: () => void;
  #at = Infinity;
  #cancel: (() => void) | undefined;

  /** @param due called at the instant, or soon after */
  constructor(clock: Clock, due: () => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** Sets the timer anew, µs since the epoch; Infinity for none. */
  set(at: number): void {
    if (at === this.#at) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#at = at;
    if (at === Infinity) return;
    this.#cancel = this.#clock.schedule(at, () => {
      this.#at = Infinity;
      this.#cancel = undefined;
      this.#due();
    });
  }
}
