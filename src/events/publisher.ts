import type { UrlSource } from '../database/connection.ts';
import { setTimeout as sleep } from 'node:timers/promises';

import { EngineSession, isTemporary } from '../database/engine/engine-session.ts';
import { areEventsStored, writeEvents } from '../database/event-store/event-writer.ts';
import { TaskerError } from '../errors.ts';
import type { PreparedEvent } from './prepare-event.ts';
import { PublishBuffer, type PublishBatch, type Submission } from './publish-buffer.ts';

/** Options of a {@link Publisher}. */
export interface PublisherOptions {
  readonly url: UrlSource;
  /** Events of one statement at most. */
  readonly batchSize: number;
  /** How long a statement waits for more events, ms. */
  readonly waitMs: number;
  /** Events that are kept in memory at most before publishers wait. */
  readonly bufferSize: number;
  /** These events are committed. */
  readonly stored: (events: readonly PreparedEvent[]) => void;
  readonly problem: (event: string, facts: Readonly<Record<string, unknown>>) => void;
}

/** Counts of a publisher since it was made. */
export interface PublisherCounts {
  /** Events that are committed. */
  stored: number;
  /** Events of telemetry for which there was no room. */
  dropped: number;
  statements: number;
}

/** Text of one statement at most, and of all that waits, UTF-16 units. */
const STATEMENT_UNITS = 8 * 1024 * 1024;
const BUFFER_UNITS = 64 * 1024 * 1024;

/** Longest wait before a statement that failed is tried again, ms. */
const LONGEST_WAIT_MS = 1000;

/**
 * Stores events in the order in which they were published: while a statement is under way, events
 * gather, and its return carries off all of them in the next one. The buffer is bounded: when it is
 * full, publishers wait, and telemetry is dropped and counted. A connection that is lost is opened
 * anew, and what was under way is written again unless it had been committed.
 */
export class Publisher {
  readonly counts: PublisherCounts = { stored: 0, dropped: 0, statements: 0 };
  readonly #options: PublisherOptions;
  readonly #buffer: PublishBuffer;
  #session: EngineSession;
  #running: Promise<void> | undefined;
  /** Ends a wait for more events. */
  #hurry = new AbortController();
  #isDropping = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#buffer = new PublishBuffer({
      events: options.bufferSize,
      units: BUFFER_UNITS,
      batchEvents: options.batchSize,
      batchUnits: STATEMENT_UNITS,
    });
    this.#session = this.#newSession();
  }

  #newSession(): EngineSession {
    return new EngineSession({
      url: this.#options.url,
      applicationName: 'tasker-core publisher',
      onError: (error) => this.#options.problem('connection_lost', { error }),
    });
  }

  /** Events in memory, those apart whose publishers wait for room. */
  get buffered(): number {
    return this.#buffer.events;
  }

  /**
   * Takes events in for the next statements.
   *
   * @returns undefined where they were dropped: telemetry, and the buffer is full
   */
  submit(events: readonly PreparedEvent[]): Submission | undefined {
    if (this.#buffer.isFull && events.length > 0 && events.every(({ telemetry }) => telemetry)) {
      this.#drop(events.length);
      return undefined;
    }
    const submission = this.#buffer.add(events);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    if (this.#buffer.hasBatch) this.#hurry.abort();
    return submission;
  }

  /** Resolves when everything that was published before is committed, or was refused. */
  async flush(): Promise<void> {
    if (this.#running === undefined) return;
    const flushed = this.submit([]);
    this.#hurry.abort();
    await flushed?.stored.promise;
  }

  /**
   * Stores what there is, for so many seconds at most, and ends the session. What is published later
   * opens another one.
   */
  async stop(seconds: number): Promise<void> {
    const over = new AbortController();
    const late = sleep(seconds * 1000, undefined, { signal: over.signal }).catch(() => undefined);
    const flushed = this.flush().catch(() => undefined);
    await Promise.race([flushed, late]);
    over.abort();
    const session = this.#session;
    this.#session = this.#newSession();
    await session.stop();
  }

  #drop(events: number): void {
    this.counts.dropped += events;
    if (this.#isDropping) return;
    this.#isDropping = true;
    this.#options.problem('telemetry_dropped', { buffered: this.#buffer.events });
  }

  async #run(): Promise<void> {
    // what is published in the same turn goes together
    await Promise.resolve();
    const session = this.#session;
    while (!this.#buffer.isEmpty) {
      if (this.#options.waitMs > 0 && !this.#buffer.hasBatch) await this.#wait();
      const batch = this.#buffer.take();
      try {
        await this.#store(session, batch.events, batch.submissions);
      } catch (error) {
        this.#giveUp(batch, error);
        return;
      }
      for (const { error, stored } of batch.ended) {
        if (error === undefined) stored.resolve();
        else stored.reject(error);
      }
      if (!this.#buffer.isFull) this.#isDropping = false;
    }
  }

  async #wait(): Promise<void> {
    this.#hurry = new AbortController();
    const { signal } = this.#hurry;
    await sleep(this.#options.waitMs, undefined, { signal }).catch(() => undefined);
  }

  /** Writes events by one statement; those that the server refuses by halves, until it is known which. */
  async #store(
    session: EngineSession,
    events: readonly PreparedEvent[],
    submissions: readonly Submission[],
  ): Promise<void> {
    if (events.length === 0) return;
    try {
      await this.#write(session, events);
    } catch (error) {
      if (isTemporary(error) || isAbort(error)) throw error;
      if (events.length === 1) {
        const [submission] = submissions as [Submission];
        submission.error ??= error;
        this.#options.problem('event_refused', { name: events[0]?.name, error });
        return;
      }
      const half = events.length >> 1;
      await this.#store(session, events.slice(0, half), submissions.slice(0, half));
      await this.#store(session, events.slice(half), submissions.slice(half));
      return;
    }
    this.counts.stored += events.length;
    this.#options.stored(events);
  }

  async #write(session: EngineSession, events: readonly PreparedEvent[]): Promise<void> {
    let client = await session.client();
    for (let failures = 0; ; failures++) {
      try {
        this.counts.statements++;
        await writeEvents(client, events);
        return;
      } catch (error) {
        if (!isTemporary(error) || session.isStopped) throw error;
        await sleep(Math.min(failures * 50, LONGEST_WAIT_MS));
      }
      for (;;) {
        try {
          client = await session.renew();
          if (await areEventsStored(client, events)) return;
          break;
        } catch (error) {
          if (!isTemporary(error) || session.isStopped) throw error;
        }
      }
    }
  }

  /** The session was stopped before everything was stored. */
  #giveUp({ submissions, ended }: PublishBatch, cause: unknown): void {
    const all = new Set([...submissions, ...ended, ...this.#buffer.clear()]);
    const events = [...all].reduce((sum, each) => sum + each.events.length, 0);
    if (events > 0) this.#options.problem('events_unstored', { events, error: cause });
    const error = new TaskerError(
      'TASKER_DATABASE_UNREACHABLE',
      'The publisher was stopped before the event was known to be stored.',
      { cause },
    );
    for (const { admitted, stored } of all) {
      admitted.reject(error);
      stored.reject(error);
    }
  }
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';
