import type { CircuitBreakerOptions } from '../options.ts';
import type {
  CircuitChange,
  CircuitPermit,
  CircuitRefusal,
  CircuitState,
} from './circuit-breaker.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import type { CircuitRules } from './circuit-options.ts';
import { circuitRules } from './circuit-options.ts';
import type { Failure } from './failure.ts';

/** A change of the circuit of one key. */
export interface KeyedCircuitChange extends CircuitChange {
  readonly key: string;
}

/** A permit of {@link CircuitBreakers}. */
export interface KeyedCircuitPermit extends CircuitPermit {
  readonly breaker: CircuitBreaker;
}

/** Options of {@link CircuitBreakers}. */
export interface CircuitBreakersOptions {
  /** For every key without options of its own. */
  readonly defaults?: CircuitBreakerOptions;
  /** Options by key; they replace the defaults one by one. */
  readonly byKey?: Readonly<Record<string, CircuitBreakerOptions>>;
  /**
   * Told of every change as it happens, also to look again at steps that were held back. What it
   * throws becomes a warning of the process: a listener must not end an attempt.
   */
  readonly onChange?: (change: KeyedCircuitChange) => void;
}

/** Circuits kept before idle ones are dropped. */
const IDLE_SWEEP = 1000;

/** The circuits of an engine, one for each dependent system or key, made when first asked for. */
export class CircuitBreakers {
  readonly #breakers = new Map<string, CircuitBreaker>();
  readonly #defaults: CircuitRules;
  readonly #byKey: ReadonlyMap<string, CircuitRules>;
  readonly #onChange: ((change: KeyedCircuitChange) => void) | undefined;
  #sweepAt = IDLE_SWEEP;

  /** @throws TaskerError `TASKER_BAD_ARGUMENT` naming the field and its value */
  constructor(options: CircuitBreakersOptions = {}) {
    const { defaults, byKey = {}, onChange } = options;
    this.#defaults = circuitRules(defaults, 'circuitBreakers.defaults');
    this.#byKey = new Map(
      Object.entries(byKey).map(([key, own]) => [
        key,
        circuitRules({ ...defaults, ...own }, `circuitBreakers.byKey.${key}`),
      ]),
    );
    this.#onChange = onChange;
  }

  /**
   * Leave for one attempt against `key`, to be handed back by {@link succeeded}, {@link failed} or
   * {@link released}, or the instant at which to ask again. O(1).
   */
  acquire(key: string, nowMicros: number): KeyedCircuitPermit | CircuitRefusal {
    const breaker = this.#breaker(key, nowMicros);
    const answer = breaker.acquire(nowMicros);
    return answer.allowed ? { ...answer, breaker } : answer;
  }

  /** The attempt succeeded. */
  succeeded(permit: KeyedCircuitPermit, nowMicros: number): void {
    permit.breaker.succeeded(permit, nowMicros);
  }

  /** The attempt failed. */
  failed(permit: KeyedCircuitPermit, failure: Failure, nowMicros: number): void {
    permit.breaker.failed(permit, failure, nowMicros);
  }

  /** The attempt was not made (a lost claim) or was cut off (a cancelled step). */
  released(permit: KeyedCircuitPermit): void {
    permit.breaker.released(permit);
  }

  /** Holds `key` open until an instant, then half-open; without one until {@link release}. */
  forceOpen(key: string, nowMicros: number, untilMicros?: number): void {
    this.#breaker(key, nowMicros).forceOpen(nowMicros, untilMicros);
  }

  /** Holds `key` closed until {@link release}. */
  forceClose(key: string, nowMicros: number): void {
    this.#breaker(key, nowMicros).forceClose(nowMicros);
  }

  /** Ends a force of `key`. */
  release(key: string, nowMicros: number): void {
    this.#breakers.get(key)?.release(nowMicros);
  }

  /** State of every circuit that was asked for, by key. */
  states(): ReadonlyMap<string, CircuitState> {
    return new Map([...this.#breakers].map(([key, breaker]) => [key, breaker.state]));
  }

  #breaker(key: string, nowMicros: number): CircuitBreaker {
    const known = this.#breakers.get(key);
    if (known !== undefined) return known;
    if (this.#breakers.size >= this.#sweepAt) this.#dropIdle(nowMicros);
    const rules = this.#byKey.get(key) ?? this.#defaults;
    const breaker = new CircuitBreaker(rules, (change) => this.#tell({ ...change, key }));
    this.#breakers.set(key, breaker);
    return breaker;
  }

  // Keys may be made from data; a permit keeps its breaker, so that none is lost with the entry.
  #dropIdle(nowMicros: number): void {
    for (const [key, breaker] of this.#breakers) {
      if (breaker.isIdle(nowMicros)) this.#breakers.delete(key);
    }
    this.#sweepAt = Math.max(IDLE_SWEEP, 2 * this.#breakers.size);
  }

  #tell(change: KeyedCircuitChange): void {
    try {
      this.#onChange?.(change);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }
}
