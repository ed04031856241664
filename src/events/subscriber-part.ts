import { saveDeadLetter } from '../database/event-store/dead-letters.ts';
import type { TaskKind } from '../database/event-store/event-pages.ts';
import type { HandlerTransactions } from '../database/event-store/handler-transactions.ts';
import type { Queries } from '../database/id-block.ts';
import type { SubscriptionPart, SubscriptionRow } from '../database/event-store/subscriptions.ts';
import { DeliveryRate } from './delivery-rate.ts';
import type { StoredEvent } from './stored-event.ts';
import type { Subscriber } from './subscriber-definition.ts';
import {
  deliver,
  Running,
  type DeliveryFailure,
  type DeliveryKind,
  type DeliveryOutcome,
} from './subscriber-delivery.ts';
import {
  filterOf,
  type LogEvent,
  type LogFilter,
  type LogStretch,
  type SubscriberLog,
} from './subscriber-log.ts';
import type { SubscriberProgress } from './subscriber-progress.ts';

/** What all parts of a process share. */
export interface PartHost {
  readonly log: SubscriberLog;
  readonly progress: SubscriberProgress;
  readonly transactions: HandlerTransactions;
  readonly queries: Queries;
  /** Resolves when there may be more to read. */
  readonly woken: Promise<void>;
  problem(event: string, facts: Readonly<Record<string, unknown>>): void;
}

/** Batches that are handled while one is being saved: it may wait for a disk. */
const MOST_UNSAVED = 8;

/** What a handler did with a batch. */
interface Counts {
  delivered: number;
  errors: number;
  lastError: string | undefined;
}

/**
 * One part of a durable subscriber while this process has it: reads on from its position, hands the
 * events to the handlers and saves how far it has come.
 *
 * Events of a task are handled one after the other: while one is tried again the later ones wait, and
 * so does the next batch. When it has become a dead letter the later ones go on without it.
 */
export class ServedPart implements SubscriptionPart {
  readonly name: string;
  readonly partition: number;
  readonly subscriber: Subscriber;
  readonly running = new Running();
  readonly rate = new DeliveryRate();
  readonly #partitions: bigint;
  readonly #filter: LogFilter;
  readonly #host: PartHost;
  #position: string;
  #saved: string;
  #saving: Promise<void> = Promise.resolve();
  /** Batches since something was saved. */
  #unsaved = 0;
  readonly #finishing = Promise.withResolvers<void>();
  #isFinishing = false;
  #work: Promise<void> | undefined;

  constructor(subscriber: Subscriber, row: SubscriptionRow, host: PartHost) {
    this.name = row.name;
    this.partition = row.partition;
    this.subscriber = subscriber;
    this.#partitions = BigInt(row.partitions);
    this.#filter = filterOf([subscriber]);
    this.#host = host;
    this.#position = row.position;
    this.#saved = row.position;
    this.running.pause(row.state === 'paused');
  }

  /** Up to here everything was handled, or is a dead letter; not all of it is saved. */
  get position(): string {
    return this.#position;
  }

  start(): void {
    this.#work ??= this.#serve();
  }

  /** Begins nothing new after the batch that is under way, and resolves when that is over and saved. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    this.#finishing.resolve();
    this.running.pause(false);
    await this.#work;
  }

  /** Ends what is under way: it is delivered again to whoever has the part next. */
  end(): void {
    this.running.end();
    this.#finishing.resolve();
  }

  /** Saves a position that moved without anything to handle. */
  async saveIdle(): Promise<void> {
    if (this.#position === this.#saved) return;
    await this.#save(this.#position, { delivered: 0, errors: 0, lastError: undefined });
  }

  get #isOver(): boolean {
    return this.running.signal.aborted || this.#isFinishing;
  }

  async #serve(): Promise<void> {
    const { log } = this.#host;
    while (!this.#isOver) {
      // taken before the log is read: a notice in between is not lost
      const { woken } = this.#host;
      try {
        if (this.running.isPaused) await this.running.gate();
        if (this.#isOver) break;
        const stretch = await log.after(this.#position, this.#filter);
        // who comes next reads while this one is handled
        if (!stretch.isLast) log.after(stretch.end, this.#filter).catch(() => undefined);
        await this.#handle(stretch);
        if (stretch.isLast) await Promise.race([woken, this.#finishing.promise]);
      } catch (error) {
        if (this.running.signal.aborted) break;
        this.#problem('delivery_failed', { error });
        await Promise.race([this.#host.woken, this.#finishing.promise]);
      }
    }
    await this.#saving.catch(() => undefined);
    if (!this.running.signal.aborted) await this.saveIdle().catch(() => undefined);
  }

  async #handle({ events, end }: LogStretch): Promise<void> {
    const { batchSize } = this.subscriber.options;
    const mine = events.filter((event) => this.isMine(event, event.kind));
    for (let first = 0; first < mine.length; first += batchSize) {
      const batch = mine.slice(first, first + batchSize);
      const counts: Counts = { delivered: 0, errors: 0, lastError: undefined };
      const isLast = first + batchSize >= mine.length;
      const over = await this.deliverAll(batch, counts, {});
      if (over === 0) return;
      const isWhole = over === batch.length;
      this.#position = isWhole && isLast ? end : (batch[over - 1] as LogEvent).position;
      this.rate.add(counts.delivered);
      if (++this.#unsaved > MOST_UNSAVED) await this.#saving;
      this.#saving = this.#save(this.#position, counts);
      this.#saving.then(
        () => (this.#unsaved = 0),
        () => undefined,
      );
      if (!isWhole || (this.#isFinishing && !isLast)) return;
    }
    if (mine.length === 0) this.#position = end;
  }

  /** True for events of this part that some handler is there for. */
  isMine(event: StoredEvent, kind: TaskKind | undefined): boolean {
    const wanted = this.subscriber.options.kind;
    if (wanted !== undefined) {
      if (kind === undefined) return false;
      if (wanted.namespace !== '*' && wanted.namespace !== kind.namespace) return false;
      if (wanted.template !== '*' && wanted.template !== kind.template) return false;
    }
    return this.subscriber.handlersOf(event.name).length > 0 && this.hasTaskOf(event);
  }

  /** True for events of the tasks of this part. */
  hasTaskOf({ taskId }: Pick<StoredEvent, 'taskId'>): boolean {
    if (this.#partitions === 1n) return true;
    return BigInt.asUintN(63, taskId ?? 0n) % this.#partitions === BigInt(this.partition);
  }

  /**
   * Hands events to the handlers, those of a task one after the other, of as many tasks at once as
   * the subscriber allows. What cannot be handled becomes a dead letter.
   *
   * @returns how many of the first ones are over: all, or fewer where the part was ended
   */
  async deliverAll(
    events: readonly StoredEvent[],
    counts: Counts,
    kind: DeliveryKind,
  ): Promise<number> {
    const isOver = new Uint8Array(events.length);
    const chains = Map.groupBy(events.keys(), (at) => {
      const { taskId, eventId } = events[at] as StoredEvent;
      return taskId ?? eventId;
    });
    const left = chains.values();
    const { concurrency } = this.subscriber.options;
    let failure: { error: unknown } | undefined;
    const work = async (): Promise<void> => {
      for (const chain of left) {
        for (const at of chain) {
          if (this.running.isPaused) await this.running.gate();
          if (this.running.signal.aborted || failure !== undefined) return;
          const event = events[at] as StoredEvent;
          const outcome = await this.deliver(event, counts, kind);
          if (outcome === undefined) return;
          if (outcome.failure !== undefined) {
            await this.#bury(event, outcome.failure, outcome.attempts).catch((error: unknown) => {
              failure ??= { error };
            });
            if (failure !== undefined) return;
          }
          isOver[at] = 1;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, chains.size) }, work));
    if (failure !== undefined) throw failure.error;
    const open = isOver.indexOf(0);
    return open === -1 ? events.length : open;
  }

  /** Hands one event to the handlers. @returns undefined where the part was ended */
  async deliver(
    event: StoredEvent,
    counts: Counts,
    kind: DeliveryKind,
  ): Promise<DeliveryOutcome | undefined> {
    const { subscriber } = this;
    const { transactions } = this.#host;
    const onError = ({ message }: Error): void => {
      counts.errors++;
      counts.lastError = message;
    };
    const host = { subscriber, transactions, onError };
    const outcome = await deliver(event, host, this.running, kind);
    if (outcome?.isDelivered === true && outcome.failure === undefined) counts.delivered++;
    return outcome;
  }

  async #save(position: string, counts: Counts): Promise<void> {
    const { name, partition } = this;
    await this.#host.progress.save({ name, partition, position, ...counts });
    this.#saved = position;
  }

  async #bury(event: StoredEvent, failure: DeliveryFailure, attempts: number): Promise<void> {
    const { name, partition } = this;
    await saveDeadLetter(this.#host.queries, { name, partition, event, attempts, ...failure });
    this.#problem('dead_letter', { eventId: event.eventId, error: failure.error });
  }

  #problem(event: string, facts: Readonly<Record<string, unknown>>): void {
    this.#host.problem(event, { subscriber: this.name, partition: this.partition, ...facts });
  }
}
