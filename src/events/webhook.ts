import { setTimeout as sleep } from 'node:timers/promises';

import { TaskerError } from '../errors.ts';
import type { CircuitBreakerOptions } from '../options.ts';
import { badOption, knownKeys, numberOption, objectOption } from '../policies/bad-option.ts';
import { CircuitBreaker, type CircuitPermit } from '../policies/circuit-breaker.ts';
import { circuitRules } from '../policies/circuit-options.ts';
import { retryAfterOf } from '../policies/retry-after.ts';
import type { StoredEvent } from './stored-event.ts';
import type { EventHandler } from './subscriber-definition.ts';
import { signWebhook, webhookKeys, type WebhookSecret } from './webhook-signature.ts';

/** Options of {@link webhookHandler}. */
export interface WebhookOptions {
  /** Where events are posted to, http or https. Only its origin is shown in errors. */
  readonly url: string;
  /** What deliveries are signed with; several while one is replaced by another. */
  readonly secret: WebhookSecret;
  /** Headers of every request, for instance `authorization`. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Seconds that one request may take, its answer included. 0.001 to 600; default 10. */
  readonly timeoutSeconds?: number | undefined;
  /**
   * When requests are held back because the receiver fails; the defaults of `CircuitBreakerOptions`.
   * Answers with a status below 500 count as answers, 408 and 429 excepted. False for none.
   */
  readonly circuitBreaker?: Omit<CircuitBreakerOptions, 'counts'> | false | undefined;
}

/** An event that the receiver has not accepted. What the runner of subscribers makes of it: */
export class WebhookError extends TaskerError {
  /** False: another attempt is of no use; the event becomes a dead letter at once. */
  readonly retryable: boolean;
  /** Seconds that the receiver asked to wait for. */
  readonly retryAfterSeconds: number | undefined;

  constructor(why: string, facts: WebhookFailure) {
    const { origin, status, reason, retryable, retryAfterSeconds } = facts;
    super('TASKER_WEBHOOK_FAILED', `The webhook to ${origin} failed: ${why}.`, {
      data: { origin, reason, ...(status === undefined ? {} : { status }) },
    });
    this.retryable = retryable;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

interface WebhookFailure {
  readonly origin: string;
  /** `status`, `redirect`, `timeout`, or the code of what the network did. */
  readonly reason: string;
  readonly status?: number;
  readonly retryable: boolean;
  readonly retryAfterSeconds?: number | undefined;
  /** True where the receiver is well and only refused this. */
  readonly answered: boolean;
}

/** Bytes of an answer that are read before the connection is given up instead. */
const MOST_ANSWER = 65_536;

const RESERVED = /^(?:webhook-|tasker-|content-|host$|connection$|transfer-encoding$|expect$)/i;

/**
 * A handler of a durable subscriber that posts each event, signed, to a receiver. Any status of 200
 * to 299 is success. 410 and redirects, which are not followed, are final; all else is repeated as the
 * subscriber's options say, after the wait that a `Retry-After` asks for. While the circuit is open
 * handlers wait and use no attempt up: give the subscriber a `timeoutSeconds` longer than that.
 *
 * Errors: TASKER_BAD_ARGUMENT names the option; the handler's: TASKER_WEBHOOK_FAILED.
 */
export function webhookHandler(options: WebhookOptions): EventHandler {
  const checked = checkedWebhook(options);
  const { keys, breaker, origin } = checked;
  return async (event, { attempt, signal }) => {
    const body = webhookBody(event);
    const permit = await permitOf(breaker, signal);
    let failure: WebhookFailureOf | undefined;
    let settled = false;
    try {
      const headers = {
        ...checked.headers,
        'content-type': 'application/json',
        'user-agent': 'tasker-core',
        'tasker-event': encodeURIComponent(event.name),
        'tasker-attempt': String(attempt),
        ...signWebhook(keys, event.eventId, Math.floor(Date.now() / 1000), body),
      };
      failure = await post(checked, headers, body, signal);
      settled = true;
    } finally {
      settle(breaker, permit, settled, failure);
    }
    if (failure !== undefined) throw new WebhookError(failure.why, { origin, ...failure.facts });
  };
}

interface CheckedWebhook {
  readonly url: string;
  readonly origin: string;
  readonly keys: readonly Buffer[];
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly breaker: CircuitBreaker | undefined;
}

function checkedWebhook(options: WebhookOptions): CheckedWebhook {
  const given = objectOption('options', options);
  knownKeys('options', given, ['url', 'secret', 'headers', 'timeoutSeconds', 'circuitBreaker']);
  const parsed = typeof options.url === 'string' ? URL.parse(options.url) : null;
  if (
    parsed === null ||
    !/^https?:$/.test(parsed.protocol) ||
    parsed.username + parsed.password !== ''
  ) {
    throw badOption('url', '…', 'an address of http or https without user and password');
  }
  const { circuitBreaker = {} } = options;
  return {
    url: parsed.href,
    origin: parsed.origin,
    keys: webhookKeys(options.secret),
    headers: checkedHeaders(options.headers),
    timeoutMs: numberOption('timeoutSeconds', options.timeoutSeconds, 10, 0.001, 600) * 1000,
    breaker:
      circuitBreaker === false ? undefined : new CircuitBreaker(circuitRules(circuitBreaker)),
  };
}

/** The names of refused headers are shown, their values never. */
function checkedHeaders(headers: unknown = {}): Record<string, string> {
  const checked = new Headers();
  for (const [name, value] of Object.entries(objectOption('headers', headers))) {
    if (RESERVED.test(name)) throw badOption(`headers.${name}`, '…', 'left to this package');
    try {
      checked.set(name, value as string);
    } catch {
      throw badOption(`headers.${name}`, '…', 'a header that HTTP allows');
    }
  }
  return Object.fromEntries(checked);
}

/** The body of a delivery: ids are text, instants ISO text with six digits. */
function webhookBody(event: StoredEvent): string {
  return JSON.stringify({
    event_id: event.eventId,
    name: event.name,
    task_id: event.taskId === undefined ? null : String(event.taskId),
    step_id: event.stepId === undefined ? null : String(event.stepId),
    created_at: event.createdAt,
    payload: event.payload,
  });
}

/** Leave of the circuit; waits for it as long as the delivery may take. */
async function permitOf(
  breaker: CircuitBreaker | undefined,
  signal: AbortSignal,
): Promise<CircuitPermit | undefined> {
  if (breaker === undefined) return undefined;
  for (;;) {
    signal.throwIfAborted();
    const answer = breaker.acquire(nowMicros());
    if (answer.allowed) return answer;
    const wait = Math.ceil((answer.notBefore - nowMicros()) / 1000);
    // while a probe is under way its end comes unannounced
    await sleep(Math.min(Math.max(wait, 1), 250), undefined, { signal }).catch(() => undefined);
  }
}

/** By the monotonic clock: a circuit knows only how long ago. */
const nowMicros = (): number => Math.round(performance.now() * 1000);

interface WebhookFailureOf {
  readonly why: string;
  readonly facts: Omit<WebhookFailure, 'origin'>;
}

function settle(
  breaker: CircuitBreaker | undefined,
  permit: CircuitPermit | undefined,
  settled: boolean,
  failure: WebhookFailureOf | undefined,
): void {
  if (breaker === undefined || permit === undefined) return;
  if (!settled) return breaker.released(permit);
  if (failure === undefined || failure.facts.answered)
    return breaker.succeeded(permit, nowMicros());
  const description = {
    errorClass: 'WebhookError',
    errorNames: [],
    backtrace: [],
    retryable: true,
  };
  breaker.failed(permit, { ...description, message: failure.why }, nowMicros());
}

/**
 * One request. What the network throws is told by its code only: texts of others may repeat headers.
 *
 * @throws the signal's reason where the delivery was given up
 */
async function post(
  { url, timeoutMs }: CheckedWebhook,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<WebhookFailureOf | undefined> {
  const { request } = await import('undici');
  const timeout = AbortSignal.timeout(Math.ceil(timeoutMs));
  const either = AbortSignal.any([signal, timeout]);
  try {
    // undici follows no redirects by itself
    const answer = await request(url, { method: 'POST', headers, body, signal: either });
    const { statusCode: status } = answer;
    const failure = failureOf(status, answer.headers);
    await answer.body.dump({ limit: MOST_ANSWER, signal: either });
    return failure;
  } catch (error) {
    signal.throwIfAborted();
    const common = { retryable: true, answered: false };
    if (timeout.aborted) {
      const why = `no answer within ${timeoutMs / 1000} s`;
      return { why, facts: { ...common, reason: 'timeout' } };
    }
    const reason = codeOf(error);
    return { why: reason, facts: { ...common, reason } };
  }
}

function failureOf(status: number, headers: unknown): WebhookFailureOf | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status >= 300 && status < 400) {
    const facts = { reason: 'redirect', status, retryable: false, answered: true };
    return { why: `it redirects with status ${status}, which is not followed`, facts };
  }
  const facts = {
    reason: 'status',
    status,
    retryable: status !== 410,
    retryAfterSeconds: retryAfterOf(headers),
    answered: status < 500 && status !== 408 && status !== 429,
  };
  return { why: `the answer is status ${status}`, facts };
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code)) return code;
  return error instanceof Error && error.cause !== undefined ? codeOf(error.cause) : 'UNKNOWN';
}
