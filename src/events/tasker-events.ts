import type { UrlSource } from '../database/connection.ts';
import { setTimeout as sleep } from 'node:timers/promises';

import { EngineSession } from '../database/engine/engine-session.ts';
import { queriesOf } from '../database/repositories/em-queries.ts';
import { uuidText } from '../database/event-store/event-ids.ts';
import { writeEvents } from '../database/event-store/event-writer.ts';
import type { Queries } from '../database/id-block.ts';
import type { TaskerEntityManager } from '../database/repositories/orm.ts';
import { TaskerError } from '../errors.ts';
import type { EventName } from './catalog.ts';
import {
  DurableSubscribers,
  type DurableSubscription,
  type LiveSubscriberHealth,
} from './durable-subscribers.ts';
import {
  EventRegistry,
  type RegisteredEvent,
  type RegisterEventOptions,
} from './event-registry.ts';
import type { CatalogEvent, CustomEventOf, EventReference } from './event-types.ts';
import type { InProcessEvent, InProcessHandler, ProblemSink } from './in-process.ts';
import { toldEvent } from './told-event.ts';
import { patternOf, subscriptionsOf, type ClassSubscriber } from './in-process-names.ts';
import type { PayloadSchema } from './payload-schema.ts';
import { EventPreparer, type EventFacts, type PreparedEvent } from './prepare-event.ts';
import { Publisher, type PublisherCounts } from './publisher.ts';
import {
  Subscriber,
  type EventHandler,
  type EventHandlers,
  type SubscriberOptions,
} from './subscriber-definition.ts';
import { ToldEvents } from './told-events.ts';
import { UncommittedEvents } from './uncommitted-events.ts';

/** What a {@link TaskerEvents} is made of. */
export interface TaskerEventsOptions {
  readonly url: UrlSource;
  /** Tells the time of events. */
  readonly clock: () => Ticking | Promise<Ticking>;
  readonly maxEventBytes: number;
  readonly batchSize: number;
  readonly waitMs: number;
  readonly bufferSize: number;
  readonly problem: ProblemSink;
}

/** µs since the epoch. */
interface Ticking {
  nowMicros(): number;
}

/** Where and until when events are published. */
export interface PublishTarget {
  /** A session with a transaction of the caller: the events exist if and only if that commits. */
  readonly client?: Queries | undefined;
  /** An entity manager inside `em.transactional`: the same. */
  readonly em?: TaskerEntityManager | undefined;
  /**
   * What is waited for outside of a caller's transaction: that the events are `stored` (default), or
   * that the buffer has room for them. What cannot be stored after that is reported as a problem;
   * `flush` waits for the rest.
   */
  readonly until?: 'stored' | 'buffered' | undefined;
}

/** What is said of an event beside its payload, and where it is published. */
export interface PublishOptions extends EventFacts, PublishTarget {}

/** One event of a batch. */
export interface EventToPublish extends EventFacts {
  /** A registered name, or what `registerEvent` returned. */
  readonly event: EventReference<Record<string, unknown>>;
  readonly payload: object;
}

/** What became of an event that was published. */
export interface PublishedEvent {
  /** UUID of version 7. */
  readonly eventId: string;
  /**
   * `stored`: committed. `written`: part of the caller's transaction. `buffered`: will be stored.
   * `told`: given to the subscribers of this process, since events of this name are not stored.
   * `dropped`: telemetry for which there was no room.
   */
  readonly outcome: 'stored' | 'written' | 'buffered' | 'told' | 'dropped';
}

/** Options of an in-process subscriber. */
export interface OnOptions<Event> {
  /** Asked for each event; only those that it says true of are handled. */
  readonly filter?: (event: Event) => boolean;
}

/**
 * The events of a Tasker: publishes the application's own, and brings them and those of the engine to
 * subscribers.
 *
 * Subscribers of this process (`on`) get what this process has committed, each one its events in
 * order, at most once: nothing of it outlives the process. Nothing is done for names that nobody here
 * wants.
 */
export class TaskerEvents {
  readonly #options: TaskerEventsOptions;
  readonly #registry = new EventRegistry();
  readonly #preparer: EventPreparer;
  readonly #publisher: Publisher;
  readonly #told: ToldEvents;
  readonly #uncommitted: UncommittedEvents;
  readonly #durable: DurableSubscribers;
  #reader: EngineSession;

  /** @internal Made by `Tasker`. */
  constructor(options: TaskerEventsOptions) {
    this.#options = options;
    this.#preparer = new EventPreparer(this.#registry, options.maxEventBytes);
    this.#durable = new DurableSubscribers(options.url, options.problem);
    this.#reader = this.#newReader();
    const queries = (): Queries => this.#reader.queries;
    this.#told = new ToldEvents(queries, options.problem);
    const stored = (events: readonly PreparedEvent[]): void =>
      this.#told.committed(
        events.map(({ eventId, name, taskId, stepId, at, facts }) => ({
          eventId,
          name,
          taskId,
          stepId,
          at,
          stored: facts,
        })),
      );
    this.#publisher = new Publisher({ ...options, stored });
    this.#uncommitted = new UncommittedEvents(queries, stored, (error) =>
      options.problem('events_untold', { error }),
    );
  }

  #newReader(): EngineSession {
    const { url, problem } = this.#options;
    const onError = (error: unknown): void => problem('connection_lost', { error });
    return new EngineSession({ url, applicationName: 'tasker-core events', onError });
  }

  /**
   * Registers an event of the application with the JSON Schema (draft 7) of its payload; once more
   * replaces what was said.
   *
   * Errors: TASKER_BAD_ARGUMENT for a name that is the engine's, has no dot or is longer than 128
   * characters, and for a schema that is none.
   */
  registerEvent<Payload extends object = Readonly<Record<string, unknown>>>(
    name: string,
    schema: PayloadSchema,
    options: RegisterEventOptions = {},
  ): RegisteredEvent<Payload> {
    return this.#registry.register(name, schema, options);
  }

  /** The registered events, by name. */
  registeredEvents(): RegisteredEvent[] {
    return this.#registry.list();
  }

  /**
   * Publishes one event; resolves when it is committed. Events published by one caller after the other
   * are stored in that order.
   *
   * Errors: TASKER_UNKNOWN_EVENT; TASKER_INVALID_EVENT, TASKER_EVENT_NOT_SERIALISABLE and
   * TASKER_EVENT_TOO_LARGE name the field; TASKER_BAD_ARGUMENT for an option;
   * TASKER_DATABASE_UNREACHABLE where the Tasker is stopped before the event is stored.
   */
  async publish<Payload extends object = Readonly<Record<string, unknown>>>(
    event: EventReference<Payload>,
    payload: Payload,
    options: PublishOptions = {},
  ): Promise<PublishedEvent> {
    checkTarget(options);
    const clock = await this.#options.clock();
    const prepared = this.#preparer.prepare(nameOf(event), payload, options, clock.nowMicros());
    const [outcome] = await this.#publish([prepared], options);
    return { eventId: uuidText(prepared.eventId), outcome: outcome ?? 'told' };
  }

  /**
   * Publishes many events in their order; nothing of them where one is wrong. Outside of a caller's
   * transaction, each statement is committed alone.
   *
   * Errors: as {@link publish}; fields begin with `events[index].`.
   */
  async publishBatch(
    events: readonly EventToPublish[],
    target: PublishTarget = {},
  ): Promise<PublishedEvent[]> {
    checkTarget(target);
    if (!Array.isArray(events)) throw refused('events', events, 'an array');
    const clock = await this.#options.clock();
    const at = clock.nowMicros();
    const prepared = events.map(({ event, payload, ...facts }: EventToPublish, index) =>
      this.#preparer.prepare(nameOf(event), payload, facts, at, `events[${index}].`),
    );
    const outcomes = await this.#publish(prepared, target);
    return prepared.map(({ eventId }, index) => ({
      eventId: uuidText(eventId),
      outcome: outcomes[index] ?? 'told',
    }));
  }

  async #publish(
    events: readonly PreparedEvent[],
    { client, em, until = 'stored' }: PublishTarget,
  ): Promise<PublishedEvent['outcome'][]> {
    const stored = events.filter((event) => event.stored);
    const outcome = await this.#store(stored, em === undefined ? client : queriesOf(em), until);
    for (const event of events) if (!event.stored) this.#told.told(toldEvent(event));
    return events.map((event) => (event.stored ? outcome : 'told'));
  }

  async #store(
    events: readonly PreparedEvent[],
    callers: Queries | undefined,
    until: 'stored' | 'buffered',
  ): Promise<PublishedEvent['outcome']> {
    if (events.length === 0) return 'stored';
    if (callers !== undefined) {
      const transactionId = await writeEvents(callers, events);
      const wanted = events.filter(({ name }) => this.#told.subscribers.wants(name));
      if (wanted.length > 0) this.#uncommitted.watch(transactionId, wanted);
      return 'written';
    }
    const submission = this.#publisher.submit(events);
    if (submission === undefined) return 'dropped';
    await submission[until === 'stored' ? 'stored' : 'admitted'].promise;
    return until;
  }

  /**
   * Calls a handler for events of a name, of all names that begin alike (`task.*`), or of all (`*`),
   * after they were committed. A name that only repeats another one stands for that one. A handler
   * that throws or rejects is reported and goes on with the next event; it is not called again before
   * what it returned is settled. Of more than 10,000 events that wait for one handler the latest are
   * dropped and counted: whoever may miss nothing is a durable subscriber.
   *
   * Errors: TASKER_UNKNOWN_EVENT; TASKER_BAD_ARGUMENT for a pattern that is none.
   *
   * @returns takes the handler out
   */
  on<Name extends EventName>(
    name: Name,
    handler: (event: CatalogEvent<Name>) => unknown,
    options?: OnOptions<CatalogEvent<Name>>,
  ): () => void;
  on<Payload extends object>(
    event: RegisteredEvent<Payload>,
    handler: (event: CustomEventOf<Payload>) => unknown,
    options?: OnOptions<CustomEventOf<Payload>>,
  ): () => void;
  on(
    pattern: string,
    handler: (event: InProcessEvent) => unknown,
    options?: OnOptions<InProcessEvent>,
  ): () => void;
  on(
    event: EventReference<object>,
    handler: (event: never) => unknown,
    options: OnOptions<never> = {},
  ): () => void {
    const pattern = patternOf(nameOf(event), this.#registry);
    const { filter } = options as OnOptions<InProcessEvent>;
    const subscription = { pattern, handler: handler as InProcessHandler, filter };
    this.#told.subscribers.add(subscription);
    return () => void this.#told.subscribers.remove((each) => each === subscription);
  }

  /** Takes a handler of a name or pattern out, or all of them. @returns false where there is none */
  off(event: EventReference<object>, handler?: (event: never) => unknown): boolean {
    const pattern = patternOf(nameOf(event), this.#registry);
    const removed = this.#told.subscribers.remove(
      (each) => each.pattern === pattern && (handler === undefined || each.handler === handler),
    );
    return removed > 0;
  }

  /**
   * Connects an object whose methods handle events: `task.completed` is handled by
   * `handle_task_completed`. A name without a method is reported as a problem and skipped.
   *
   * Errors: TASKER_UNKNOWN_EVENT.
   *
   * @returns takes it out
   */
  connect(subscriber: ClassSubscriber): () => void {
    const { subscriptions, missing } = subscriptionsOf(subscriber, this.#registry);
    for (const { name, method } of missing) {
      this.#options.problem('event_method_missing', { event: name, method });
    }
    for (const subscription of subscriptions) this.#told.subscribers.add(subscription);
    const own = new Set<unknown>(subscriptions);
    return () => void this.#told.subscribers.remove((each) => own.has(each));
  }

  /**
   * Subscribes durably: under a name whose position is stored, in batches, at least once, the events
   * of a task in their order, in one process at a time for each part. What is committed from now on is
   * delivered once the Tasker is started, or `startSubscribers` was called, and after every later
   * start.
   *
   * Errors: TASKER_BAD_ARGUMENT names the option; TASKER_DUPLICATE; TASKER_DATABASE_UNREACHABLE.
   */
  async subscribe<Name extends string>(
    name: string,
    options: Omit<SubscriberOptions, 'name'>,
    handlers: EventHandlers<Name>,
  ): Promise<DurableSubscription> {
    const subscriber = new Subscriber({ ...options, name });
    for (const [pattern, handler] of Object.entries(handlers)) {
      subscriber.on(pattern, handler as EventHandler);
    }
    return this.#durable.subscribe(subscriber);
  }

  /** Delivers to durable subscribers; for programs that run no engine. Ends with `stop` of the Tasker. */
  async startSubscribers(): Promise<void> {
    await this.#durable.start();
  }

  /** Every durable subscriber of the database, whichever process serves it: position, lag, rate, errors. */
  async subscriberHealth(): Promise<LiveSubscriberHealth[]> {
    return this.#durable.health();
  }

  /** Resolves when everything that was published before is stored, or could not be. */
  async flush(): Promise<void> {
    // what was published in this turn waits for the clock still
    await this.#options.clock();
    await this.#publisher.flush();
  }

  /** Resolves when the subscribers of this process are done with what was committed so far. */
  async handled(): Promise<void> {
    await this.#told.idle();
  }

  /** Counts since the Tasker was made. */
  get counts(): Readonly<PublisherCounts> & { readonly buffered: number; readonly untold: number } {
    const { counts, buffered } = this.#publisher;
    const untold = this.#told.dropped + this.#told.subscribers.dropped;
    return { ...counts, buffered, untold };
  }

  /** @internal What the engine tells its events to. */
  get told(): ToldEvents {
    return this.#told;
  }

  /** @internal Stores and tells what there is, for so many seconds at most, and ends the sessions. */
  async stop(seconds: number): Promise<void> {
    // first, since their handlers may publish
    await this.#durable.stop(seconds);
    await this.#publisher.stop(seconds);
    await this.#uncommitted.stop();
    const over = new AbortController();
    const late = sleep(seconds * 1000, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([this.handled(), late]);
    over.abort();
    const reader = this.#reader;
    this.#reader = this.#newReader();
    await reader.stop();
  }
}

const nameOf = (event: string | { readonly name: string }): string =>
  typeof event === 'object' && event !== null ? event.name : event;

function checkTarget({ client, em, until }: PublishTarget): void {
  if (client !== undefined && em !== undefined) {
    throw refused('em', 'an entity manager', 'absent where client is given');
  }
  if (until !== undefined && until !== 'stored' && until !== 'buffered') {
    throw refused('until', until, "'stored' or 'buffered'");
  }
}

function refused(field: string, value: unknown, wanted: string): TaskerError {
  return new TaskerError('TASKER_BAD_ARGUMENT', `Option ${field} is ${String(value)}.`, {
    remedy: `It must be ${wanted}.`,
    data: { field, value: String(value) },
  });
}
