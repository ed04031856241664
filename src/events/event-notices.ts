import { notifyEvents } from '../database/event-store/event-writer.ts';
import type { Queries } from '../database/id-block.ts';
import type { ProblemSink } from './in-process.ts';

/** Milliseconds between two notices: many commits share one. */
const BETWEEN_MS = 10;

/**
 * Tells durable subscribers of events that the engine's statements stored. A statement that gave notice
 * by itself would have its commit wait for those of all others that do; one by itself does not.
 */
export class EventNotices {
  readonly #queries: () => Queries;
  readonly #problem: ProblemSink;
  #timer: NodeJS.Timeout | undefined;
  #due = false;

  constructor(queries: () => Queries, problem: ProblemSink) {
    this.#queries = queries;
    this.#problem = problem;
  }

  /** Events were committed: the first is told of at once, those of the next 10 ms together. */
  stored(): void {
    if (this.#timer !== undefined) {
      this.#due = true;
      return;
    }
    this.#send();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#due) return;
      this.#due = false;
      this.stored();
    }, BETWEEN_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #send(): void {
    notifyEvents(this.#queries()).catch((error: unknown) => {
      if (error instanceof Error && error.name === 'AbortError') return;
      this.#problem('notice_failed', { error });
    });
  }
}
