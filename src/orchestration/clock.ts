/** What tells the engine the time, and wakes it up. */
export interface Clock {
  /** µs since the epoch; never goes back. */
  nowMicros(): number;
  /**
   * Calls back at an instant, µs since the epoch, or soon after; at once where it has passed.
   *
   * @returns takes the call back
   */
  schedule(atMicros: number, callback: () => void): () => void;
}

/** Longest time that a timer of the host can be set to, ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * The database's time carried on by the host's monotonic clock: setting the host's clock changes
 * nothing. {@link adjust} follows the database, without ever going back.
 */
export class DatabaseClock implements Clock {
  /** Database time minus monotonic time, µs. */
  #offset: number;
  #latest = -Infinity;

  /** @param databaseMicros the database's time now, µs since the epoch */
  constructor(databaseMicros: number) {
    this.#offset = databaseMicros - monotonicMicros();
  }

  nowMicros(): number {
    this.#latest = Math.max(this.#latest, Math.floor(monotonicMicros() + this.#offset));
    return this.#latest;
  }

  /** Takes over what the database says now; where that is earlier, the time stands still for so long. */
  adjust(databaseMicros: number): void {
    this.#offset = databaseMicros - monotonicMicros();
  }

  schedule(atMicros: number, callback: () => void): () => void {
    let timer: NodeJS.Timeout;
    const wait = (): void => {
      const left = Math.ceil((atMicros - this.nowMicros()) / 1000);
      if (left <= 0) timer = setTimeout(callback, 0);
      else if (left > LONGEST_TIMER_MS) timer = setTimeout(wait, LONGEST_TIMER_MS);
      else timer = setTimeout(() => (this.nowMicros() >= atMicros ? callback() : wait()), left);
      timer.unref();
    };
    wait();
    return () => clearTimeout(timer);
  }
}

const monotonicMicros = (): number => performance.now() * 1000;
