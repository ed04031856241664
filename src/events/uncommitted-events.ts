import { setTimeout as sleep } from 'node:timers/promises';

import { uuidText } from '../database/event-store/event-ids.ts';
import { endedTransactions } from '../database/event-store/event-writer.ts';
import type { Queries } from '../database/id-block.ts';
import type { PreparedEvent } from './prepare-event.ts';

/** Waits between two looks at transactions that are open, ms; the last one repeats. */
const LOOKS_MS = [2, 5, 10, 20, 50, 100, 200, 500];

/** Events written in transactions of callers: tells of those that were committed, once they are. */
export class UncommittedEvents {
  readonly #queries: () => Queries;
  readonly #committed: (events: readonly PreparedEvent[]) => void;
  readonly #problem: (error: unknown) => void;
  readonly #open = new Map<bigint, PreparedEvent[]>();
  #looks = 0;
  #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(
    queries: () => Queries,
    committed: (events: readonly PreparedEvent[]) => void,
    problem: (error: unknown) => void,
  ) {
    this.#queries = queries;
    this.#committed = committed;
    this.#problem = problem;
  }

  /** Follows events of a transaction until its end. */
  watch(transactionId: bigint, events: readonly PreparedEvent[]): void {
    const known = this.#open.get(transactionId) ?? [];
    this.#open.set(transactionId, [...known, ...events]);
    this.#looks = 0;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Looks a last time and forgets what is open still. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#stop = new AbortController();
    this.#open.clear();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (this.#open.size > 0) {
      const wait = LOOKS_MS[Math.min(this.#looks++, LOOKS_MS.length - 1)];
      await sleep(wait, undefined, { signal, ref: false }).catch(() => undefined);
      try {
        await this.#look();
      } catch (error) {
        if (!signal.aborted) this.#problem(error);
      }
      if (signal.aborted) return;
    }
  }

  async #look(): Promise<void> {
    for (const { transactionId, eventIds } of await endedTransactions(this.#queries(), [
      ...this.#open.keys(),
    ])) {
      const events = this.#open.get(transactionId) ?? [];
      this.#open.delete(transactionId);
      // what was written after a savepoint may be gone
      this.#committed(events.filter(({ eventId }) => eventIds.has(uuidText(eventId))));
    }
  }
}
