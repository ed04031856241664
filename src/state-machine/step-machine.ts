import type { Machine, StepColumn } from './machine.ts';

/** What ends an attempt writes these. */
const ATTEMPT_ENDED = {
  attempts: 'increment',
  last_attempted_at: 'now',
  in_process: 'false',
  results: 'given',
} as const;

/** Declares a step done without running it. */
const RESOLVED = {
  processed: 'true',
  processed_at: 'now',
  in_process: 'false',
  results: 'given_or_kept',
} as const;

/**
 * The machine of a workflow step. A step that was never claimed has no transition row and is
 * pending. Attempts count what has ended: a claim does not write the step's row.
 */
export const STEP_MACHINE = {
  pending: {
    in_progress: { event: 'step.execution_requested', guards: ['parents_satisfied'] },
    error: {
      event: 'step.failed',
      writes: { results: 'given_or_kept', retryable: 'given_or_kept' },
    },
    cancelled: { event: 'step.cancelled' },
    resolved_manually: { event: 'step.resolved_manually', writes: RESOLVED },
  },
  in_progress: {
    complete: {
      event: 'step.completed',
      writes: { ...ATTEMPT_ENDED, processed: 'true', processed_at: 'now' },
    },
    error: {
      event: 'step.failed',
      writes: {
        ...ATTEMPT_ENDED,
        processed: 'false',
        backoff_request_seconds: 'given',
        retryable: 'given_or_kept',
      },
    },
    cancelled: { event: 'step.cancelled' },
  },
  error: {
    pending: {
      event: 'step.retry_requested',
      writes: {
        processed: 'false',
        in_process: 'false',
        backoff_request_seconds: 'null',
        retryable: 'given_or_kept',
        retry_limit: 'given_or_kept',
      },
    },
    resolved_manually: { event: 'step.resolved_manually', writes: RESOLVED },
  },
  complete: {},
  resolved_manually: {},
  cancelled: {},
} as const satisfies Machine<StepColumn>;

/** The machine of a workflow step as a type. */
export type StepMachine = typeof STEP_MACHINE;
