import type { JsonObject } from './bounded-json.ts';
import { boundedJson, storableText } from './bounded-json.ts';
import { isStepError, notesOf } from './step-errors.ts';

/** One failed attempt as plain data: fit for storage, for events and for another thread. */
export interface Failure {
  /** At most 2,000 characters. */
  readonly message: string;
  /** The error's name, or its class's; `String`, `Null` and so on for what is no error. */
  readonly errorClass: string;
  /** What rules by error are looked up with, most specific first: code, class, extended classes. */
  readonly errorNames: readonly string[];
  /** At most 50 lines of the stack, then one line for each cause. */
  readonly backtrace: readonly string[];
  /** False: no further attempt; undefined: nothing was said. */
  readonly retryable?: boolean;
  readonly retryAfterSeconds?: number;
  readonly errorCode?: string;
  readonly context?: JsonObject;
  /** False: the failure asks for no backoff of its own; see `decideRetry`. */
  readonly backoff?: false;
  /** Fields for the step's results beside those every failure has. */
  readonly results?: JsonObject;
}

const MESSAGE_LIMIT = 2000;
const NAME_LIMIT = 200;
const LINE_LIMIT = 500;
const STACK_LINES = 50;
const CAUSES = 5;
const NAMES = 10;

/**
 * Describes whatever a handler threw; never throws itself.
 *
 * Takes non-errors, null, frozen objects, throwing getters, proxies, circular causes and messages of
 * any length. A `TaskerError` keeps its code. O(bounds).
 */
export function describeFailure(thrown: unknown): Failure {
  const notes = notesOf(thrown);
  const causes = causesOf(thrown);
  const errorClass = classOf(thrown);
  const errorCode = codeOf(thrown) ?? causes.map(codeOf).find((code) => code !== undefined);
  const ours = attempt(() => isStepError(thrown)) === true;
  const retryable = ours ? attempt(() => read(thrown, 'retryable')) : undefined;
  const retryAfter =
    notes.retryAfterSeconds ?? (ours ? read(thrown, 'retryAfterSeconds') : undefined);
  const context = ours ? contextOf(read(thrown, 'context')) : undefined;
  return {
    message: messageOf(thrown),
    errorClass,
    errorNames: namesOf(thrown, errorClass, errorCode),
    backtrace: [
      ...stackOf(thrown),
      ...causes.map((cause) =>
        clean(`Caused by: ${classOf(cause)}: ${messageOf(cause)}`, LINE_LIMIT),
      ),
    ],
    ...(typeof retryable === 'boolean' && { retryable }),
    ...(typeof retryAfter === 'number' && retryAfter >= 0 && { retryAfterSeconds: retryAfter }),
    ...(errorCode !== undefined && { errorCode }),
    ...(context !== undefined && { context }),
    ...(notes.backoff === false && { backoff: false as const }),
    ...(notes.results !== undefined && { results: notes.results }),
  };
}

/**
 * What a failed attempt stores as the step's results: the previous ones merged with `error`,
 * `backtrace` (lines joined by newline) and `error_class`, and with what a framework handler added.
 *
 * @param previous stored results; what is no object is kept as `original_response` and `response_type`
 */
export function failureResults(
  previous: unknown,
  failure: Failure,
): Readonly<Record<string, unknown>> {
  return {
    ...previousFields(previous),
    ...failure.results,
    error: failure.message,
    backtrace: failure.backtrace.join('\n'),
    error_class: failure.errorClass,
  };
}

function previousFields(previous: unknown): Readonly<Record<string, unknown>> {
  if (previous === null || previous === undefined) return {};
  if (typeof previous === 'object' && !Array.isArray(previous)) {
    return previous as Record<string, unknown>;
  }
  const kind = Array.isArray(previous) ? 'array' : typeof previous;
  return { original_response: previous, response_type: capital(kind) };
}

const clean = (text: string, limit: number): string => storableText(text, limit);
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

/** A property of anything; undefined where there is none or its getter throws. */
function read(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return attempt(() => (value as Record<string, unknown>)[key]);
}

function messageOf(thrown: unknown): string {
  const message = read(thrown, 'message');
  if (typeof message === 'string') return clean(message, MESSAGE_LIMIT);
  if (typeof thrown === 'string') return clean(thrown, MESSAGE_LIMIT);
  const shown = attempt(() =>
    JSON.stringify(boundedJson(thrown, { depth: 3, values: 50, text: 500 })),
  );
  return clean(shown ?? '[unreadable]', MESSAGE_LIMIT);
}

function classOf(thrown: unknown): string {
  if (thrown === null) return 'Null';
  if (typeof thrown !== 'object') return capital(typeof thrown);
  const name = read(thrown, 'name');
  // a class that extends Error without a name of its own goes by its class's
  if (typeof name === 'string' && name !== '' && name !== 'Error') return clean(name, NAME_LIMIT);
  const constructed = read(
    attempt(() => Object.getPrototypeOf(thrown) as unknown),
    'constructor',
  );
  return (
    constructorName(constructed) ?? (typeof name === 'string' && name !== '' ? 'Error' : 'Object')
  );
}

function constructorName(constructed: unknown): string | undefined {
  if (typeof constructed !== 'function') return undefined;
  const name: unknown = attempt(() => constructed.name);
  return typeof name === 'string' && name !== '' ? clean(name, NAME_LIMIT) : undefined;
}

function codeOf(thrown: unknown): string | undefined {
  for (const key of ['errorCode', 'code']) {
    const code = read(thrown, key);
    if (typeof code === 'string' && code !== '') return clean(code, NAME_LIMIT);
    if (typeof code === 'number') return String(code);
  }
  return undefined;
}

function namesOf(thrown: unknown, errorClass: string, errorCode: string | undefined): string[] {
  const names = new Set<string>(errorCode === undefined ? [] : [errorCode]);
  names.add(errorClass);
  let prototype = typeof thrown === 'object' && thrown !== null ? prototypeOf(thrown) : undefined;
  while (prototype !== undefined && names.size < NAMES) {
    const name = constructorName(read(prototype, 'constructor'));
    if (name !== undefined && name !== 'Object') names.add(name);
    prototype = prototypeOf(prototype);
  }
  return [...names];
}

function prototypeOf(value: object): object | undefined {
  return attempt(() => Object.getPrototypeOf(value) as object | null) ?? undefined;
}

function causesOf(thrown: unknown): unknown[] {
  const causes: unknown[] = [];
  let cause = read(thrown, 'cause');
  while (cause !== undefined && cause !== null && causes.length < CAUSES) {
    if (cause === thrown || causes.includes(cause)) break;
    causes.push(cause);
    cause = read(cause, 'cause');
  }
  return causes;
}

function stackOf(thrown: unknown): string[] {
  const stack = read(thrown, 'stack');
  if (typeof stack !== 'string') return [];
  // the head of a stack repeats the message, which may be of any length
  const from = stack.search(/^ {1,8}at /m);
  if (from < 0) return [];
  const lines = stack.slice(from, from + STACK_LINES * LINE_LIMIT).split('\n', STACK_LINES);
  return lines.map((line) => clean(line.trim(), LINE_LIMIT)).filter((line) => line !== '');
}

function contextOf(context: unknown): JsonObject | undefined {
  if (context === undefined || context === null) return undefined;
  const copied = boundedJson(context);
  if (typeof copied === 'object' && copied !== null && !Array.isArray(copied)) {
    return copied as JsonObject;
  }
  return { value: copied };
}
