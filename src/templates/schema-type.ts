import type { JsonSchema } from './context-schema.ts';

/** The types of JSON Schema's `type`, those with members apart. */
interface ScalarTypes {
  readonly string: string;
  readonly number: number;
  readonly integer: number;
  readonly boolean: boolean;
  readonly null: null;
}

/** What a value may be that a JSON Schema, written as a literal, accepts; `unknown` where it does not say. */
export type SchemaType<S> = S extends { readonly const: infer Constant }
  ? Constant
  : S extends { readonly enum: readonly (infer Member)[] }
    ? Member
    : S extends { readonly anyOf: readonly (infer Branch)[] }
      ? SchemaType<Branch>
      : S extends { readonly oneOf: readonly (infer Branch)[] }
        ? SchemaType<Branch>
        : S extends { readonly type: readonly (infer Name)[] }
          ? Name extends string
            ? TypeOfName<Name, S>
            : unknown
          : S extends { readonly type: infer Name extends string }
            ? TypeOfName<Name, S>
            : S extends { readonly properties: unknown }
              ? ObjectType<S>
              : unknown;

type TypeOfName<Name extends string, S> = Name extends keyof ScalarTypes
  ? ScalarTypes[Name]
  : Name extends 'array'
    ? readonly (S extends { readonly items: infer Items } ? SchemaType<Items> : unknown)[]
    : Name extends 'object'
      ? ObjectType<S>
      : unknown;

type ObjectType<S> = S extends { readonly properties: infer Properties }
  ? Flat<
      { readonly [K in keyof Properties & RequiredKeys<S>]: SchemaType<Properties[K]> } & {
        readonly [K in Exclude<keyof Properties, RequiredKeys<S>>]?: SchemaType<Properties[K]>;
      }
    >
  : Readonly<Record<string, unknown>>;

type RequiredKeys<S> = S extends { readonly required: readonly (infer Key)[] } ? Key : never;

/** One object type instead of an intersection, for readable messages. */
type Flat<T> = { [K in keyof T]: T[K] };

declare const described: unique symbol;

/** A context's TypeScript type, with or without a schema that is checked at run time. */
export interface ContextType<Context> {
  readonly schema: JsonSchema | undefined;
  /** Never set. */
  readonly [described]?: Context;
}

/** States the type of a context where a schema cannot say it, or where there is none to check. */
export function contextType<Context extends object>(schema?: JsonSchema): ContextType<Context> {
  return { schema };
}

/** The context that a handler sees, by what `defineTask` was given. */
export type ContextOf<Given> =
  Given extends ContextType<infer Context>
    ? Context
    : JsonSchema extends Given
      ? Readonly<Record<string, unknown>>
      : SchemaType<Given>;
