import { describe, expect, expectTypeOf, it } from 'vitest';

import { contextType, type ContextOf, type SchemaType } from '../../src/templates/schema-type.ts';
import type { Stored } from '../../src/templates/stored-json.ts';

class Money {
  readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
  add(other: Money): Money {
    return new Money(this.cents + other.cents);
  }
}

describe('Stored', () => {
  it('is the type of what JSON gives back', () => {
    const value = {
      at: new Date(0),
      money: new Money(1),
      list: [new Date(0), undefined] as const,
      gone: undefined,
      maybe: undefined as number | undefined,
      either: 1 as Date | number,
      run: () => 1,
      nested: { flag: true as const, none: null },
    };
    const stored = JSON.parse(JSON.stringify(value)) as Stored<typeof value>;
    expectTypeOf(stored).toEqualTypeOf<{
      at: string;
      money: { cents: number };
      list: [string, null];
      maybe?: number;
      either: string | number;
      nested: { flag: true; none: null };
    }>();
    expect(stored).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      money: { cents: 1 },
      list: ['1970-01-01T00:00:00.000Z', null],
      either: 1,
      nested: { flag: true, none: null },
    });
  });

  it('knows what has no JSON form', () => {
    expectTypeOf<Stored<void>>().toEqualTypeOf<null>();
    expectTypeOf<Stored<undefined>>().toEqualTypeOf<null>();
    expectTypeOf<Stored<bigint>>().toEqualTypeOf<never>();
    expectTypeOf<Stored<unknown>>().toEqualTypeOf<unknown>();
    expectTypeOf<Stored<Date[]>>().toEqualTypeOf<string[]>();
    expectTypeOf<Stored<{ a?: Date }>>().toEqualTypeOf<{ a?: string }>();
    expect(JSON.stringify([undefined])).toBe('[null]');
  });
});

describe('SchemaType', () => {
  it('is the type of what a schema accepts', () => {
    expectTypeOf<SchemaType<{ const: 3 }>>().toEqualTypeOf<3>();
    expectTypeOf<SchemaType<{ enum: readonly ['a', 1] }>>().toEqualTypeOf<'a' | 1>();
    expectTypeOf<SchemaType<{ type: readonly ['string', 'null'] }>>().toEqualTypeOf<
      string | null
    >();
    expectTypeOf<
      SchemaType<{ oneOf: readonly [{ type: 'boolean' }, { type: 'integer' }] }>
    >().toEqualTypeOf<boolean | number>();
    expectTypeOf<SchemaType<{ type: 'array' }>>().toEqualTypeOf<readonly unknown[]>();
    expectTypeOf<SchemaType<{ type: 'object' }>>().toEqualTypeOf<
      Readonly<Record<string, unknown>>
    >();
    expectTypeOf<
      SchemaType<{
        properties: { a: { type: 'string' }; b: NonNullable<unknown> };
        required: ['a'];
      }>
    >().toEqualTypeOf<{ readonly a: string; readonly b?: unknown }>();
    const described = contextType<{ id: bigint }>();
    expectTypeOf<ContextOf<typeof described>>().toEqualTypeOf<{ id: bigint }>();
    expect(described.schema).toBeUndefined();
  });
});
