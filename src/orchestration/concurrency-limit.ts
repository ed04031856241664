import { monitorEventLoopDelay } from 'node:perf_hooks';

import type { ConcurrencyOptions } from '../options.ts';
import type { ConcurrencyRules } from '../policies/concurrency-options.ts';
import { concurrencyRules } from '../policies/concurrency-options.ts';
import { LatencyBaselines } from '../policies/latency-baselines.ts';

/** What one interval of an engine's work looked like. */
export interface ConcurrencySample {
  /** Most handlers that ran at once. */
  readonly inFlight: number;
  /** 99th percentile of the event loop's delay. */
  readonly eventLoopDelayMs: number;
  /** Longest wait for a database connection. */
  readonly poolWaitMs: number;
  /** Mean of handler time over what is usual for that handler; 1 is as usual, NaN without handlers. */
  readonly latencyRatio: number;
}

/** Period of the timer that measures the event loop; Node counts it as part of the delay. */
const TIMER_MS = 10;
/** Part of the limit that is left when the process or its database is overloaded. */
const DECREASE = 0.9;
/** Weight of a new limit against the old one. */
const SMOOTHING = 0.2;
/** Slowest that handlers may count as, so that one interval never takes more than half. */
const LEAST_GRADIENT = 0.5;

/**
 * The next limit after one interval. Pure; O(1).
 *
 * Overload that is measured directly (event loop, pool) takes a tenth: multiplicative decrease, as in
 * AIMD. Otherwise the limit follows the gradient of handler time: limit × min(1, tolerance ÷ ratio)
 * plus the root of the limit as headroom, smoothed. It grows only while at least half of it is used,
 * because an idle engine learns nothing about a higher one.
 *
 * Source: Gradient2Limit and AIMDLimit of Netflix concurrency-limits
 * (github.com/Netflix/concurrency-limits).
 *
 * @param limit a number within the rules' bounds, fractions kept between intervals
 */
export function nextLimit(
  limit: number,
  sample: ConcurrencySample,
  rules: ConcurrencyRules,
): number {
  const { eventLoopDelayMs, poolWaitMs, latencyRatio, inFlight } = sample;
  const clamp = (value: number): number => Math.min(Math.max(value, rules.min), rules.max);
  if (eventLoopDelayMs > rules.eventLoopDelayMs || poolWaitMs > rules.poolWaitMs) {
    return clamp(limit * DECREASE);
  }
  if (!(inFlight >= limit / 2)) return clamp(limit);
  const ratio = latencyRatio > 0 ? latencyRatio : 1;
  const gradient = Math.min(1, Math.max(LEAST_GRADIENT, rules.latencyTolerance / ratio));
  // headroom keeps the limit searching upwards, but never against handlers that grow slower
  const headroom = gradient === 1 ? Math.sqrt(limit) : 0;
  return clamp(limit * (1 - SMOOTHING) + (limit * gradient + headroom) * SMOOTHING);
}

/**
 * How many handlers may run at once: fixed, or adapted at each {@link tick}.
 *
 * The owner reports what happens and ticks at even intervals (a second is a good one). Event-loop
 * delay is measured here, from `start` to `stop`, in the thread that calls them.
 */
export class ConcurrencyLimit {
  readonly #rules: ConcurrencyRules;
  readonly #latencies = new LatencyBaselines();
  #limit: number;
  #mostInFlight = 0;
  #longestPoolWaitMs = 0;
  #histogram: ReturnType<typeof monitorEventLoopDelay> | undefined;

  /** @throws TaskerError `TASKER_BAD_ARGUMENT` naming the field and its value */
  constructor(options?: ConcurrencyOptions) {
    this.#rules = concurrencyRules(options);
    this.#limit = this.#rules.initial;
  }

  /** Handlers that may run at once now; whole, at least 1. */
  get current(): number {
    return Math.floor(this.#limit);
  }

  /** False when the number is fixed: then nothing need be reported. */
  get adaptive(): boolean {
    return this.#rules.min < this.#rules.max;
  }

  /** Begins to measure the event loop; again is nothing. */
  start(): void {
    if (!this.adaptive || this.#histogram !== undefined) return;
    this.#histogram = monitorEventLoopDelay({ resolution: TIMER_MS });
    this.#histogram.enable();
  }

  /** Ends measuring; again is nothing. */
  stop(): void {
    this.#histogram?.disable();
    this.#histogram = undefined;
  }

  /** So many handlers run now. */
  running(inFlight: number): void {
    if (inFlight > this.#mostInFlight) this.#mostInFlight = inFlight;
  }

  /** A handler finished; `key` names what is usually about as fast (a template's step). */
  finished(key: string, durationSeconds: number): void {
    if (this.adaptive) this.#latencies.record(key, durationSeconds);
  }

  /** Taking a connection waited so long. */
  waitedForPool(milliseconds: number): void {
    if (milliseconds > this.#longestPoolWaitMs) this.#longestPoolWaitMs = milliseconds;
  }

  /** Ends an interval: adapts the limit and says what was seen. */
  tick(): ConcurrencySample {
    const sample: ConcurrencySample = {
      inFlight: this.#mostInFlight,
      eventLoopDelayMs: Math.max(0, (this.#histogram?.percentile(99) ?? 0) / 1e6 - TIMER_MS),
      poolWaitMs: this.#longestPoolWaitMs,
      latencyRatio: this.#latencies.takeRatio(),
    };
    this.#histogram?.reset();
    this.#mostInFlight = 0;
    this.#longestPoolWaitMs = 0;
    this.observe(sample);
    return sample;
  }

  /** Adapts the limit to a sample that was taken elsewhere. */
  observe(sample: ConcurrencySample): void {
    if (this.adaptive) this.#limit = nextLimit(this.#limit, sample, this.#rules);
  }
}
