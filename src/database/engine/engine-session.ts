import { setTimeout as sleep } from 'node:timers/promises';

import type pg from 'pg';

import { TaskerError } from '../../errors.ts';
import { connect, databaseError, urlOf, type UrlSource } from '../connection.ts';
import type { Queries } from '../id-block.ts';

/** A session on the database. */
export type DatabaseSession = pg.Client;

/** True for an error after which the session is over, whatever the statement did. */
function isConnectionLost(error: unknown): boolean {
  const coded = databaseError(error);
  return coded instanceof TaskerError && coded.code === 'TASKER_DATABASE_UNREACHABLE';
}

/**
 * What is at fault in a statement that every repetition would meet again: data exceptions, broken
 * constraints, programs that are too large, statements that are wrong.
 */
const LASTING = /^(?:0A|21|22|23|42|54)/;

/**
 * True for an error of the server or the connection that has nothing to do with what the statement
 * carried: no memory, no space, cancelled, read-only for the moment, cut.
 */
export function isTemporary(error: unknown): boolean {
  if (isConnectionLost(error)) return true;
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[\dA-Z]{5}$/.test(code) && !LASTING.test(code);
}

/** Options of an {@link EngineSession}. */
export interface EngineSessionOptions {
  readonly url: UrlSource;
  readonly applicationName: string;
  /**
   * Prepares a new session, the first one and every later one. The signal aborts when the session is
   * stopped.
   */
  readonly onConnect?: (client: pg.Client, signal: AbortSignal) => Promise<void>;
  /** Told of each attempt to connect that failed. */
  readonly onError?: (error: unknown) => void;
  /** Told when the open session ended without being stopped. */
  readonly onLost?: () => void;
}

/** Waits between two attempts to connect, ms; the last one repeats. */
const RECONNECT_MS = [20, 50, 100, 250, 500, 1000];

/** A session that is opened anew when it is lost. */
export class EngineSession {
  readonly #options: EngineSessionOptions;
  #client: pg.Client | undefined;
  #opening: Promise<pg.Client> | undefined;
  #processId: number | undefined;
  readonly #stop = new AbortController();
  #last: Promise<unknown> = Promise.resolve();
  /** Runs statements one after the other, whoever asks; opens the session where it is not open. */
  readonly queries: Queries;

  constructor(options: EngineSessionOptions) {
    this.#options = options;
    const query = async (...parameters: Parameters<pg.Client['query']>): Promise<unknown> => {
      const turn = this.#last.then(async () => (await this.client()).query(...parameters));
      this.#last = turn.catch(() => undefined);
      return turn;
    };
    this.queries = { query } as unknown as Queries;
  }

  /** True once {@link stop} was called. */
  get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** The open session; opens it, again and again, until that succeeds or the session is stopped. */
  async client(): Promise<pg.Client> {
    if (this.#client !== undefined) return this.#client;
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  /**
   * Gives up the session, which is known to be lost, and makes sure that the server has: what it was
   * doing is then either committed or undone.
   */
  async renew(): Promise<pg.Client> {
    const lost = this.#processId;
    const old = this.#client;
    this.#client = undefined;
    await old?.end().catch(() => undefined);
    const client = await this.client();
    if (lost !== undefined && lost !== this.#processId) {
      await client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND application_name = $2`,
        [lost, this.#options.applicationName],
      );
      for (;;) {
        const { rowCount } = await client.query(
          'SELECT FROM pg_stat_activity WHERE pid = $1 AND application_name = $2',
          [lost, this.#options.applicationName],
        );
        if (rowCount === 0) break;
        await sleep(5, undefined, { signal: this.#stop.signal });
      }
    }
    return client;
  }

  /** Ends the session; a call that waits for it fails with an AbortError. Idempotent. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#opening?.catch(() => undefined);
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  async #open(): Promise<pg.Client> {
    const { signal } = this.#stop;
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      let client: pg.Client | undefined;
      try {
        client = await connect(urlOf(this.#options.url), {
          applicationName: this.#options.applicationName,
          signal,
        });
        let ended = false;
        const opened = client;
        client.once('end', () => {
          ended = true;
          if (this.#client !== opened) return;
          this.#client = undefined;
          this.#options.onLost?.();
        });
        await this.#options.onConnect?.(client, signal);
        this.#processId = (client as unknown as { processID: number }).processID;
        if (ended) throw new Error('Connection terminated');
        this.#client = client;
        return client;
      } catch (error) {
        await client?.end().catch(() => undefined);
        signal.throwIfAborted();
        if (!isTemporary(error)) throw error;
        this.#options.onError?.(error);
        const wait = RECONNECT_MS[Math.min(attempt, RECONNECT_MS.length - 1)];
        await sleep(wait, undefined, { signal });
      }
    }
  }
}
