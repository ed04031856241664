import type { CircuitRules } from './circuit-options.ts';
import type { Failure } from './failure.ts';
import { OutcomeWindow } from './outcome-window.ts';

/** State of a circuit. */
export type CircuitState = 'closed' | 'open' | 'half_open';

/** Why a circuit changed its state. */
export type CircuitCause =
  | 'failure_rate'
  | 'consecutive_failures'
  | 'open_time_over'
  | 'probe_failed'
  | 'probes_succeeded'
  | 'forced'
  | 'released';

/** A change of state. */
export interface CircuitChange {
  readonly event: 'opened' | 'half_opened' | 'closed';
  readonly from: CircuitState;
  readonly to: CircuitState;
  readonly cause: CircuitCause;
  /** µs since the epoch. */
  readonly at: number;
  /** Until when an open circuit stays so, µs; infinite when forced without an end. */
  readonly until?: number;
  /** Calls and failures within the window when it changed. */
  readonly calls: number;
  readonly failures: number;
}

/** Leave to make one call; to be handed back with its outcome exactly once. */
export interface CircuitPermit {
  readonly allowed: true;
  /** Calls of an earlier state of the circuit say nothing about the present one. */
  readonly era: number;
}

/** No leave before an instant; none of the step's attempts is used up. */
export interface CircuitRefusal {
  readonly allowed: false;
  /** µs since the epoch at which to ask again; a change of state may come earlier. */
  readonly notBefore: number;
}

const EVENTS = { open: 'opened', half_open: 'half_opened', closed: 'closed' } as const;

/** How often a circuit that somebody forced open without an end is asked about. */
const FORCED_RECHECK_MICROS = 60_000_000;

/**
 * One circuit: closed, open after too many failures, half-open when its time is over, closed again when
 * probes succeed. All instants are given by the caller, in µs; the same calls give the same states.
 *
 * Source: Nygard, "Release It!", 2007, with the failure rate over a sliding window of resilience4j.
 */
export class CircuitBreaker {
  readonly #rules: CircuitRules;
  readonly #onChange: (change: CircuitChange) => void;
  readonly #window: OutcomeWindow;
  /** When each probe under way frees its place by itself, ascending. */
  readonly #probeEnds: number[] = [];
  #state: CircuitState = 'closed';
  #forced = false;
  #era = 0;
  #until = 0;
  #openings = 0;
  #consecutive = 0;
  #probeSuccesses = 0;

  constructor(rules: CircuitRules, onChange: (change: CircuitChange) => void = () => undefined) {
    this.#rules = rules;
    this.#onChange = onChange;
    this.#window = new OutcomeWindow(rules.windowMicros);
  }

  /** The state as of the last call; an open circuit is left when somebody asks after its time. */
  get state(): CircuitState {
    return this.#state;
  }

  /** True while an operator holds the circuit open or closed. */
  get forced(): boolean {
    return this.#forced;
  }

  /** True when nothing would be lost with this object: closed, not forced, no call in the window. */
  isIdle(nowMicros: number): boolean {
    this.#window.advance(nowMicros);
    return this.#state === 'closed' && !this.#forced && this.#window.calls === 0;
  }

  /** Leave for one call, or when to ask again. */
  acquire(nowMicros: number): CircuitPermit | CircuitRefusal {
    if (this.#state === 'open') {
      if (nowMicros < this.#until) {
        const forever = this.#until === Infinity;
        return {
          allowed: false,
          notBefore: forever ? nowMicros + FORCED_RECHECK_MICROS : this.#until,
        };
      }
      this.#forced = false;
      this.#change('half_open', 'open_time_over', nowMicros);
    }
    if (this.#state === 'half_open') {
      while (this.#probeEnds[0] !== undefined && this.#probeEnds[0] <= nowMicros)
        this.#probeEnds.shift();
      if (this.#probeEnds.length >= this.#rules.probes) {
        const recheck = nowMicros + this.#openMicros();
        return { allowed: false, notBefore: Math.min(this.#probeEnds[0] ?? recheck, recheck) };
      }
      this.#probeEnds.push(nowMicros + this.#rules.probeMicros);
    }
    return { allowed: true, era: this.#era };
  }

  /** The call of a permit succeeded. */
  succeeded(permit: CircuitPermit, nowMicros: number): void {
    if (permit.era !== this.#era) return;
    if (this.#state === 'half_open') {
      this.#probeEnds.shift();
      this.#probeSuccesses++;
      if (this.#probeSuccesses >= this.#rules.probeSuccesses) {
        this.#openings = 0;
        this.#change('closed', 'probes_succeeded', nowMicros);
      }
      return;
    }
    this.#consecutive = 0;
    this.#window.add(false, nowMicros);
  }

  /** The call of a permit failed; a failure that does not count is an answer, thus a success. */
  failed(permit: CircuitPermit, failure: Failure, nowMicros: number): void {
    if (permit.era !== this.#era) return;
    if (!this.#rules.counts(failure)) return this.succeeded(permit, nowMicros);
    if (this.#state === 'half_open') return this.#open('probe_failed', nowMicros);
    this.#consecutive++;
    this.#window.add(true, nowMicros);
    if (this.#forced || this.#state !== 'closed') return;
    const { calls, failures } = this.#window;
    const { consecutiveFailures, minimumCalls, failureRate } = this.#rules;
    if (this.#consecutive >= consecutiveFailures) {
      this.#open('consecutive_failures', nowMicros);
    } else if (calls >= minimumCalls && failures / calls >= failureRate) {
      this.#open('failure_rate', nowMicros);
    }
  }

  /** The call of a permit was not made, or came to no outcome. */
  released(permit: CircuitPermit): void {
    if (permit.era === this.#era && this.#state === 'half_open') this.#probeEnds.shift();
  }

  /** Holds the circuit open until an instant, then half-open; without one until {@link release}. */
  forceOpen(nowMicros: number, untilMicros: number = Infinity): void {
    this.#forced = true;
    this.#until = untilMicros;
    this.#change('open', 'forced', nowMicros);
  }

  /** Holds the circuit closed, whatever fails, until {@link release}. */
  forceClose(nowMicros: number): void {
    this.#forced = true;
    this.#openings = 0;
    this.#change('closed', 'forced', nowMicros);
  }

  /** Ends a force; the circuit starts afresh, closed. */
  release(nowMicros: number): void {
    if (!this.#forced) return;
    this.#forced = false;
    this.#openings = 0;
    this.#change('closed', 'released', nowMicros);
  }

  /** How long the circuit is open this time: grows with each opening since it was last closed. */
  #openMicros(): number {
    const { openMicros, openGrowth, maxOpenMicros } = this.#rules;
    return Math.min(openMicros * openGrowth ** Math.max(0, this.#openings - 1), maxOpenMicros);
  }

  #open(cause: CircuitCause, nowMicros: number): void {
    this.#openings++;
    this.#until = Math.ceil(nowMicros + this.#openMicros());
    this.#change('open', cause, nowMicros);
  }

  #change(to: CircuitState, cause: CircuitCause, at: number): void {
    const from = this.#state;
    const { calls, failures } = this.#window;
    this.#state = to;
    this.#era++;
    this.#consecutive = 0;
    this.#probeSuccesses = 0;
    this.#probeEnds.length = 0;
    this.#window.clear();
    if (from === to && to !== 'open') return;
    const until = to === 'open' ? { until: this.#until } : undefined;
    this.#onChange({ event: EVENTS[to], from, to, cause, at, ...until, calls, failures });
  }
}
