import { p } from '@mikro-orm/core';

import { IdListType } from './id-list-type.ts';
import { InstantType } from './instant-type.ts';
import { JsonValueType } from './json-type.ts';

// MikroORM keeps what a hook returns as the loaded value, so an expression for the database's clock
// would stay in the entity; the repositories, which need not hold entities, use that clock.
const processNow = (): string => new Date().toISOString().replace('Z', '000Z');

/** A number drawn from the key's sequence, 8 bytes. */
export const key = () => p.bigint('bigint').columnType('bigint').primary().autoincrement();

/** A number drawn from the key's sequence, 4 bytes; `bigint` in TypeScript like every id. */
export const smallKey = () => p.bigint('bigint').columnType('integer').primary().autoincrement();

/** Refers to an 8-byte key. */
export const reference = () => p.bigint('bigint');

/** Refers to a 4-byte key. */
export const smallReference = () => p.bigint('bigint').columnType('integer');

/** Text of at most `length` characters. */
export const text = (length: number) => p.string().length(length).columnType(`varchar(${length})`);

/** Text without a limit. */
export const longText = () => p.string().columnType('varchar');

/** Text without a limit, of the type `text`. */
export const plainText = () => p.string().columnType('text');

/** A naive UTC timestamp; see {@link InstantType}. */
export const instant = () => p.type(InstantType).columnType('timestamp');

/** A naive UTC timestamp that declares its six digits. */
export const exactInstant = () => p.type(InstantType).columnType('timestamp(6)');

/** Any JSON value in a jsonb column. */
export const json = () => p.type(JsonValueType).columnType('jsonb');

/** When the row was written; unless given, by this process's clock in milliseconds. */
export const createdAt = () => p.type(InstantType).columnType('timestamp(6)').onCreate(processNow);

/** When the row was last changed; unless given, by this process's clock in milliseconds. */
export const updatedAt = () => createdAt().onUpdate(processNow);

/** Ids in a jsonb column of a view. */
export const idList = () => p.type(IdListType).columnType('jsonb');
