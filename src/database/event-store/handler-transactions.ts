import { EngineSession } from '../engine/engine-session.ts';
import type { Queries } from '../id-block.ts';
import { enterProcessed } from './processed-events.ts';

/** Options of {@link HandlerTransactions}. */
export interface HandlerTransactionsOptions {
  readonly url: string;
  /** Sessions at most; opened as they are needed. */
  readonly size: number;
  readonly onError: (error: unknown) => void;
}

/** Which event is handled for whom; work that `signal` ends is undone on the server. */
export interface HandledEvent {
  readonly subscription: string;
  readonly eventId: string;
  readonly signal: AbortSignal;
}

/** Transactions in which an event is entered as handled together with what its handler writes. */
export class HandlerTransactions {
  readonly #options: HandlerTransactionsOptions;
  readonly #idle: EngineSession[] = [];
  readonly #all = new Set<EngineSession>();
  #waiting: PromiseWithResolvers<EngineSession>[] = [];

  constructor(options: HandlerTransactionsOptions) {
    this.#options = options;
  }

  /**
   * Does `work` in a transaction that also enters the event; all of it is committed or nothing is.
   * Its client is good for nothing once it is over.
   *
   * @returns false where the event was handled before, and nothing was done
   */
  async handle(event: HandledEvent, work: (client: Queries) => Promise<void>): Promise<boolean> {
    const session = await this.#take(event.signal);
    let isUndone = false;
    try {
      event.signal.throwIfAborted();
      return await inTransaction(session, event, work);
    } catch (error) {
      isUndone = event.signal.aborted;
      throw error;
    } finally {
      // an end that was forced upon a handler leaves its statement running until the server is told
      if (isUndone) void this.#renew(session);
      else this.#give(session);
    }
  }

  /** Ends all sessions; what is under way is undone. */
  async stop(): Promise<void> {
    await Promise.all([...this.#all].map((session) => session.stop()));
  }

  async #take(signal: AbortSignal): Promise<EngineSession> {
    signal.throwIfAborted();
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#all.size < this.#options.size) {
      const { url, onError } = this.#options;
      const session = new EngineSession({
        url,
        applicationName: 'tasker-core exactly once',
        onError,
      });
      this.#all.add(session);
      return session;
    }
    const turn = Promise.withResolvers<EngineSession>();
    const giveUp = (): void => {
      this.#waiting = this.#waiting.filter((other) => other !== turn);
      turn.reject(signal.reason);
    };
    this.#waiting.push(turn);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      return await turn.promise;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  async #renew(session: EngineSession): Promise<void> {
    await session.renew().catch(() => undefined);
    this.#give(session);
  }

  #give(session: EngineSession): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(session);
    else next.resolve(session);
  }
}

async function inTransaction(
  session: EngineSession,
  { subscription, eventId, signal }: HandledEvent,
  work: (client: Queries) => Promise<void>,
): Promise<boolean> {
  // one client for all of it: a session that is opened anew knows of no transaction
  const client = await session.client();
  let isOpen = true;
  const query = async (...parameters: Parameters<typeof client.query>): Promise<unknown> => {
    if (!isOpen) throw new Error('The transaction of this handler is over.');
    return client.query(...parameters);
  };
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
  try {
    const isNew = await enterProcessed(client, subscription, eventId);
    if (isNew) await work({ query } as unknown as Queries);
    isOpen = false;
    signal.throwIfAborted();
    const { command } = await client.query(isNew ? 'COMMIT' : 'ROLLBACK');
    // the server answers so to the commit of a transaction in which a statement failed
    if (isNew && command !== 'COMMIT')
      throw new Error('A statement of the transaction had failed.');
    return isNew;
  } catch (error) {
    isOpen = false;
    if (!signal.aborted) await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
