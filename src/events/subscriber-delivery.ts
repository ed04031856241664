import { setTimeout as sleep } from 'node:timers/promises';

import type { HandlerTransactions } from '../database/event-store/handler-transactions.ts';
import type { Queries } from '../database/id-block.ts';
import { TaskerError } from '../errors.ts';
import type { StoredEvent } from './stored-event.ts';
import type { Delivery, EventHandler, Subscriber } from './subscriber-definition.ts';

/** Longest wait that the policy of a subscriber leads to, seconds. */
const LONGEST_RETRY = 60;
/** Longest wait that an error may ask for, seconds. */
const LONGEST_RETRY_AFTER = 3600;

/** Why an event was given up. */
export interface DeliveryFailure {
  readonly reason: 'failed' | 'timeout';
  readonly error: { readonly name: string; readonly message: string };
}

/** What became of an event that is over. */
export interface DeliveryOutcome {
  readonly attempts: number;
  /** Undefined where it was handled, or there was nothing to do. */
  readonly failure: DeliveryFailure | undefined;
  /** False where no handler was called. */
  readonly isDelivered: boolean;
}

/** How an event comes to its handlers. */
export interface DeliveryKind {
  readonly redelivery?: boolean;
  readonly replay?: boolean;
}

/** What deliveries of a subscriber share. */
export interface DeliveryHost {
  readonly subscriber: Subscriber;
  readonly transactions: HandlerTransactions;
  /** Told of each failed attempt. */
  readonly onError: (error: Error) => void;
}

/** Everything that a part has under way, to be ended together. */
export class Running {
  readonly #ending = new AbortController();
  readonly #attempts = new Set<Attempt>();
  #gate: PromiseWithResolvers<void> | undefined;

  /** Aborts with everything that is under way. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Resolves at once, or when a pause is over. */
  async gate(): Promise<void> {
    await this.#gate?.promise;
  }

  get isPaused(): boolean {
    return this.#gate !== undefined;
  }

  /** Lets nothing new begin, or lets it go on. Idempotent. */
  pause(isPaused: boolean): void {
    if (isPaused && !this.signal.aborted) this.#gate ??= Promise.withResolvers<void>();
    else {
      this.#gate?.resolve();
      this.#gate = undefined;
    }
  }

  add(attempt: Attempt): void {
    this.#attempts.add(attempt);
  }

  delete(attempt: Attempt): void {
    this.#attempts.delete(attempt);
  }

  /** Ends everything. Idempotent. */
  end(): void {
    this.#ending.abort(new DOMException('The subscriber stops.', 'AbortError'));
    this.pause(false);
    for (const attempt of this.#attempts) attempt.end(this.signal.reason);
  }
}

/** One attempt to handle an event; its signal is made when somebody looks at it. */
class Attempt implements Delivery {
  readonly attempt: number;
  readonly redelivery: boolean;
  readonly replay: boolean;
  readonly #running: Running;
  readonly #client: Queries | undefined;
  #controller: AbortController | undefined;
  #ended: PromiseWithResolvers<never> | undefined;
  #reason: unknown;

  constructor(attempt: number, kind: DeliveryKind, running: Running, client?: Queries) {
    this.attempt = attempt;
    this.redelivery = kind.redelivery === true;
    this.replay = kind.replay === true;
    this.#running = running;
    this.#client = client;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get client(): Queries {
    if (this.#client !== undefined) return this.#client;
    throw new TaskerError('TASKER_BAD_ARGUMENT', 'This subscriber handles no event exactly once.', {
      remedy: 'Give it the option exactlyOnce: true.',
      data: { field: 'exactlyOnce' },
    });
  }

  end(reason: unknown): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
    this.#ended?.reject(this.#reason);
  }

  /** What a handler promised, within the time that it has. */
  async within(work: PromiseLike<unknown>, seconds: number): Promise<void> {
    this.#ended = Promise.withResolvers<never>();
    if (this.#reason !== undefined) this.#ended.reject(this.#reason);
    const late = new DOMException(`longer than ${seconds} s`, 'TimeoutError');
    const timer = setTimeout(() => this.end(late), seconds * 1000);
    this.#running.add(this);
    try {
      await Promise.race([work, this.#ended.promise]);
    } finally {
      clearTimeout(timer);
      this.#running.delete(this);
    }
  }
}

/**
 * Hands one event to its handlers until all were content or the attempts are used up. A handler that
 * was content is not called again for the sake of another one, except where all of them share a
 * transaction.
 *
 * @returns undefined where it was ended before it was over
 */
export async function deliver(
  event: StoredEvent,
  host: DeliveryHost,
  running: Running,
  kind: DeliveryKind,
): Promise<DeliveryOutcome | undefined> {
  const { attempts, retrySeconds, exactlyOnce } = host.subscriber.options;
  const left = [...host.subscriber.handlersOf(event.name)];
  for (let attempt = 1; ; attempt++) {
    if (running.signal.aborted) return undefined;
    try {
      const isDelivered = exactlyOnce
        ? await once(event, left, attempt, host, running, kind)
        : await atLeastOnce(event, left, attempt, host, running, kind);
      return { attempts: attempt, failure: undefined, isDelivered };
    } catch (thrown) {
      if (running.signal.aborted) return undefined;
      const failure = failureOf(thrown);
      host.onError(Object.assign(new Error(failure.error.message), { name: failure.error.name }));
      const { retryable, retryAfterSeconds } = adviceOf(thrown);
      if (attempt >= attempts || !retryable) {
        return { attempts: attempt, failure, isDelivered: true };
      }
      const wait = Math.min(retrySeconds * 2 ** (attempt - 1), LONGEST_RETRY);
      const seconds = retryAfterSeconds ?? wait;
      if (seconds > 0) await pause(seconds, running.signal);
      if (running.isPaused) await running.gate();
    }
  }
}

const pause = (seconds: number, signal: AbortSignal): Promise<void> =>
  sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);

async function atLeastOnce(
  event: StoredEvent,
  left: EventHandler[],
  attempt: number,
  { subscriber }: DeliveryHost,
  running: Running,
  kind: DeliveryKind,
): Promise<boolean> {
  const { filter, timeoutSeconds } = subscriber.options;
  if (filter !== undefined && !filter(event)) return false;
  for (; left.length > 0; left.shift()) {
    const told = new Attempt(attempt, kind, running);
    const result = (left[0] as EventHandler)(event, told);
    if (isPromise(result)) await told.within(result, timeoutSeconds);
  }
  return true;
}

async function once(
  event: StoredEvent,
  handlers: readonly EventHandler[],
  attempt: number,
  { subscriber, transactions }: DeliveryHost,
  running: Running,
  kind: DeliveryKind,
): Promise<boolean> {
  const { filter, timeoutSeconds, name } = subscriber.options;
  if (filter !== undefined && !filter(event)) return false;
  const end = new AbortController();
  const signal = AbortSignal.any([running.signal, end.signal]);
  const handled = { subscription: name, eventId: event.eventId, signal };
  return await transactions.handle(handled, async (client) => {
    for (const handler of handlers) {
      const told = new Attempt(attempt, kind, running, client);
      const result = handler(event, told);
      if (!isPromise(result)) continue;
      try {
        await told.within(result, timeoutSeconds);
      } catch (error) {
        if (isTimeout(error)) end.abort(error);
        throw error;
      }
    }
  });
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' &&
  value !== null &&
  'then' in value &&
  typeof value.then === 'function';

const isTimeout = (thrown: unknown): boolean =>
  thrown instanceof Error && thrown.name === 'TimeoutError';

/** What an error says of the next attempt, whoever made it. */
function adviceOf(thrown: unknown): {
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
} {
  if (typeof thrown !== 'object' || thrown === null) {
    return { retryable: true, retryAfterSeconds: undefined };
  }
  const after = 'retryAfterSeconds' in thrown ? thrown.retryAfterSeconds : undefined;
  const isGiven = typeof after === 'number' && after >= 0;
  return {
    retryable: !('retryable' in thrown && thrown.retryable === false),
    retryAfterSeconds: isGiven ? Math.min(after, LONGEST_RETRY_AFTER) : undefined,
  };
}

function failureOf(thrown: unknown): DeliveryFailure {
  const reason = isTimeout(thrown) ? 'timeout' : 'failed';
  return { reason, error: describe(thrown) };
}

/** Name and message of anything thrown, without what PostgreSQL cannot store. */
function describe(thrown: unknown): { name: string; message: string } {
  const text = (value: string): string => value.slice(0, 2000).replaceAll('\0', '').toWellFormed();
  try {
    if (thrown instanceof Error) {
      const { name, message } = thrown;
      return { name: text(name), message: text(message) };
    }
    return { name: typeof thrown, message: text(String(thrown)) };
  } catch {
    // an object that has no text
    return { name: typeof thrown, message: 'no text' };
  }
}
