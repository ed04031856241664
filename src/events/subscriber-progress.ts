import type { Queries } from '../database/id-block.ts';
import { saveProgress, type PartProgress } from '../database/event-store/subscriptions.ts';

/** Saves how far parts have come: all that comes while a statement is under way by the next one. */
export class SubscriberProgress {
  readonly #queries: Queries;
  #waiting = new Map<string, PartProgress>();
  #next: Promise<void> | undefined;
  #current: Promise<void> = Promise.resolve();

  constructor(queries: Queries) {
    this.#queries = queries;
  }

  /** Resolves when it is stored. Counts that could not be stored are lost, positions come again. */
  async save(progress: PartProgress): Promise<void> {
    const key = `${progress.partition} ${progress.name}`;
    const before = this.#waiting.get(key);
    this.#waiting.set(key, before === undefined ? progress : sumOf(before, progress));
    this.#next ??= this.#turn();
    await this.#next;
  }

  async #turn(): Promise<void> {
    await this.#current.catch(() => undefined);
    const all = [...this.#waiting.values()];
    this.#waiting = new Map();
    this.#next = undefined;
    this.#current = saveProgress(this.#queries, all);
    await this.#current;
  }
}

function sumOf(before: PartProgress, progress: PartProgress): PartProgress {
  return {
    ...progress,
    delivered: before.delivered + progress.delivered,
    errors: before.errors + progress.errors,
    lastError: progress.lastError ?? before.lastError,
  };
}
