import type { RandomSource } from './backoff-calculator.ts';
import { backoffSeconds } from './backoff-calculator.ts';
import type { Failure } from './failure.ts';
import type { Backoff, RetryPolicy } from './retry-policy.ts';
import { DEFAULT_RETRY_POLICY, FAILURE_WAIT } from './retry-policy.ts';

/** What is known when an attempt has failed. */
export interface FailedAttempt {
  /** Its number, from 1: the step's attempts after counting it. */
  readonly attempt: number;
  /** The step's, as stored: attempts in all; null counts as 3, 0 as 1. */
  readonly retryLimit: number | null;
  /** The step's, as stored; null counts as true. */
  readonly retryable: boolean | null;
  readonly failure: Failure;
  /** Default: the contract's backoff. */
  readonly policy?: RetryPolicy | undefined;
  /** Instant of the failure in µs, written as the step's last_attempted_at. */
  readonly nowMicros: number;
  /** For jitter; default `Math.random`. */
  readonly random?: RandomSource;
}

/** Why no further attempt follows. */
export type FinalReason =
  /** The handler said so: a PermanentError. */
  | 'permanent_error'
  /** The step is not retryable. */
  | 'not_retryable'
  /** A rule of the policy says never for this error. */
  | 'never_by_rule'
  /** It was the last attempt allowed. */
  | 'attempts_exhausted';

/** What follows a failed attempt. */
export type RetryDecision =
  | { readonly final: true; readonly reason: FinalReason }
  | {
      readonly final: false;
      /** `next_attempt_at`, µs since the epoch. */
      readonly nextAttemptAt: number;
      /**
       * `backoff_request_seconds`: the wait rounded up to whole seconds, so that who only reads it
       * and last_attempted_at runs the step no earlier.
       */
      readonly backoffSeconds: number;
    };

/**
 * Decides whether and when a failed step is attempted again, under the engine's rules.
 *
 * Except for `attempts_exhausted`, a final failure must be stored as `retryable = false`: readers know
 * a permanent failure by that. A Retry-After wins over every backoff and is capped by the
 * `maxSeconds` of the one it replaces. A failure that asks for no backoff (an API response
 * without one) waits as a Rails engine would make it wait, unless the step names a backoff. O(1).
 */
export function decideRetry(failed: FailedAttempt): RetryDecision {
  const { attempt, failure, nowMicros, policy = DEFAULT_RETRY_POLICY } = failed;
  if (failure.retryable === false) return { final: true, reason: 'permanent_error' };
  if (failed.retryable === false) return { final: true, reason: 'not_retryable' };
  const backoff = backoffFor(policy, failure);
  if (backoff === 'never') return { final: true, reason: 'never_by_rule' };
  if (attempt >= attemptLimit(failed.retryLimit)) {
    return { final: true, reason: 'attempts_exhausted' };
  }
  const seconds =
    failure.retryAfterSeconds === undefined
      ? backoffSeconds(backoff, attempt, failed.random)
      : Math.min(failure.retryAfterSeconds, backoff.maxSeconds);
  const waitMicros = Math.ceil(seconds * 1e6);
  return {
    final: false,
    nextAttemptAt: nowMicros + waitMicros,
    backoffSeconds: Math.ceil(waitMicros / 1e6),
  };
}

/** Attempts in all that a stored retry limit allows: null 3, and never less than 1. */
export function attemptLimit(retryLimit: number | null): number {
  return Math.max(1, retryLimit ?? 3);
}

function backoffFor(policy: RetryPolicy, failure: Failure): Backoff | 'never' {
  for (const name of failure.errorNames) {
    const rule = policy.byError.get(name);
    if (rule !== undefined) return rule;
  }
  return failure.backoff === false && !policy.declared ? FAILURE_WAIT : policy.backoff;
}
