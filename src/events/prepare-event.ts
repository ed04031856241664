import { EventIds } from '../database/event-store/event-ids.ts';
import type { NewEvent } from '../database/event-store/event-writer.ts';
import { jsonbText } from '../database/jsonb-text.ts';
import { TaskerError } from '../errors.ts';
import type { EventRegistry, PublishableEvent } from './event-registry.ts';

/** What an event is about and where it comes from, beside its payload. */
export interface EventFacts {
  readonly taskId?: bigint | undefined;
  readonly stepId?: bigint | undefined;
  /** 1 to 255 characters. Default: that of the task, where it is about one. */
  readonly correlationId?: string | undefined;
  /** `eventId` of the event that led to this one. */
  readonly causationId?: string | undefined;
}

/** An event that is ready to be stored or told. */
export interface PreparedEvent extends NewEvent {
  readonly telemetry: boolean;
  readonly stored: boolean;
  /** What is stored of it, its origin included; nobody else's object. */
  readonly facts: Readonly<Record<string, unknown>>;
}

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Largest id of the tables. */
const LARGEST_ID = (1n << 63n) - 1n;

/** Makes events of what an application publishes: checks payloads, gives ids. */
export class EventPreparer {
  readonly #registry: EventRegistry;
  readonly #maxBytes: number;
  readonly #ids = new EventIds();

  /** @param maxBytes bound on the JSON text of a payload */
  constructor(registry: EventRegistry, maxBytes: number) {
    this.#registry = registry;
    this.#maxBytes = maxBytes;
  }

  /**
   * Errors: TASKER_UNKNOWN_EVENT; TASKER_INVALID_EVENT, TASKER_EVENT_NOT_SERIALISABLE and
   * TASKER_EVENT_TOO_LARGE naming the field. O(payload).
   *
   * @param at µs since the epoch
   * @param path names the event among others in the errors' field
   */
  prepare(
    name: string,
    payload: unknown,
    given: EventFacts,
    at: number,
    path: string = '',
  ): PreparedEvent {
    const known = this.#registry.publishable(name);
    const { taskId, stepId } = given;
    requireId(name, `${path}taskId`, taskId);
    requireId(name, `${path}stepId`, stepId);
    const { text, facts } = this.#payload(name, payload, known, path);
    const origin = originOf(name, given, path);
    return {
      eventId: this.#ids.next(at),
      name,
      taskId,
      stepId,
      at,
      correlationId: origin['correlation_id'],
      causationId: origin['causation_id'],
      payload: text,
      facts: { ...facts, ...origin },
      telemetry: known.telemetry,
      stored: known.stored,
    };
  }

  #payload(
    name: string,
    payload: unknown,
    { check }: PublishableEvent,
    path: string,
  ): { text: string; facts: Readonly<Record<string, unknown>> } {
    const field = (pointer: string): string => `${path}payload${pointer}`;
    if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) {
      throw invalid(name, [{ field: field(''), message: 'must be an object' }]);
    }
    const stored = jsonbText(payload, this.#maxBytes);
    if ('bytes' in stored) throw tooLarge(name, field(''), stored.bytes, this.#maxBytes);
    if (!('text' in stored)) {
      throw notSerialisable(name, field(culprit(payload)), stored.reason, stored.cause);
    }
    // checked as it is stored: dates are texts, functions are left out
    const facts: unknown = JSON.parse(stored.text);
    if (typeof facts !== 'object' || facts === null || Array.isArray(facts)) {
      throw invalid(name, [{ field: field(''), message: 'must be an object' }]);
    }
    const problems = check(facts);
    if (problems.length > 0) {
      throw invalid(
        name,
        problems.map((problem) => ({ ...problem, field: field(problem.field) })),
      );
    }
    return { text: stored.text, facts: facts as Readonly<Record<string, unknown>> };
  }
}

function requireId(name: string, field: string, id: unknown): void {
  if (id === undefined) return;
  if (typeof id === 'bigint' && id >= 0n && id <= LARGEST_ID) return;
  throw invalid(name, [{ field, message: 'must be a bigint that is an id' }]);
}

function originOf(
  name: string,
  { correlationId, causationId }: EventFacts,
  path: string,
): Record<string, string> {
  const origin: Record<string, string> = {};
  if (correlationId !== undefined) {
    const fits =
      typeof correlationId === 'string' &&
      /^[^\0]{1,255}$/.test(correlationId) &&
      correlationId.isWellFormed();
    if (!fits) {
      throw invalid(name, [
        { field: `${path}correlationId`, message: 'must be a text of 1 to 255 characters' },
      ]);
    }
    origin['correlation_id'] = correlationId;
  }
  if (causationId !== undefined) {
    if (typeof causationId !== 'string' || !UUID.test(causationId)) {
      throw invalid(name, [{ field: `${path}causationId`, message: 'must be the id of an event' }]);
    }
    origin['causation_id'] = causationId;
  }
  return origin;
}

/** Pointer of the member that has no JSON form; empty where none alone is to blame. */
function culprit(payload: object): string {
  try {
    const members = Object.keys(payload);
    const bad = members.find(
      (key) => !('text' in jsonbText((payload as Record<string, unknown>)[key], Infinity)),
    );
    return bad === undefined ? '' : `/${bad.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  } catch {
    return '';
  }
}

interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

function invalid(name: string, problems: readonly FieldProblem[]): TaskerError {
  const [first] = problems as [FieldProblem];
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new TaskerError(
    'TASKER_INVALID_EVENT',
    `Event ${name}: ${first.field} ${first.message}${more}.`,
    { data: { name, field: first.field, problems } },
  );
}

function tooLarge(name: string, field: string, bytes: number, maxBytes: number): TaskerError {
  return new TaskerError(
    'TASKER_EVENT_TOO_LARGE',
    `Event ${name}: the payload has at least ${bytes} bytes as JSON, ${maxBytes} are allowed.`,
    {
      remedy: 'Store it elsewhere and publish where it is.',
      data: { name, field, bytes, maxBytes },
    },
  );
}

function notSerialisable(name: string, field: string, why: string, cause: unknown): TaskerError {
  return new TaskerError(
    'TASKER_EVENT_NOT_SERIALISABLE',
    `Event ${name}: ${field} cannot be stored as JSON: ${why.slice(0, 500)}.`,
    { remedy: 'Publish plain data.', cause, data: { name, field } },
  );
}
