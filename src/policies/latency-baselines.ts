/** Weight of one handler's time in what is usual for its key. */
const SLOW_WEIGHT = 0.01;
/** Handlers of a key until its baseline is worth comparing with. */
const WARM_UP = 10;
/** Keys kept; the one first seen goes first. */
const MOST_KEYS = 10_000;
/** Below a millisecond a handler's time is the scheduler's, not its own. */
const LEAST_SECONDS = 0.001;

interface Baseline {
  seconds: number;
  seen: number;
}

/**
 * Handler time against what is usual for the same handler.
 *
 * A long mean of all handlers would take a change of their mixture for a change of speed, so each key
 * has its own: an exponential moving average over about a hundred runs.
 */
export class LatencyBaselines {
  readonly #baselines = new Map<string, Baseline>();
  #ratios = 0;
  #count = 0;

  /** One handler's time. O(1). */
  record(key: string, durationSeconds: number): void {
    if (!(durationSeconds >= 0)) return;
    const seconds = Math.max(durationSeconds, LEAST_SECONDS);
    const baseline = this.#baselines.get(key);
    if (baseline === undefined) {
      this.#add(key, seconds);
      return;
    }
    if (baseline.seen >= WARM_UP) {
      this.#ratios += seconds / baseline.seconds;
      this.#count++;
    }
    baseline.seen++;
    const weight = Math.max(SLOW_WEIGHT, 1 / baseline.seen);
    baseline.seconds += (seconds - baseline.seconds) * weight;
  }

  /** Mean ratio since the last call: 1 is as usual, 2 twice as slow; NaN without anything to compare. */
  takeRatio(): number {
    const ratio = this.#ratios / this.#count;
    this.#ratios = 0;
    this.#count = 0;
    return ratio;
  }

  #add(key: string, seconds: number): void {
    if (this.#baselines.size >= MOST_KEYS) {
      const [oldest] = this.#baselines.keys();
      if (oldest !== undefined) this.#baselines.delete(oldest);
    }
    this.#baselines.set(key, { seconds, seen: 1 });
  }
}
