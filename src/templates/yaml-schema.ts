import { Ajv, type ErrorObject } from 'ajv';

const TEXT = { type: 'string' } as const;
const TEXTS = { type: 'array', items: TEXT } as const;
const FLAG = { type: 'boolean' } as const;
const SECONDS = { type: 'number', minimum: 0 } as const;

const LIMITS = {
  max_seconds: SECONDS,
  jitter: { type: 'number', minimum: 0, maximum: 1 },
} as const;

const BACKOFF = {
  type: 'object',
  required: ['strategy'],
  discriminator: { propertyName: 'strategy' },
  oneOf: [
    {
      required: ['seconds'],
      additionalProperties: false,
      properties: {
        strategy: { const: 'list' },
        seconds: { type: 'array', items: SECONDS, minItems: 1 },
        power: { type: 'number' },
        ...LIMITS,
      },
    },
    {
      additionalProperties: false,
      properties: {
        strategy: { const: 'exponential' },
        initial_seconds: SECONDS,
        factor: { type: 'number', minimum: 1 },
        ...LIMITS,
      },
    },
    {
      required: ['seconds'],
      additionalProperties: false,
      properties: { strategy: { const: 'constant' }, seconds: SECONDS, ...LIMITS },
    },
  ],
} as const;

const EVENT = {
  type: 'object',
  required: ['name'],
  properties: { name: TEXT, description: TEXT },
} as const;

/** Our own keys of a step stand after the Rails engine's, which ignores them. */
const STEP_KEYS = {
  name: TEXT,
  description: TEXT,
  dependent_system: TEXT,
  default_retryable: FLAG,
  default_retry_limit: { type: 'integer' },
  skippable: FLAG,
  depends_on_step: TEXT,
  depends_on_steps: TEXTS,
  handler_class: TEXT,
  handler_config: { type: 'object' },
  custom_events: { type: 'array', items: EVENT },
  timeout_seconds: { type: 'number', exclusiveMinimum: 0 },
  circuit_breaker: TEXT,
  thread: FLAG,
  retry: {
    type: 'object',
    additionalProperties: false,
    properties: {
      backoff: BACKOFF,
      by_error: {
        type: 'object',
        additionalProperties: { anyOf: [{ const: 'never' }, BACKOFF] },
      },
    },
  },
} as const;

const TASK = {
  type: 'object',
  required: ['name', 'task_handler_class', 'step_templates'],
  properties: {
    name: TEXT,
    module_namespace: { type: ['string', 'null'] },
    task_handler_class: TEXT,
    namespace_name: TEXT,
    version: TEXT,
    description: TEXT,
    default_dependent_system: TEXT,
    named_steps: TEXTS,
    schema: { type: 'object' },
    concurrent: FLAG,
    step_templates: {
      type: 'array',
      items: { type: 'object', required: ['name', 'handler_class'], properties: STEP_KEYS },
    },
  },
} as const;

const ENVIRONMENTS = {
  type: 'object',
  additionalProperties: {
    type: 'object',
    properties: {
      step_templates: { type: 'array', items: { type: 'object', required: ['name'] } },
    },
  },
} as const;

/** A key path and what is wrong there. */
export interface PathProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

const compiler = new Ajv({
  allErrors: true,
  allowUnionTypes: true,
  discriminator: true,
  // a type that stands beside oneOf holds for its branches too
  strictTypes: false,
  verbose: true,
});
const task = compiler.compile(TASK);
const environments = compiler.compile(ENVIRONMENTS);

/** What is wrong with the types of a task's YAML, its environment merged. */
export function taskProblems(value: unknown): PathProblem[] {
  return task(value) ? [] : (task.errors ?? []).flatMap(pathProblem);
}

/** What is wrong with the `environments` of a task's YAML. */
export function environmentProblems(value: unknown): PathProblem[] {
  return environments(value) ? [] : (environments.errors ?? []).flatMap(pathProblem);
}

function pathProblem(error: ErrorObject): PathProblem[] {
  const { keyword, instancePath } = error;
  const path: (string | number)[] = instancePath
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const params = error.params as Readonly<Record<string, unknown>>;
  if (keyword === 'required') {
    return [{ path, message: `lacks ${String(params['missingProperty'])}` }];
  }
  if (keyword === 'additionalProperties') {
    return [{ path, message: `has an unknown key ${String(params['additionalProperty'])}` }];
  }
  if (keyword !== 'type') return [{ path, message: error.message ?? keyword }];
  const wanted = [params['type']].flat().join(' or ');
  const quoted =
    wanted === 'string' && typeof error.data === 'number' ? '; write it in quotes' : '';
  return [{ path, message: `must be ${wanted}, not ${named(error.data)}${quoted}` }];
}

function named(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : `the ${typeof value} ${JSON.stringify(value)}`;
}
