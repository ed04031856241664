import { EngineSession, type DatabaseSession } from '../database/engine/engine-session.ts';
import { eventHorizon, FIRST_POSITION } from '../database/event-store/event-log.ts';
import { HandlerTransactions } from '../database/event-store/handler-transactions.ts';
import {
  enterSubscription,
  listenForEvents,
  listSubscriptions,
  releaseParts,
  takeParts,
  type SubscriptionRow,
} from '../database/event-store/subscriptions.ts';
import { TaskerError } from '../errors.ts';
import type { Subscriber } from './subscriber-definition.ts';
import { SubscriberLog } from './subscriber-log.ts';
import { ServedPart, type PartHost } from './subscriber-part.ts';
import { SubscriberProgress } from './subscriber-progress.ts';
import { Redeliveries } from './subscriber-redelivery.ts';
import { WakeUp } from './wake-up.ts';

/** Options of a {@link SubscriberRunner}. */
export interface SubscriberRunnerOptions {
  readonly url: string;
  /** Seconds between two looks at the log that no notice asked for. Default 0.25. */
  readonly pollSeconds?: number;
  /** Sessions in which handlers of `exactlyOnce` subscribers write, at most. Default 4. */
  readonly transactionSessions?: number;
  /** Told of what goes wrong without stopping anything. */
  readonly onProblem?: (event: string, facts: Readonly<Record<string, unknown>>) => void;
}

/** Looks at the log between two looks at who has which part, and at what operators ask for. */
const POLLS_A_ROUND = 4;
/** Milliseconds between two saves of positions that moved without anything to handle. */
const IDLE_SAVE_MS = 10_000;

/**
 * Delivers the log's events to durable subscribers, after commit, at least once, those of a task in
 * their order. However many subscribers there are, they share three sessions: one that has their
 * parts (session-level advisory locks) and saves their positions, and two that read.
 *
 * Of all processes that run a subscriber, one at a time has each part; the others stand by. A batch
 * is saved when each of its events was handled or is a dead letter, while the next ones are handled:
 * the batches that were under way or being saved when a process died are delivered again.
 */
export class SubscriberRunner implements AsyncDisposable {
  readonly #options: SubscriberRunnerOptions;
  readonly #session: EngineSession;
  readonly #readers: readonly [EngineSession, EngineSession];
  readonly #transactions: HandlerTransactions;
  readonly #log: SubscriberLog;
  readonly #redeliveries: Redeliveries;
  /** Of the session that has the parts: what it cannot store is not stored by a later one. */
  #host: { readonly session: DatabaseSession; readonly host: PartHost } | undefined;
  readonly #wakeUp: WakeUp;
  readonly #subscribers = new Map<string, Subscriber>();
  /** By name and partition. */
  readonly #parts = new Map<string, ServedPart>();
  #control = Promise.withResolvers<void>();
  #rounds: Promise<void> | undefined;
  #isStopped = false;
  #savedAt = performance.now();

  constructor(options: SubscriberRunnerOptions) {
    this.#options = options;
    const { url, transactionSessions = 4 } = options;
    const onError = (error: unknown): void => this.#problem('connection_lost', { error });
    this.#session = new EngineSession({
      url,
      applicationName: 'tasker-core subscribers',
      onConnect: async (client) => {
        this.#loseParts();
        await listenForEvents(client, (isControl) => {
          if (isControl) this.#control.resolve();
          this.#wakeUp.notice();
        });
      },
      onLost: () => {
        this.#loseParts();
        this.#control.resolve();
      },
      onError,
    });
    const reader = { url, applicationName: 'tasker-core log reader', onError };
    this.#readers = [new EngineSession(reader), new EngineSession(reader)];
    this.#transactions = new HandlerTransactions({ url, size: transactionSessions, onError });
    this.#wakeUp = new WakeUp((options.pollSeconds ?? 0.25) * 1000);
    const [live, behind] = this.#readers;
    this.#log = new SubscriberLog({
      live: live.queries,
      behind: behind.queries,
      onHeldBack: () => this.#wakeUp.heldBack(),
    });
    this.#redeliveries = new Redeliveries({
      queries: this.#session.queries,
      reader: behind.queries,
      problem: (event, facts) => this.#problem(event, facts),
    });
  }

  /**
   * Enters a subscriber where its name is new, and serves it once the runner has been started. What is
   * committed from now on is delivered to it, whenever that may be.
   *
   * Errors: TASKER_DUPLICATE where this runner has one of this name; TASKER_DATABASE_UNREACHABLE.
   */
  async add(subscriber: Subscriber): Promise<void> {
    const { name, partitions, from, kind } = subscriber.options;
    if (this.#subscribers.has(name)) {
      throw new TaskerError('TASKER_DUPLICATE', `A subscriber ${name} is served here already.`, {
        remedy: 'Give it another name, or more handlers to the one that is there.',
        data: { name },
      });
    }
    // before anybody waits: two calls at once
    this.#subscribers.set(name, subscriber);
    try {
      const { queries } = this.#session;
      const position = from === 'now' ? await eventHorizon(queries) : FIRST_POSITION;
      const filter = { names: subscriber.patterns, ...kind };
      await enterSubscription(queries, { name, partitions, filter, position });
    } catch (error) {
      this.#subscribers.delete(name);
      throw error;
    }
    this.#log.setReaders([...this.#subscribers.values()]);
    this.#control.resolve();
  }

  /** Serves a subscriber no more; its position stays. Waits for the batch that is under way. */
  async remove(name: string, drainSeconds = 30): Promise<void> {
    if (!this.#subscribers.delete(name)) return;
    this.#log.setReaders([...this.#subscribers.values()]);
    const parts = [...this.#parts.values()].filter((part) => part.name === name);
    await this.#finish(parts, drainSeconds);
    for (const part of parts) this.#parts.delete(keyOf(part));
    if (parts.length > 0) await releaseParts(this.#session.queries, parts);
  }

  /** Begins to deliver. Idempotent. */
  async start(): Promise<void> {
    if (this.#isStopped) throw new Error('A runner that was stopped is not started again.');
    await this.#session.client();
    this.#wakeUp.start();
    this.#rounds ??= this.#run();
  }

  /**
   * Waits for the batches that are under way, ends what takes longer, and gives all parts back.
   * Idempotent.
   *
   * @param drainSeconds 0 ends everything at once; what was under way is delivered again
   */
  async stop(drainSeconds = 30): Promise<void> {
    this.#isStopped = true;
    this.#control.resolve();
    await this.#finish([...this.#parts.values()], drainSeconds, this.#redeliveries.stop());
    this.#wakeUp.stop();
    await Promise.all([this.#session, ...this.#readers].map((session) => session.stop()));
    await this.#transactions.stop();
    await this.#rounds;
    for (const part of this.#parts.values()) part.end();
    this.#parts.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Events a second that this process delivers to a part; undefined where it has it not. */
  rateOf(name: string, partition: number): number | undefined {
    return this.#parts.get(keyOf({ name, partition }))?.rate.perSecond;
  }

  async #finish(
    parts: readonly ServedPart[],
    drainSeconds: number,
    ...others: Promise<void>[]
  ): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, drainSeconds * 1000);
    const finished = Promise.all([...parts.map((part) => part.finish()), ...others]);
    // who waits for a database that is gone is not waited for
    await Promise.race([finished, late.promise]);
    clearTimeout(timer);
    for (const part of parts) part.end();
  }

  #hostOf(session: DatabaseSession): PartHost {
    if (this.#host?.session === session) return this.#host.host;
    const wakeUp = this.#wakeUp;
    const host: PartHost = {
      log: this.#log,
      progress: new SubscriberProgress(session),
      transactions: this.#transactions,
      queries: session,
      get woken() {
        return wakeUp.woken;
      },
      problem: (event, facts) => this.#problem(event, facts),
    };
    this.#host = { session, host };
    return host;
  }

  #loseParts(): void {
    this.#log.forget();
    for (const part of this.#parts.values()) part.end();
    this.#parts.clear();
  }

  #problem(event: string, facts: Readonly<Record<string, unknown>>): void {
    try {
      this.#options.onProblem?.(event, facts);
    } catch {
      // who is told of problems may make none
    }
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      this.#control = Promise.withResolvers<void>();
      try {
        await this.#round();
      } catch (error) {
        if (!this.#isStopped) this.#problem('subscribers_unserved', { error });
      }
      if (!this.#isStopped) await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    const seconds = (this.#options.pollSeconds ?? 0.25) * POLLS_A_ROUND;
    const timer = setTimeout(this.#control.resolve, seconds * 1000);
    await this.#control.promise;
    clearTimeout(timer);
  }

  /** Takes the parts that are free, and hears what operators ask for. */
  async #round(): Promise<void> {
    if (this.#subscribers.size === 0) return;
    const names = [...this.#subscribers.keys()];
    const { queries } = this.#session;
    const rows = await listSubscriptions(queries, ...names);
    for (const row of rows) this.#parts.get(keyOf(row))?.running.pause(row.state === 'paused');
    const free = rows.filter((row) => !this.#parts.has(keyOf(row)));
    if (free.length > 0) await this.#take(free);
    const isDue = performance.now() - this.#savedAt > IDLE_SAVE_MS;
    if (isDue) {
      this.#savedAt = performance.now();
      await Promise.all([...this.#parts.values()].map((part) => part.saveIdle()));
    }
    await this.#redeliveries.look([...this.#parts.values()]);
  }

  async #take(free: readonly SubscriptionRow[]): Promise<void> {
    const { queries } = this.#session;
    const session = await this.#session.client();
    const taken = await takeParts(queries, free);
    if (taken.length === 0) return;
    // a part that was just taken may have come further than what was read before
    const names = new Set(taken.map(({ name }) => name));
    const keys = new Set(taken.map(keyOf));
    const rows = await listSubscriptions(queries, ...names);
    // the locks were lost with the session that took them
    if (session !== (await this.#session.client())) return;
    for (const row of rows) {
      const subscriber = this.#subscribers.get(row.name);
      if (subscriber === undefined || !keys.has(keyOf(row)) || this.#isStopped) continue;
      const part = new ServedPart(subscriber, row, this.#hostOf(session));
      this.#parts.set(keyOf(row), part);
      part.start();
    }
  }
}

const keyOf = ({ name, partition }: { name: string; partition: number }): string =>
  `${partition} ${name}`;
