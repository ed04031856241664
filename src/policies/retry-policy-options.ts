/** What every backoff may set beside its own law. */
export interface BackoffLimits {
  /**
   * Longest wait in seconds, applied last: after jitter, and to a server's Retry-After too. More
   * spares a service that is down for long; less gets a task done sooner after a short fault. 0 to
   * 31,536,000 (a year); default 300.
   */
  readonly maxSeconds?: number;
  /**
   * Random part of a wait as a fraction of it: 30 s with 0.1 becomes 27 to 33 s. It keeps steps that
   * failed together from coming back together. 0 to 1; default 0.1.
   */
  readonly jitter?: number;
}

/** Waits by attempt: the first failure waits for the first entry. */
export interface ListBackoff extends BackoffLimits {
  readonly strategy: 'list';
  /** Seconds, at least one entry, fractions allowed. */
  readonly seconds: readonly number[];
  /**
   * What follows the list: failure n waits n to the power of this, 0 to 10, in whole seconds. Without
   * it the last entry repeats.
   */
  readonly power?: number;
}

/** Waits that grow by a factor: initialSeconds × factor ^ (n − 1) after failure n. */
export interface ExponentialBackoff extends BackoffLimits {
  readonly strategy: 'exponential';
  /** Seconds after the first failure; fractions allowed. Default 1. */
  readonly initialSeconds?: number;
  /** 1 to 100; default 2. */
  readonly factor?: number;
}

/** The same wait after each failure. */
export interface ConstantBackoff extends BackoffLimits {
  readonly strategy: 'constant';
  /** Fractions allowed. */
  readonly seconds: number;
}

/** How long a failed step waits before its next attempt. */
export type BackoffOptions = ConstantBackoff | ExponentialBackoff | ListBackoff;

/** Backoffs that need no options of their own. */
export type NamedBackoff = 'exponential';

/** When a failed step is attempted again. Plain data, so that YAML can state it. */
export interface RetryPolicyOptions {
  /**
   * Default: the list 1, 2, 4, 8, 16, 32 seconds, then n² after failure n, jitter in whole seconds, at
   * least 1 second.
   */
  readonly backoff?: BackoffOptions | NamedBackoff;
  /**
   * Another backoff, or `'never'` for a failure that no repetition heals, by the error's code
   * (`ECONNREFUSED`), the name of its class or of a class it extends. The most specific name
   * decides: code, class, extended classes upwards. The rule replaces `backoff` whole. A permanent
   * error is final whatever stands here.
   */
  readonly byError?: Readonly<Record<string, BackoffOptions | NamedBackoff | 'never'>>;
}

/** How often and when a failed step is attempted again. */
export interface RetryOptions extends RetryPolicyOptions {
  /**
   * Attempts in all, the first one included; 0 counts as 1. More outlasts longer faults of what the
   * step calls; less tells earlier that it is down. Whole, 0 to 2,147,483,647; default 3.
   */
  readonly limit?: number;
}
