type Scalar = string | number | boolean | null;

/** Functions and symbols have no JSON form, in an object they are left out. */
type Unwritable = undefined | symbol | ((...parameters: never[]) => unknown);

/** Keys whose values JSON keeps. */
type WrittenKeys<T> = { [K in keyof T]-?: T[K] extends Unwritable ? never : K }[keyof T];

/**
 * What a value is after it was stored as JSON and read back: instants are text, `undefined` is null
 * (left out in objects), methods are gone. A `bigint` has no JSON form and gives `never`.
 */
export type Stored<T> = unknown extends T
  ? T
  : T extends Scalar
    ? T
    : T extends { toJSON(): infer Written }
      ? Stored<Written>
      : T extends Unwritable | void
        ? null
        : T extends bigint
          ? never
          : T extends readonly unknown[]
            ? { -readonly [K in keyof T]: Stored<T[K]> }
            : StoredObject<T>;

/** What may be undefined is left out when it is, so that the field becomes optional. */
type StoredObject<T> = Flat<
  {
    -readonly [
      K in keyof T as undefined extends T[K] ? never : K & WrittenKeys<T> & string
    ]: Stored<T[K]>;
  } & {
    -readonly [
      K in keyof T as undefined extends T[K] ? K & WrittenKeys<T> & string : never
    ]?: Stored<Exclude<T[K], undefined>>;
  }
>;

/** One object type instead of an intersection, for readable messages. */
type Flat<T> = { [K in keyof T]: T[K] };
