import type { StepMove } from '../database/engine/transition-log.ts';
import { STEP_FLAGS } from '../graph/snapshot/layout.ts';
import type { StepChange } from '../graph/rules/own-row.ts';
import { STATE_CODES } from '../graph/snapshot/state-codes.ts';
import { resultsOf } from './active-task.ts';
import type { Attempt, AttemptEnd } from './attempt.ts';
import { failureResults } from '../policies/failure.ts';
import type { MoveMetadata } from './move-metadata.ts';
import { decideRetry } from '../policies/retry-decision.ts';
import { policyOf } from './step-retry-policy.ts';

/** What an attempt's end stores, and how it changes the resident graph. */
export interface StoredEnd {
  readonly move: Omit<StepMove, 'stepId' | 'taskId' | 'token'>;
  /** Undefined for a completed step. */
  readonly change: StepChange | undefined;
}

/** The transition that ends an attempt at an instant, µs since the epoch; a failure is retried or final. */
export function endOfAttempt(
  attempt: Attempt,
  end: AttemptEnd,
  at: number,
  metadata: MoveMetadata,
): StoredEnd {
  if (end.kind === 'completed') {
    attempt.stored = end.results;
    const move = {
      from: 'in_progress',
      to: 'complete',
      results: end.results,
      metadata: metadata.end(attempt, end),
    } as const;
    return { move, change: undefined };
  }
  const { template, number, retryLimit, retryable, task, stepId } = attempt;
  const decision = decideRetry({
    attempt: number,
    retryLimit,
    retryable,
    failure: end.failure,
    policy: policyOf(template),
    nowMicros: at,
  });
  const previous = task.inputs === undefined ? null : resultsOf(task.inputs, stepId);
  attempt.stored = JSON.stringify(failureResults(previous, end.failure));
  const wait = decision.final
    ? {}
    : { nextAttemptAt: decision.nextAttemptAt, backoffSeconds: decision.backoffSeconds };
  // attempts that are used up say so themselves
  const forbidden = decision.final && decision.reason !== 'attempts_exhausted';
  const facts = decision.final ? { final: decision.reason } : {};
  return {
    move: {
      from: 'in_progress',
      to: 'error',
      results: attempt.stored,
      metadata: metadata.end(attempt, end, facts),
      ...(forbidden ? { retryable: false } : {}),
      ...wait,
    },
    change: {
      state: STATE_CODES.error,
      attempts: number,
      flags:
        STEP_FLAGS.transitioned |
        (forbidden || !retryable ? STEP_FLAGS.notRetryable : 0) |
        (decision.final ? STEP_FLAGS.backoffNull : 0),
      failedAt: at,
      nextAttemptAt: decision.final ? NaN : decision.nextAttemptAt,
      explicitUntil: NaN,
    },
  };
}
