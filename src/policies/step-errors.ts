import { secondsOf } from './duration.ts';
import type { JsonObject } from './bounded-json.ts';
import { boundedJson } from './bounded-json.ts';

/** Marks the errors of every copy of this package that a process may have loaded. */
const BRAND = Symbol.for('tasker-core.step-error');

/** Options of {@link RetryableError}. */
export interface RetryableErrorOptions {
  /**
   * When to try again: seconds from now, a duration such as `1s`, a `Date`, or ISO text of an
   * instant. It replaces the wait of the step's retry policy and is capped by it. What is no such
   * value counts as not given.
   */
  readonly retryAfter?: number | string | Date | undefined;
  /** A code of yours, such as `GATEWAY_BUSY`; rules of a retry policy may name it. */
  readonly errorCode?: string | undefined;
  /** Facts to keep with the failure; copied as bounded JSON. */
  readonly context?: unknown;
  readonly cause?: unknown;
}

/**
 * Thrown by a step's handler for a failure that a later attempt may heal.
 *
 * Any other error is repeated as well; this one can say when, and keeps facts.
 */
export class RetryableError extends Error {
  override readonly name: string = 'RetryableError';
  readonly [BRAND] = true;
  readonly retryable = true;
  /** Seconds from the moment of the failure; undefined leaves the wait to the retry policy. */
  readonly retryAfterSeconds: number | undefined;
  readonly errorCode: string | undefined;
  readonly context: unknown;

  constructor(message: string, options: RetryableErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryAfterSeconds = secondsUntil(options.retryAfter);
    this.errorCode = options.errorCode;
    this.context = options.context;
  }
}

/** Options of {@link PermanentError}. */
export interface PermanentErrorOptions {
  /** A code of yours, such as `CARD_DECLINED`. */
  readonly errorCode?: string | undefined;
  /** Facts to keep with the failure; copied as bounded JSON. */
  readonly context?: unknown;
  readonly cause?: unknown;
}

/** Thrown by a step's handler for a failure that no repetition heals: the step fails for good. */
export class PermanentError extends Error {
  override readonly name: string = 'PermanentError';
  readonly [BRAND] = true;
  readonly retryable = false;
  readonly errorCode: string | undefined;
  readonly context: unknown;

  constructor(message: string, options: PermanentErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.errorCode = options.errorCode;
    this.context = options.context;
  }
}

/** True for a {@link RetryableError} or {@link PermanentError} of any copy of this package. */
export function isStepError(value: unknown): value is RetryableError | PermanentError {
  return typeof value === 'object' && value !== null && BRAND in value;
}

/** What a framework handler knows about an error that somebody else made. */
export interface FailureNotes {
  /** Fields for the step's results beside those every failure has. */
  readonly results?: JsonObject;
  readonly retryAfterSeconds?: number;
  /** False: the failure asks for no backoff of its own; see `decideRetry`. */
  readonly backoff?: false;
}

// Beside the error and not on it: it may be frozen, and its owner may compare or print it.
const NOTES = new WeakMap<object, FailureNotes>();

/** Keeps `notes` with a thrown value for `describeFailure`; what is no object is wrapped. */
export function withNotes(thrown: unknown, notes: FailureNotes): object {
  const error =
    (typeof thrown === 'object' && thrown !== null) || typeof thrown === 'function'
      ? thrown
      : new Error(JSON.stringify(boundedJson(thrown)));
  NOTES.set(error, { ...NOTES.get(error), ...notes });
  return error;
}

/** The notes kept with a thrown value. */
export function notesOf(thrown: unknown): FailureNotes {
  return (typeof thrown === 'object' && thrown !== null ? NOTES.get(thrown) : undefined) ?? {};
}

function secondsUntil(retryAfter: unknown): number | undefined {
  if (typeof retryAfter === 'number') {
    return Number.isFinite(retryAfter) ? Math.max(0, retryAfter) : undefined;
  }
  const duration = secondsOf(retryAfter);
  if (duration !== undefined) return duration;
  let at = Number.NaN;
  if (typeof retryAfter === 'string') at = Date.parse(retryAfter);
  else if (retryAfter instanceof Date) at = retryAfter.getTime();
  return Number.isNaN(at) ? undefined : Math.max(0, (at - Date.now()) / 1000);
}
