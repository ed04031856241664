/**
 * Every error this package raises carries one stable code; the codes are public contract.
 * `docs/errors.md` is generated from this table (`npm run docs:errors`).
 */
export const ERROR_CODES = {
  TASKER_BAD_ARGUMENT: 'An option or argument has a value outside its documented range.',
  TASKER_BAD_GRAPH:
    'The stored bytes of a graph cannot be read: another format, cut off or altered.',
  TASKER_BAD_INPUT:
    'An input row cannot be read: malformed JSON, a missing field or a value of the wrong type.',
  TASKER_BAD_ROW:
    'A stored row contradicts another one (two current transitions, a duplicate id), or holds an instant before 1684 or after 2255 that is not exact as a double.',
  TASKER_BAD_SNAPSHOT:
    'A snapshot buffer is not of this layout version or its sections contradict each other.',
  TASKER_BACKEND_UNAVAILABLE: 'The resolver backend that was asked for cannot be used here.',
  TASKER_CANNOT_WRITE: 'A file of answers, or stdout, cannot be written.',
  TASKER_CONFLICT: 'Others changed the same task or step again and again; nothing was done.',
  TASKER_CYCLE: 'The steps of a task depend on each other in a circle.',
  TASKER_DANGLING_EDGE: 'An edge names a step that does not exist.',
  TASKER_DATABASE_UNREACHABLE: 'The database does not answer or refuses the connection.',
  TASKER_DUPLICATE: 'A row with these values exists already and may exist only once.',
  TASKER_DUPLICATE_HANDLER: 'A handler is registered under this name already.',
  TASKER_DUPLICATE_TASK: 'A task with this identity exists already, and duplicates are refused.',
  TASKER_DUPLICATE_TEMPLATE:
    'A template of this namespace, name and version is registered already.',
  TASKER_EMBEDDED_UNAVAILABLE: 'The embedded PostgreSQL cannot be started here.',
  TASKER_EVENT_NOT_SERIALISABLE: 'The payload of an event has no form as JSON that can be stored.',
  TASKER_EVENT_TOO_LARGE: 'The payload of an event is larger than allowed.',
  TASKER_IN_USE: 'The row cannot be deleted while other rows refer to it.',
  TASKER_INVALID_CONTEXT: 'The context of a task does not fit the schema of its template.',
  TASKER_INVALID_EVENT: 'The payload of an event does not fit the schema of its name.',
  TASKER_INVALID_TEMPLATE: 'A task template is wrong; every problem is named with its place.',
  TASKER_INVALID_TRANSITION: 'The state machine does not allow a task or step to change this way.',
  TASKER_NOT_EMPTY: 'The database already holds tasks and the operation wants an empty one.',
  TASKER_NOT_FOUND: 'The row that was asked for does not exist.',
  TASKER_NOT_PERMITTED: 'The database user or session may not do what the operation needs.',
  TASKER_NOT_TASKER_DATABASE: 'The database does not hold the tables of a Tasker engine.',
  TASKER_NOT_STARTED: 'What was asked for needs start() first, since no database was given.',
  TASKER_QUEUE_FULL: 'The resolver queue is at its bound and the caller asked not to wait.',
  TASKER_RESOLVER_CLOSED: 'The resolver was stopped.',
  TASKER_RESULT_NOT_SERIALISABLE: 'What a handler returned has no form as JSON that can be stored.',
  TASKER_RESULT_TOO_LARGE: 'What a handler returned, or was answered, is larger than allowed.',
  TASKER_SCHEMA_CONFLICT: 'A table of the database differs from what this version relies on.',
  TASKER_SCHEMA_VERSION: 'The database schema is newer or older than this version knows.',
  TASKER_STEP_TIMEOUT: 'An attempt of a step took longer than its timeout.',
  TASKER_TASK_FAILED: 'A task whose result was waited for ended in error or was cancelled.',
  TASKER_TOO_LARGE: 'The input exceeds a limit of the snapshot layout.',
  TASKER_UNKNOWN_DEAD_LETTER: 'An id names no dead letter.',
  TASKER_UNKNOWN_EVENT: 'No event of this name is catalogued or registered.',
  TASKER_UNKNOWN_HANDLER: 'A template names a handler that is not registered.',
  TASKER_UNKNOWN_REPLAY: 'An id names no replay.',
  TASKER_UNKNOWN_SUBSCRIBER: 'No durable subscriber was ever started under this name.',
  TASKER_UNKNOWN_TASK: 'A task id names no stored task.',
  TASKER_UNKNOWN_TEMPLATE: 'No registered template has this namespace, name and version.',
  TASKER_WAIT_TIMEOUT: 'A task was not over within the time that its result was waited for.',
  TASKER_WEBHOOK_FAILED: 'The receiver of a webhook could not be reached, or did not accept it.',
  TASKER_WEBHOOK_SIGNATURE:
    'A webhook carries no valid signature of the secret, or is too old or from the future.',
  TASKER_WORKER_LOST:
    'A worker thread died: a resolver whose work could not be repeated, or the handler of a step.',
} as const;

/** Stable error code; see {@link ERROR_CODES} for the meaning of each. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Options of {@link TaskerError}. */
export interface TaskerErrorOptions {
  /** The error that led to this one. */
  cause?: unknown;
  /** Structured facts about the failure (ids, field names, paths); JSON-serialisable. */
  data?: Readonly<Record<string, unknown>>;
  /** What the reader can do about it; appended to the message. */
  remedy?: string;
}

/**
 * The one error class of this package. Match on `code`, never on the message.
 *
 * `data` and `code` survive a worker border: see `toWire` and `fromWire`.
 */
export class TaskerError extends Error {
  override readonly name = 'TaskerError';
  readonly code: ErrorCode;
  readonly data: Readonly<Record<string, unknown>>;
  readonly remedy: string | undefined;

  constructor(code: ErrorCode, message: string, options: TaskerErrorOptions = {}) {
    super(
      options.remedy === undefined ? message : `${message} ${options.remedy}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.data = options.data ?? {};
    this.remedy = options.remedy;
  }
}

/** True when `error` is a {@link TaskerError}, of the given code if one is named. */
export function isTaskerError(error: unknown, code?: ErrorCode): error is TaskerError {
  return error instanceof TaskerError && (code === undefined || error.code === code);
}

/** A {@link TaskerError} as plain data, for a worker's answer. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Plain data of an error, fit for structured clone; an unknown error keeps only its message. */
export function toWire(error: unknown, fallback: ErrorCode): WireError {
  if (error instanceof TaskerError) {
    return { code: error.code, message: error.message, data: error.data };
  }
  return {
    code: fallback,
    message: error instanceof Error ? error.message : String(error),
    data: {},
  };
}

/** The error that `toWire` took apart. */
export function fromWire(wire: WireError): TaskerError {
  return new TaskerError(wire.code, wire.message, { data: wire.data });
}
