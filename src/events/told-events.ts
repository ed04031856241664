import { uuidText } from '../database/event-store/event-ids.ts';
import type { EventRow } from '../database/event-store/event-log.ts';
import { isTemporary } from '../database/engine/engine-session.ts';
import type { Queries } from '../database/id-block.ts';
import { formatInstant } from '../graph/snapshot/instants.ts';
import { InProcessSubscribers, type InProcessEvent, type ProblemSink } from './in-process.ts';
import { composePayloads } from './payload.ts';

/** An event that was just committed, as its row holds it. */
export interface CommittedEvent {
  readonly eventId: Uint8Array;
  readonly name: string;
  readonly taskId: bigint | undefined;
  readonly stepId: bigint | undefined;
  /** µs since the epoch. */
  readonly at: number;
  /** The payload, or its JSON text. */
  readonly stored: Readonly<Record<string, unknown>> | string;
}

/** Events whose payloads are composed together. */
const BATCH = 500;

/** Events that wait for the database at most; what comes while there are as many is dropped. */
const LONGEST_QUEUE = 100_000;

/**
 * Brings committed events to the subscribers of this process, in order: with the payloads of the
 * catalogue, read from the rows as a durable subscriber would get them. Nothing is read, and nothing
 * kept, of names that nobody wants.
 */
export class ToldEvents {
  readonly subscribers: InProcessSubscribers;
  /** Events dropped because the database was too slow. */
  dropped = 0;
  readonly #queries: () => Queries;
  readonly #problem: ProblemSink;
  #queue: (CommittedEvent | InProcessEvent)[] = [];
  #waiting = 0;
  #running: Promise<void> | undefined;

  /** @param queries session that payloads are read over */
  constructor(queries: () => Queries, problem: ProblemSink) {
    this.#queries = queries;
    this.#problem = problem;
    this.subscribers = new InProcessSubscribers(problem);
  }

  /** These events are committed. */
  committed(events: readonly CommittedEvent[]): void {
    for (const event of events) if (this.subscribers.wants(event.name)) this.#push(event);
  }

  /** An event that is not stored. */
  told(event: InProcessEvent): void {
    if (this.subscribers.wants(event.name)) this.#push(event);
  }

  /** Resolves when every handler is done with what happened so far. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    await this.subscribers.idle();
  }

  #push(event: CommittedEvent | InProcessEvent): void {
    if (this.#waiting >= LONGEST_QUEUE) {
      if (this.dropped++ === 0) this.#problem('events_dropped', { waiting: this.#waiting });
      return;
    }
    this.#waiting++;
    this.#queue.push(event);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const queue = this.#queue;
      this.#queue = [];
      for (let first = 0; first < queue.length; first += BATCH) {
        const part = queue.slice(first, first + BATCH);
        await this.#tell(part);
        this.#waiting -= part.length;
      }
    }
  }

  async #tell(part: readonly (CommittedEvent | InProcessEvent)[]): Promise<void> {
    const rows = part.flatMap((event) => (isCommitted(event) ? [rowOf(event)] : []));
    let payloads: readonly Readonly<Record<string, unknown>>[] = [];
    try {
      if (rows.length > 0) payloads = await this.#compose(rows);
    } catch (error) {
      this.#problem('events_untold', { events: rows.length, error });
      return;
    }
    let at = 0;
    for (const event of part) {
      if (!isCommitted(event)) {
        this.subscribers.deliver(event);
        continue;
      }
      const { name, createdAt } = rows[at] as EventRow;
      this.subscribers.deliver({ name, occurred_at: createdAt, ...payloads[at++] });
    }
  }

  async #compose(rows: readonly EventRow[]): Promise<Record<string, unknown>[]> {
    for (;;) {
      try {
        return await composePayloads(this.#queries(), rows);
      } catch (error) {
        if (!isTemporary(error)) throw error;
      }
    }
  }
}

const isCommitted = (event: CommittedEvent | InProcessEvent): event is CommittedEvent =>
  event['eventId'] instanceof Uint8Array;

function rowOf({ eventId, at, stored, ...event }: CommittedEvent): EventRow {
  return {
    ...event,
    eventId: uuidText(eventId),
    createdAt: formatInstant(at),
    stored: typeof stored === 'string' ? (JSON.parse(stored) as Record<string, unknown>) : stored,
    position: '',
  };
}
