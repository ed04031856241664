import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';

import type { EventName } from './catalog.ts';
import { payloadSchema, type PayloadSchema } from './payload-schema.ts';

/** What is wrong with a payload. */
export interface PayloadProblem {
  /** JSON pointer of the field (RFC 6901); empty for the payload itself. */
  readonly field: string;
  readonly message: string;
}

/** Checks a payload; an empty list means that it fits. */
export type PayloadCheck = (payload: unknown) => readonly PayloadProblem[];

/** Compiles a schema. @throws Error of ajv when the schema itself is wrong */
export function compileSchema(schema: PayloadSchema): PayloadCheck {
  const compiler = new Ajv({ allErrors: true, strict: false, logger: false });
  formats.default(compiler);
  const validate: ValidateFunction = compiler.compile(schema);
  return (payload) => (validate(payload) ? [] : (validate.errors ?? []).map(problemOf));
}

const checks = new Map<EventName, PayloadCheck>();

/** Checks the payload of a catalogued event against its schema. O(payload) after the first time. */
export function checkPayload(name: EventName, payload: unknown): readonly PayloadProblem[] {
  let check = checks.get(name);
  if (check === undefined) {
    check = compileSchema(payloadSchema(name));
    checks.set(name, check);
  }
  return check(payload);
}

function problemOf({ instancePath, keyword, params, message }: ErrorObject): PayloadProblem {
  const { missingProperty, additionalProperty } = params as Readonly<Record<string, unknown>>;
  const member = missingProperty ?? additionalProperty;
  return {
    field:
      typeof member === 'string'
        ? `${instancePath}/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`
        : instancePath,
    message:
      keyword === 'required'
        ? 'is missing'
        : keyword === 'additionalProperties'
          ? 'is not declared'
          : (message ?? `does not satisfy ${keyword}`),
  };
}
