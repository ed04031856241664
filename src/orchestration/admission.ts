import type { ConcurrencyOptions } from '../options.ts';
import type { StepTemplate } from '../templates/task-template.ts';
import type { AttemptEnd } from './attempt.ts';
import type { CircuitState } from '../policies/circuit-breaker.ts';
import {
  CircuitBreakers,
  type CircuitBreakersOptions,
  type KeyedCircuitPermit,
} from '../policies/circuit-breakers.ts';
import type { Clock } from './clock.ts';
import { ConcurrencyLimit } from './concurrency-limit.ts';

/** Options of {@link Admission}. */
export interface AdmissionOptions {
  readonly clock: Clock;
  readonly concurrency: ConcurrencyOptions;
  readonly circuitBreakers: CircuitBreakersOptions;
}

/** Time between two looks at how the work goes, ms. */
const TICK_MS = 1000;

/** The system of steps that name none; they have nothing in common that could be down. */
const NO_SYSTEM = 'unknown';

/** Key of a step's circuit: what the template says, else the dependent system; undefined for none. */
function keyOf({ circuitBreaker, dependentSystem }: StepTemplate): string | undefined {
  if (circuitBreaker !== undefined) return circuitBreaker;
  return dependentSystem === NO_SYSTEM ? undefined : dependentSystem;
}

/**
 * Decides how many steps run at once, and holds back those whose circuit is open: a step that is
 * held back is not claimed and uses up no attempt.
 */
export class Admission {
  readonly limit: ConcurrencyLimit;
  readonly breakers: CircuitBreakers;
  readonly #clock: Clock;
  readonly #running = new Set<bigint>();
  readonly #permits = new Map<bigint, KeyedCircuitPermit>();
  #timer: NodeJS.Timeout | undefined;

  /** Errors: TASKER_BAD_ARGUMENT names the option. */
  constructor({ clock, concurrency, circuitBreakers }: AdmissionOptions) {
    this.#clock = clock;
    this.limit = new ConcurrencyLimit(concurrency);
    this.breakers = new CircuitBreakers(circuitBreakers);
  }

  start(): void {
    if (!this.limit.adaptive || this.#timer !== undefined) return;
    this.limit.start();
    this.#timer = setInterval(() => this.limit.tick(), TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.limit.stop();
  }

  /** Until when the step must wait, µs since the epoch; undefined lets it run. */
  holdBack(template: StepTemplate, stepId: bigint): number | undefined {
    const key = keyOf(template);
    if (key !== undefined) {
      const answer = this.breakers.acquire(key, this.#clock.nowMicros());
      if (!answer.allowed) return answer.notBefore;
      this.#permits.set(stepId, answer);
    }
    this.#running.add(stepId);
    this.limit.running(this.#running.size);
    return undefined;
  }

  /** The attempt's handler has ended. */
  ended(stepId: bigint, template: StepTemplate, end: AttemptEnd): void {
    if (!this.#running.delete(stepId)) return;
    this.limit.finished(template.name, end.seconds);
    const permit = this.#permits.get(stepId);
    if (permit === undefined) return;
    this.#permits.delete(stepId);
    const now = this.#clock.nowMicros();
    if (end.kind === 'completed') this.breakers.succeeded(permit, now);
    else this.breakers.failed(permit, end.failure, now);
  }

  /** The attempt was not made, or cut off. */
  released(stepId: bigint): void {
    this.#running.delete(stepId);
    const permit = this.#permits.get(stepId);
    if (permit === undefined) return;
    this.#permits.delete(stepId);
    this.breakers.released(permit);
  }

  /** State of every circuit by key. */
  circuits(): ReadonlyMap<string, CircuitState> {
    return this.breakers.states();
  }
}
