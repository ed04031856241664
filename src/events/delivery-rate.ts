/** Seconds over which a rate is smoothed. */
const SMOOTHING = 10;

/** Events a second, of about the last ten seconds. */
export class DeliveryRate {
  #weight = 0;
  #at = performance.now();

  /** Counts events that were delivered now. O(1). */
  add(events: number): void {
    this.#weight = this.#decayed() + events;
    this.#at = performance.now();
  }

  get perSecond(): number {
    return this.#decayed() / SMOOTHING;
  }

  #decayed(): number {
    const seconds = (performance.now() - this.#at) / 1000;
    return this.#weight * Math.exp(-seconds / SMOOTHING);
  }
}
