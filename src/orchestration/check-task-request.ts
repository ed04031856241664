import type { TaskRecord } from '../database/engine/task-writer.ts';
import { isInstant, toNaive } from '../entities/instant-type.ts';
import { TaskerError } from '../errors.ts';
import { parseInstant } from '../graph/snapshot/instants.ts';
import type { ContextProblem, TaskTemplate } from '../templates/task-template.ts';
import { badOption, knownKeys, objectOption, wholeOption } from '../policies/bad-option.ts';
import { isCorrelationId, newCorrelationId } from './correlation-id.ts';
import { resultText } from './result-text.ts';
import { identityHash, type TaskIdentity } from './task-identity.ts';
import type { TaskRequest } from './task-request.ts';

const KEYS: readonly (keyof TaskRequest)[] = [
  'context',
  'priority',
  'runAt',
  'identity',
  'correlationId',
  'initiator',
  'sourceSystem',
  'reason',
  'tags',
  'bypassSteps',
  'requestedAt',
  'parentTaskId',
  'traceContext',
];

/** Largest id of a `bigint` column. */
const LARGEST_ID = 2n ** 63n - 1n;

/** The context's JSON text is bounded only by what the database takes for one value. */
const CONTEXT_BYTES = 2 ** 28 - 1;

/**
 * A request checked, with every default filled in.
 *
 * @param path stands before the names of fields in errors, such as `requests[3].`
 * @throws TaskerError `TASKER_INVALID_CONTEXT` with every problem in `data.problems`,
 *   `TASKER_BAD_ARGUMENT` naming field and value for anything else
 */
export function checkTaskRequest(
  template: TaskTemplate,
  request: TaskRequest,
  nowMicros: number,
  path = '',
): TaskRecord {
  const whole = path === '' ? 'request' : path.slice(0, -1);
  knownKeys(whole, objectOption(whole, request), KEYS);
  const context = contextText(template, request.context, path);
  const facts = {
    initiator: text(`${path}initiator`, request.initiator, 128) ?? 'unknown',
    sourceSystem: text(`${path}sourceSystem`, request.sourceSystem, 128) ?? 'unknown',
    reason: text(`${path}reason`, request.reason, 128) ?? 'unknown',
    bypassSteps: bypassSteps(template, request.bypassSteps, path),
    requestedAt: instant(`${path}requestedAt`, request.requestedAt) ?? nowMicros,
  };
  const identity = checkIdentity(`${path}identity`, request.identity);
  const { namespace, name } = template;
  return {
    ...facts,
    context,
    identityHash: identityHash(identity, { ...facts, namespace, name, context: request.context }),
    tags: texts(`${path}tags`, request.tags),
    priority: wholeOption(`${path}priority`, request.priority, 0, -0x8000_0000, 0x7fff_ffff),
    correlationId: correlationId(path, request.correlationId) ?? newCorrelationId(nowMicros),
    parentTaskId: taskId(`${path}parentTaskId`, request.parentTaskId),
    runAt: instant(`${path}runAt`, request.runAt),
    traceContext: text(`${path}traceContext`, request.traceContext, 1024),
  };
}

function contextText(template: TaskTemplate, context: unknown, path: string): string {
  const refuse = (problems: readonly ContextProblem[], cause?: unknown): TaskerError => {
    const { namespace, name, version } = template;
    const [first] = problems;
    const place = first === undefined || first.pointer === '' ? '' : ` at ${first.pointer}`;
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    return new TaskerError(
      'TASKER_INVALID_CONTEXT',
      `The context${place} does not fit ${namespace}.${name}@${version}: ${first?.message}${more}.`,
      { data: { field: `${path}context`, problems }, cause },
    );
  };
  const wrong = (message: string, keyword: string, cause?: unknown): TaskerError =>
    refuse([{ pointer: '', message, keyword }], cause);
  if (typeof context !== 'object' || context === null || Array.isArray(context)) {
    throw wrong('it must be an object', 'type');
  }
  let json: string;
  try {
    json = resultText(context, CONTEXT_BYTES);
  } catch (error) {
    const message =
      error instanceof Error ? error.message.replace(/\.$/, '') : 'it has no JSON form';
    throw wrong(message, 'json', error);
  }
  // what toJSON, undefined and instants become in JSON is what the handlers will see
  if (!json.startsWith('{')) throw wrong('it must be an object', 'type');
  if (json === '{}') throw wrong('it must not be empty', 'minProperties');
  const problems = template.validateContext(JSON.parse(json));
  if (problems.length > 0) throw refuse(problems);
  return json;
}

function bypassSteps(
  template: TaskTemplate,
  value: readonly string[] | undefined,
  path: string,
): readonly string[] {
  const field = `${path}bypassSteps`;
  const names = texts(field, value);
  for (const [index, name] of names.entries()) {
    const position = template.positions.get(name);
    const at = `${field}[${index}]`;
    if (position === undefined) {
      throw badOption(at, name, `a step of ${template.namespace}.${template.name}`);
    }
    if (template.steps[position]?.skippable !== true) throw badOption(at, name, 'a skippable step');
    if (names.indexOf(name) < index) throw badOption(at, name, 'named once');
  }
  return names;
}

function checkIdentity(field: string, value: TaskIdentity | undefined): TaskIdentity {
  if (value === undefined || value === 'always' || value === 'rails') return value ?? 'always';
  const wanted = "'always', 'rails' or { key }";
  if (typeof value !== 'object' || value === null) throw badOption(field, value, wanted);
  knownKeys(field, value, ['key']);
  if (typeof value.key !== 'string' || value.key === '' || !value.key.isWellFormed()) {
    throw badOption(`${field}.key`, value.key, 'text that is not empty');
  }
  return value;
}

function correlationId(path: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && isCorrelationId(value)) return value;
  throw badOption(
    `${path}correlationId`,
    value,
    'at most 100 letters, digits, _ and -, beginning with a letter or digit',
  );
}

function taskId(field: string, value: unknown): bigint | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'bigint' && value > 0n && value <= LARGEST_ID) return value;
  throw badOption(field, value, 'the id of a task, a bigint');
}

function instant(field: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const wanted = 'an instant like 2026-03-01T09:30:00.000125Z';
  if (typeof value !== 'string' || !isInstant(value)) throw badOption(field, value, wanted);
  let micros: number | undefined;
  try {
    micros = parseInstant(toNaive(value));
  } catch {
    // a day that does not exist, with an offset to apply to it
  }
  if (micros === undefined || !Number.isFinite(micros)) throw badOption(field, value, wanted);
  return micros;
}

/** Text that a column of `limit` characters holds. */
function text(field: string, value: unknown, limit: number): string | undefined {
  if (value === undefined) return undefined;
  requireText(field, value);
  // the database counts characters; a surrogate pair is one there and two in JavaScript
  if (value.length > limit && Array.from(value).length > limit) {
    throw badOption(field, value, `at most ${limit} characters`);
  }
  return value;
}

function texts(field: string, value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw badOption(field, value, 'an array of texts');
  for (const [index, item] of value.entries()) requireText(`${field}[${index}]`, item);
  return value as string[];
}

function requireText(field: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw badOption(field, value, 'text');
  if (value.includes('\0') || !value.isWellFormed()) {
    throw badOption(field, value, 'text without NUL and halves of surrogate pairs');
  }
}
