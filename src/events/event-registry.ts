import { TaskerError } from '../errors.ts';
import { eventDefinition, type EventName } from './catalog.ts';
import { REGISTRY_EVENTS } from './catalog-engine.ts';
import { TELEMETRY_EVENTS } from './catalog-workflow.ts';
import { checkPayload, compileSchema, type PayloadCheck } from './payload-check.ts';
import type { PayloadSchema } from './payload-schema.ts';

declare const described: unique symbol;

/** An event of the application's own, as it was registered; `Payload` is what it is published with. */
export interface RegisteredEvent<Payload extends object = Readonly<Record<string, unknown>>> {
  readonly name: string;
  /** One sentence: the fact that the event states. */
  readonly description: string;
  /** May be lost where events come faster than they can be stored. */
  readonly telemetry: boolean;
  /** Never set. */
  readonly [described]?: Payload;
}

/** What is said of an event when it is registered. */
export interface RegisterEventOptions {
  /** One sentence: the fact that the event states. */
  readonly description?: string;
  /**
   * Where the buffer of the publisher is full, events of this name are dropped and counted; others
   * wait. For measurements, of which there will be more. Default false.
   */
  readonly telemetry?: boolean;
}

/** What is known of a name that may be published. */
export interface PublishableEvent {
  readonly telemetry: boolean;
  /** False for what only subscribers of this process are told. */
  readonly stored: boolean;
  readonly check: PayloadCheck;
}

/** First parts of names that are the engine's; the others of the catalogue are so name by name. */
const RESERVED = new Set(['task', 'step', 'workflow', 'observability', 'test']);

/** Columns and members that the log adds by itself. */
const ENVELOPE = ['event_id', 'name', 'occurred_at', 'schema_version', 'event_type', 'timestamp'];

const LONGEST_NAME = 128;

/** The events of an application beside those of the catalogue. */
export class EventRegistry {
  readonly #events = new Map<string, RegisteredEvent & PublishableEvent>();

  /**
   * Registers a name with the JSON Schema (draft 7) of its payload; once more replaces what was said.
   *
   * Errors: TASKER_BAD_ARGUMENT for a name that has no dot, is the engine's, or is too long, and for a
   * schema that is none.
   */
  register<Payload extends object>(
    name: string,
    schema: PayloadSchema,
    options: RegisterEventOptions = {},
  ): RegisteredEvent<Payload> {
    requireFreeName(name);
    const { description = 'An event of the application.', telemetry = false } = options;
    const event = { name, description, telemetry, stored: true, check: checkOf(name, schema) };
    this.#events.set(name, event);
    return event;
  }

  /** Every registered event, by name. */
  list(): RegisteredEvent[] {
    return [...this.#events.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** True for a name that something may be published under, by whomever. */
  knows(name: string): boolean {
    return this.#events.has(name) || eventDefinition(name) !== undefined;
  }

  /**
   * What is known of a name that an application may publish: its own ones; of the catalogue only
   * those of registries and telemetry, which are not stored.
   *
   * Errors: TASKER_UNKNOWN_EVENT; TASKER_INVALID_EVENT for an event that only the engine publishes.
   */
  publishable(name: string): PublishableEvent {
    const own = this.#events.get(name);
    if (own !== undefined) return own;
    if (!this.knows(name)) throw unknownEvent(name);
    if (!Object.hasOwn(TELEMETRY_EVENTS, name) && !Object.hasOwn(REGISTRY_EVENTS, name)) {
      throw new TaskerError('TASKER_INVALID_EVENT', `Only the engine publishes ${name}.`, {
        remedy: 'Register an event of your own for what the application states.',
        data: { name, field: 'name' },
      });
    }
    const catalogued = name as EventName;
    const check: PayloadCheck = (payload) =>
      // the envelope is not the publisher's to give
      checkPayload(catalogued, payload).filter(({ field }) => !isEnvelope(field.slice(1)));
    return { telemetry: true, stored: false, check };
  }
}

const isEnvelope = (field: string): boolean =>
  [...ENVELOPE, 'correlation_id', 'causation_id'].includes(field);

function checkOf(name: string, schema: PayloadSchema): PayloadCheck {
  let check: PayloadCheck;
  try {
    check = compileSchema(schema);
  } catch (error) {
    throw refused('schema', name, error instanceof Error ? error.message : String(error), error);
  }
  return (payload) => {
    const taken = ENVELOPE.find((field) => Object.hasOwn(payload as object, field));
    if (taken === undefined) return check(payload);
    return [{ field: `/${taken}`, message: 'is what the log itself says of an event' }];
  };
}

function requireFreeName(name: unknown): asserts name is string {
  const say = (why: string): never => {
    throw refused('name', typeof name === 'string' ? name : typeof name, why);
  };
  if (typeof name !== 'string' || !/^[^\s*.]+(?:\.[^\s*.]+)+$/.test(name)) {
    return say('It must have parts with dots between, without spaces and stars.');
  }
  if (name.length > LONGEST_NAME) say(`It has more than ${LONGEST_NAME} characters.`);
  if (!name.isWellFormed() || name.includes('\0')) say('PostgreSQL cannot store it.');
  if (eventDefinition(name) !== undefined) say('It is the name of an event of the engine.');
  const [first = ''] = name.split('.');
  if (RESERVED.has(first.toLowerCase())) say(`The names that begin with ${first}. are taken.`);
}

function refused(field: string, name: string, why: string, cause?: unknown): TaskerError {
  return new TaskerError(
    'TASKER_BAD_ARGUMENT',
    `The event "${name.slice(0, LONGEST_NAME)}" cannot be registered: its ${field} will not do. ${why}`,
    { data: { field, value: name.slice(0, LONGEST_NAME) }, cause },
  );
}

/** Nobody has heard of this event. */
export function unknownEvent(name: string): TaskerError {
  return new TaskerError('TASKER_UNKNOWN_EVENT', `There is no event "${name}".`, {
    remedy: 'docs/events.md lists those of the engine; register those of the application first.',
    data: { name },
  });
}
