import type { PreparedEvent } from './prepare-event.ts';

/** Events that were published together. */
export interface Submission {
  readonly events: readonly PreparedEvent[];
  /** Resolves when they are in the buffer. */
  readonly admitted: PromiseWithResolvers<void>;
  /** Resolves when they are committed. */
  readonly stored: PromiseWithResolvers<void>;
  /** Why one of them could not be stored. */
  error: unknown;
}

/** Events of one statement. */
export interface PublishBatch {
  readonly events: readonly PreparedEvent[];
  /** For each of them, what it was published with. */
  readonly submissions: readonly Submission[];
  /** Those whose last event is among them. */
  readonly ended: readonly Submission[];
}

/** Bounds of a {@link PublishBuffer}. */
export interface PublishBounds {
  /** Events that wait at most. */
  readonly events: number;
  /** Text that waits at most, UTF-16 units. */
  readonly units: number;
  /** Events of a statement at most. */
  readonly batchEvents: number;
  /** Text of a statement at most; a single event may have more. */
  readonly batchUnits: number;
}

/** What waits to be stored, in the order in which it was published. All methods are O(events) they touch. */
export class PublishBuffer {
  readonly #bounds: PublishBounds;
  #queue: Submission[] = [];
  /** The submission that is taken from next, and its next event. */
  #head = 0;
  #at = 0;
  /** Up to here submissions are in the buffer; the others wait for room. */
  #admitted = 0;
  #events = 0;
  #units = 0;

  constructor(bounds: PublishBounds) {
    this.#bounds = bounds;
  }

  /** Events in the buffer. */
  get events(): number {
    return this.#events;
  }

  get isEmpty(): boolean {
    return this.#head === this.#queue.length;
  }

  /** A submission is let in while there is any room: it may go beyond the bounds by itself. */
  get isFull(): boolean {
    return this.#events >= this.#bounds.events || this.#units >= this.#bounds.units;
  }

  /** True where a statement of full size can be made. */
  get hasBatch(): boolean {
    return this.#events >= this.#bounds.batchEvents || this.#units >= this.#bounds.batchUnits;
  }

  add(events: readonly PreparedEvent[]): Submission {
    const [admitted, stored] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    // who waits for one of the two need not wait for the other
    admitted.promise.catch(() => undefined);
    stored.promise.catch(() => undefined);
    const submission: Submission = { events, admitted, stored, error: undefined };
    this.#queue.push(submission);
    this.#admit();
    return submission;
  }

  /** Takes the events of the next statement out. */
  take(): PublishBatch {
    const events: PreparedEvent[] = [];
    const submissions: Submission[] = [];
    const ended: Submission[] = [];
    let units = 0;
    const { batchEvents, batchUnits } = this.#bounds;
    for (; this.#head < this.#admitted; this.#head++, this.#at = 0) {
      const submission = this.#queue[this.#head] as Submission;
      for (; this.#at < submission.events.length; this.#at++) {
        const event = submission.events[this.#at] as PreparedEvent;
        const isFull = events.length > 0 && units + event.payload.length > batchUnits;
        if (isFull || events.length === batchEvents) {
          this.#remove(events.length, units);
          return { events, submissions, ended };
        }
        units += event.payload.length;
        events.push(event);
        submissions.push(submission);
      }
      ended.push(submission);
    }
    this.#remove(events.length, units);
    return { events, submissions, ended };
  }

  /** Takes everything out. */
  clear(): Submission[] {
    const rest = this.#queue.slice(this.#head);
    this.#queue = [];
    this.#head = this.#at = this.#admitted = this.#events = this.#units = 0;
    return rest;
  }

  #remove(events: number, units: number): void {
    this.#events -= events;
    this.#units -= units;
    if (this.#head > 1000 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#admitted -= this.#head;
      this.#head = 0;
    }
    this.#admit();
  }

  #admit(): void {
    while (this.#admitted < this.#queue.length && !this.isFull) {
      const submission = this.#queue[this.#admitted++] as Submission;
      this.#events += submission.events.length;
      for (const { payload } of submission.events) this.#units += payload.length;
      submission.admitted.resolve();
    }
  }
}
