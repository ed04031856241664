import { describe, expect, it } from 'vitest';

import { compileContextSchema, type JsonSchema } from '../../src/templates/context-schema.ts';
import { createTemplate } from '../../src/templates/create-template.ts';
import { requireContext } from '../../src/templates/require-context.ts';

function pointers(schema: JsonSchema, context: unknown, rails = false): string[] {
  const validate = compileContextSchema(schema, rails ? 'declared-mandatory' : 'ordinary');
  return validate(context).map(({ pointer, keyword }) => `${pointer} ${keyword}`);
}

const person: JsonSchema = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string' },
    email: { type: 'string', format: 'email' },
    born: { type: 'string', format: 'date-time' },
    plan: { enum: ['free', 'pro'], default: 'free' },
  },
};

describe('compileContextSchema', () => {
  it('reads a schema as JSON Schema says', () => {
    expect(pointers(person, { name: 'Ada', more: 1 })).toEqual([]);
    expect(pointers(person, {})).toEqual(['/name required']);
    expect(pointers(person, { name: 1, email: 'no', born: 'today', plan: 'x' })).toEqual([
      '/name type',
      '/email format',
      '/born format',
      '/plan enum',
    ]);
    expect(pointers(person, [])).toEqual([' type']);
    expect(compileContextSchema(undefined)('text')).toHaveLength(1);
    expect(compileContextSchema(undefined)({})).toEqual([]);
  });

  it('escapes names in pointers and says what is allowed', () => {
    const schema = { properties: { 'a/b~c': { required: ['d/e'] }, f: { enum: [1, 'x'] } } };
    expect(pointers(schema, { 'a/b~c': {} })).toEqual(['/a~1b~0c/d~1e required']);
    expect(compileContextSchema(schema)({ f: 2 })[0]?.message).toBe('must be one of 1, "x"');
    const closed = { properties: {}, additionalProperties: false };
    expect(pointers(closed, { 'x/y': 1 })).toEqual(['/x~1y additionalProperties']);
  });

  it.each([
    ['https://json-schema.org/draft/2020-12/schema', { prefixItems: [{ type: 'string' }] }, 1],
    ['https://json-schema.org/draft/2019-09/schema', { items: [{ type: 'string' }] }, 1],
    ['http://json-schema.org/draft-07/schema#', { items: [{ type: 'string' }] }, 1],
    ['http://json-schema.org/draft-06/schema#', { items: [{ type: 'string' }] }, 1],
    ['http://json-schema.org/draft-07/schema#', { prefixItems: [{ type: 'string' }] }, 0],
  ])('follows %s for %j', ($schema, list, problems) => {
    const schema = { $schema, $id: 'https://example.org/same', properties: { list } };
    expect(pointers(schema, { list: [1] })).toHaveLength(problems);
  });

  it('reports one problem of a condition, with its place', () => {
    const schema = {
      if: { properties: { kind: { const: 'card' } } },
      // oxlint-disable-next-line unicorn/no-thenable -- the keyword of JSON Schema
      then: { required: ['token'] },
    };
    expect(pointers(schema, { kind: 'card' })).toEqual(['/token required']);
    expect(pointers(schema, { kind: 'cash' })).toEqual([]);
  });
});

describe('declared-mandatory', () => {
  it('wants what is declared, unless it has a default, and refuses what is not', () => {
    expect(pointers(person, { name: 'Ada', more: 1 }, true).sort()).toEqual([
      '/born required',
      '/email required',
      '/more additionalProperties',
    ]);
    const whole = { name: 'Ada', email: 'no address', born: '2026-01-01T00:00:00Z' };
    expect(pointers(person, whole, true)).toEqual([]);
    expect(whole).not.toHaveProperty('plan');
  });

  it('checks the formats date-time, ipv4, ipv6 and uri alone', () => {
    const formats = ['date-time', 'ipv4', 'ipv6', 'uri', 'email', 'date', 'uuid'];
    const properties = Object.fromEntries(formats.map((format) => [format, { format }]));
    const wrong = Object.fromEntries(formats.map((format) => [format, 'not this']));
    expect(pointers({ properties }, wrong, true)).toEqual([
      '/date-time format',
      '/ipv4 format',
      '/ipv6 format',
      '/uri format',
    ]);
  });

  it('holds in lists, in branches and behind references', () => {
    const point = { properties: { x: {}, y: {} } };
    const schema = {
      definitions: { point },
      properties: {
        list: { items: point },
        pair: { items: [point, { type: 'integer' }] },
        either: { anyOf: [{ type: 'string' }, point] },
        ref: { $ref: '#/definitions/point' },
      },
    };
    const context = { list: [{ x: 1 }], pair: [{ y: 1 }], either: { x: 1 }, ref: { z: 1 } };
    const found = pointers(schema, context, true);
    expect(found).toEqual(
      expect.arrayContaining([
        '/list/0/y required',
        '/pair/0/x required',
        '/either/y required',
        '/ref/x required',
        '/ref/z additionalProperties',
      ]),
    );
  });

  it('lets additionalProperties of any value and matching patterns allow more', () => {
    const properties = { a: {} };
    for (const additionalProperties of [true, {}, { type: 'integer' }]) {
      expect(pointers({ properties, additionalProperties }, { a: 1, b: 2 }, true)).toEqual([]);
    }
    const patterned = { properties, patternProperties: { '^x_': { type: 'integer' } } };
    expect(pointers(patterned, { a: 1, x_b: 2 }, true)).toEqual([]);
    expect(pointers(patterned, { a: 1, b: 2 }, true)).toEqual(['/b additionalProperties']);
  });

  it('leaves schemas without properties, and constants, alone', () => {
    expect(pointers({ type: 'object' }, { any: 1 }, true)).toEqual([]);
    expect(pointers({ properties: { a: { const: { properties: 1 } } } }, { a: 1 }, true)).toEqual([
      '/a const',
    ]);
  });

  it('checks an inserted default, takes a listed one, refuses an empty context', () => {
    const schema = {
      required: ['a'],
      properties: { a: { type: 'integer', default: 'one' }, b: {} },
    };
    expect(pointers(schema, { b: 1 }, true)).toEqual(['/a type']);
    expect(pointers({ properties: { a: { default: 1 } } }, {}, true)).toEqual([' minProperties']);
    expect(pointers({}, { a: Symbol('no JSON') }, true)).toEqual([' type']);
  });
});

describe('requireContext', () => {
  it('refuses by code, naming what is wrong', () => {
    const template = createTemplate({ name: 'people', contextSchema: person, steps: [] });
    expect(() => requireContext(template, { name: 'Ada' })).not.toThrow();
    expect(() => requireContext(template, {})).toThrow(
      expect.objectContaining({
        code: 'TASKER_INVALID_CONTEXT',
        message: 'The context does not fit default.people@0.1.0: /name is missing.',
        data: expect.objectContaining({
          problems: [expect.objectContaining({ pointer: '/name' })],
        }),
      }),
    );
    const properties = Object.fromEntries(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => [key, false]),
    );
    const none = createTemplate({ name: 'none', contextSchema: { properties }, steps: [] });
    expect(() => requireContext(none, { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 })).toThrow(
      '; and 1 more.',
    );
    expect(() => requireContext(none, 3)).toThrow('it must be an object');
  });
});
