import { createRequire } from 'node:module';
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { declaredMandatory } from './declared-mandatory.ts';
import type { ContextProblem } from './task-template.ts';

/** How a context's schema is read. */
export type ContextStrictness = 'ordinary' | 'declared-mandatory';

/** A JSON Schema as an object; its keywords are checked when it is compiled. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Checks a context; an empty list means that it fits. */
export type ContextValidator = (context: unknown) => readonly ContextProblem[];

const OPTIONS: Options = {
  allErrors: true,
  strict: false,
  logger: false,
  // A schema's $id is its own business: two templates may have the same.
  addUsedSchema: false,
};

/** The formats that the Rails engine's library checks. */
const RAILS_FORMATS = ['date-time', 'ipv4', 'ipv6', 'uri'] as const;

type Dialect = 'draft-06' | 'draft-07' | '2019-09' | '2020-12';

const compilers = new Map<string, Ajv>();

/**
 * Compiles the schema of a template's context once.
 *
 * Dialect by `$schema`: draft 6, draft 7 (also without one), 2019-09, 2020-12. Unknown keywords and
 * formats are ignored. A context must be an object, also without a schema.
 *
 * @throws Error of ajv when the schema itself is wrong or refers to another one
 */
export function compileContextSchema(
  schema: JsonSchema | undefined,
  strictness: ContextStrictness = 'ordinary',
): ContextValidator {
  if (schema === undefined) return (context) => (isObject(context) ? [] : [NOT_AN_OBJECT]);
  const mandatory = strictness === 'declared-mandatory';
  const compiler = compilerOf(dialectOf(schema), mandatory);
  const compiled = mandatory ? declaredMandatory(schema) : schema;
  let validate: ValidateFunction;
  try {
    validate = compiler.compile(compiled);
  } finally {
    compiler.removeSchema(compiled);
  }
  return (context) => {
    if (!isObject(context)) return [NOT_AN_OBJECT];
    if (mandatory && Object.keys(context).length === 0) return [EMPTY];
    // Defaults go into a copy: they are not stored with the task.
    const checked = mandatory ? copyOf(context) : context;
    if (checked === undefined) return [NOT_JSON];
    if (validate(checked)) return [];
    return (validate.errors ?? []).filter(({ keyword }) => keyword !== 'if').map(problemOf);
  };
}

const NOT_AN_OBJECT: ContextProblem = {
  pointer: '',
  message: 'must be an object',
  keyword: 'type',
};

const EMPTY: ContextProblem = {
  pointer: '',
  message: 'must not be empty',
  keyword: 'minProperties',
};

const NOT_JSON: ContextProblem = { pointer: '', message: 'must be JSON', keyword: 'type' };

/** A copy, or nothing where a member is no data. */
function copyOf(context: object): object | undefined {
  try {
    return structuredClone(context);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Compilers are made once: each compiles the schema of schemas for itself. */
function compilerOf(dialect: Dialect, mandatory: boolean): Ajv {
  const key = `${dialect} ${mandatory}`;
  const known = compilers.get(key);
  if (known !== undefined) return known;
  const options = mandatory ? { ...OPTIONS, useDefaults: true } : OPTIONS;
  const compiler = newCompiler(dialect, options);
  formats.default(compiler, mandatory ? [...RAILS_FORMATS] : undefined);
  compilers.set(key, compiler);
  return compiler;
}

function newCompiler(dialect: Dialect, options: Options): Ajv {
  if (dialect === '2020-12') return new Ajv2020(options);
  if (dialect === '2019-09') return new Ajv2019(options);
  const compiler = new Ajv(options);
  if (dialect === 'draft-06') {
    const require = createRequire(import.meta.url);
    compiler.addMetaSchema(require('ajv/dist/refs/json-schema-draft-06.json') as object);
  }
  return compiler;
}

function dialectOf({ $schema }: JsonSchema): Dialect {
  const named = typeof $schema === 'string' ? $schema : '';
  if (named.includes('2020-12')) return '2020-12';
  if (named.includes('2019-09')) return '2019-09';
  return named.includes('draft-06') ? 'draft-06' : 'draft-07';
}

function problemOf(error: ErrorObject): ContextProblem {
  const { instancePath, keyword } = error;
  const params = error.params as Readonly<Record<string, unknown>>;
  if (keyword === 'required' && typeof params['missingProperty'] === 'string') {
    return {
      pointer: below(instancePath, params['missingProperty']),
      message: 'is missing',
      keyword,
    };
  }
  const extra = params['additionalProperty'] ?? params['unevaluatedProperty'];
  if (typeof extra === 'string') {
    return { pointer: below(instancePath, extra), message: 'is not declared', keyword };
  }
  const allowed = params['allowedValues'];
  const message = Array.isArray(allowed)
    ? `must be one of ${allowed.map((value) => JSON.stringify(value)).join(', ')}`
    : (error.message ?? `does not satisfy ${keyword}`);
  return { pointer: instancePath, message, keyword };
}

/** JSON pointer of a member (RFC 6901). */
function below(pointer: string, member: string): string {
  return `${pointer}/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
