import type { TaskKind } from '../database/event-store/event-pages.ts';
import type { Queries } from '../database/id-block.ts';
import { TaskerError } from '../errors.ts';
import type { EventName, EventPayload } from './catalog.ts';
import type { StoredEvent } from './stored-event.ts';

/** What a handler is told beside the event. */
export interface Delivery {
  /** From 1; a process that begins anew counts anew. */
  readonly attempt: number;
  /** Aborts when the attempt takes too long or the subscriber stops. */
  readonly signal: AbortSignal;
  /** A dead letter that is delivered again: out of the order of its task. */
  readonly redelivery: boolean;
  /** Delivered again because somebody asked for it: out of order with what comes live. */
  readonly replay: boolean;
  /**
   * Runs statements in the transaction that enters the event as handled. Only where the subscriber is
   * `exactlyOnce`. Errors: TASKER_BAD_ARGUMENT.
   */
  readonly client: Queries;
}

/** Handles one event; what it throws leads to another attempt, then to a dead letter. */
export type EventHandler = (event: StoredEvent, delivery: Delivery) => unknown;

/** An event of the log whose name says what its payload holds. */
export type StoredEventOf<Name extends string> = Name extends EventName
  ? StoredEvent & { readonly name: Name; readonly payload: EventPayload<Name> }
  : StoredEvent;

/** Handlers by names: `step.completed` knows its payload; `task.*` and `*` stand for many. */
export type EventHandlers<Name extends string> = {
  readonly [Key in Name]: (event: StoredEventOf<Key>, delivery: Delivery) => unknown;
};

/** Options of a durable subscriber. */
export interface SubscriberOptions {
  /** Where its position is kept under: 1 to 128 characters. */
  readonly name: string;
  /** Parts that processes share; fixed when the name is first used. 1 to 64; default 1. */
  readonly partitions?: number;
  /** Where a name that is new begins. Default `now`. */
  readonly from?: 'now' | 'beginning';
  /** Only events of tasks of this namespace. Default: all, and those of no task. */
  readonly namespace?: string | undefined;
  /** Only events of tasks made from the template of this name. Default: all, and those of no task. */
  readonly template?: string | undefined;
  /**
   * Only events for which this is true; asked before each attempt. What it throws is a failed
   * attempt. Default: all.
   */
  readonly filter?: ((event: StoredEvent) => boolean) | undefined;
  /**
   * `full`: payloads as in the catalogue, composed of the log and of the rows of tasks and steps.
   * `stored`: only what the log itself holds, which is quicker. Default `full`.
   */
  readonly detail?: 'full' | 'stored';
  /**
   * Each event is entered as handled in the transaction of `delivery.client`, together with what the
   * handler writes there: its effects are stored once, however often the event is delivered, also by
   * a replay. Costs a transaction an event. Default false.
   */
  readonly exactlyOnce?: boolean;
  /** Events handled and saved together; more saves statements. 1 to 10,000; default 500. */
  readonly batchSize?: number;
  /** Tasks whose events are handled at once, in each part. 1 to 1,000; default 16. */
  readonly concurrency?: number;
  /**
   * Attempts before an event becomes a dead letter. An error whose `retryable` is false makes it one
   * at once. 1 to 100; default 5.
   */
  readonly attempts?: number;
  /**
   * Seconds before the second attempt, doubled each time up to 60; the `retryAfterSeconds` of an
   * error replaces them, up to 3,600. 0 to 60; default 1.
   */
  readonly retrySeconds?: number;
  /** Seconds that one attempt may take. 0.001 to 3,600; default 30. */
  readonly timeoutSeconds?: number;
}

/** {@link SubscriberOptions} with every default. */
export interface CheckedSubscriberOptions extends Required<
  Omit<SubscriberOptions, 'namespace' | 'template' | 'filter'>
> {
  readonly filter: ((event: StoredEvent) => boolean) | undefined;
  /** Undefined: events of all tasks, and of none. */
  readonly kind: TaskKind | undefined;
}

/** A durable subscriber: its options with every default, and its handlers. */
export class Subscriber {
  readonly options: CheckedSubscriberOptions;
  readonly #handlers: { readonly pattern: string; readonly handler: EventHandler }[] = [];
  readonly #known = new Map<string, readonly EventHandler[]>();

  /** Errors: TASKER_BAD_ARGUMENT names the option. */
  constructor(options: SubscriberOptions) {
    this.options = checkedSubscriber(options);
  }

  /** Adds a handler for a name, or for all that begin with it: `task.*`, `*`. */
  on(pattern: EventName | `${string}.*` | '*' | (string & {}), handler: EventHandler): this {
    if (!/^(?:\*|[^*]+|[^*]+\.\*)$/.test(pattern)) {
      throw refused('pattern', pattern, 'a name, a name that ends in .*, or *');
    }
    if (typeof handler !== 'function') throw refused(pattern, handler, 'a function');
    this.#handlers.push({ pattern, handler });
    this.#known.clear();
    return this;
  }

  get patterns(): string[] {
    return this.#handlers.map(({ pattern }) => pattern);
  }

  /** Handlers of an event, in the order in which they were added. O(1) for a name seen before. */
  handlersOf(name: string): readonly EventHandler[] {
    let handlers = this.#known.get(name);
    if (handlers === undefined) {
      handlers = this.#handlers
        .filter(({ pattern }) =>
          pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
        )
        .map(({ handler }) => handler);
      // applications make up names without end
      if (this.#known.size < MOST_NAMES) this.#known.set(name, handlers);
    }
    return handlers;
  }
}

const MOST_NAMES = 1000;

function checkedSubscriber(options: SubscriberOptions): CheckedSubscriberOptions {
  const { name, from = 'now', detail = 'full', filter, namespace, template } = options;
  if (typeof name !== 'string' || name === '' || name.length > 128 || name.includes('\0')) {
    throw refused('name', name, 'a text of 1 to 128 characters');
  }
  if (from !== 'now' && from !== 'beginning') throw refused('from', from, 'now or beginning');
  if (detail !== 'full' && detail !== 'stored') throw refused('detail', detail, 'full or stored');
  if (filter !== undefined && typeof filter !== 'function') {
    throw refused('filter', filter, 'a function');
  }
  for (const [field, value] of Object.entries({ namespace, template })) {
    if (value !== undefined && (typeof value !== 'string' || value === '' || value === '*')) {
      throw refused(field, value, 'a name');
    }
  }
  const within = (
    field: keyof SubscriberOptions,
    absent: number,
    least: number,
    most: number,
  ): number => {
    const value = options[field] ?? absent;
    if (typeof value === 'number' && value >= least && value <= most) return value;
    throw refused(field, value, `a number from ${least} to ${most}`);
  };
  return {
    name,
    from,
    detail,
    filter,
    kind:
      namespace === undefined && template === undefined
        ? undefined
        : { namespace: namespace ?? '*', template: template ?? '*' },
    exactlyOnce: options.exactlyOnce === true,
    partitions: Math.floor(within('partitions', 1, 1, 64)),
    batchSize: Math.floor(within('batchSize', 500, 1, 10_000)),
    concurrency: Math.floor(within('concurrency', 16, 1, 1000)),
    attempts: Math.floor(within('attempts', 5, 1, 100)),
    retrySeconds: within('retrySeconds', 1, 0, 60),
    timeoutSeconds: within('timeoutSeconds', 30, 0.001, 3600),
  };
}

function refused(field: string, value: unknown, wanted: string): TaskerError {
  return new TaskerError('TASKER_BAD_ARGUMENT', `Option ${field} is ${String(value)}.`, {
    remedy: `It must be ${wanted}.`,
    data: { field, value: String(value) },
  });
}
