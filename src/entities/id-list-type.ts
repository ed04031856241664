import { Type } from '@mikro-orm/core';

/**
 * A JSON array of ids, read as `bigint[]`; for columns of views, which nobody writes.
 *
 * It is fetched as text, because JSON numbers become inexact in JavaScript beyond 2^53.
 */
export class IdListType extends Type<bigint[], string> {
  override convertToJSValueSQL(column: string): string {
    return `${column}::text`;
  }

  override convertToJSValue(value: string | bigint[]): bigint[] {
    return typeof value === 'string'
      ? Array.from(value.matchAll(/\d+/g), ([id]) => BigInt(id))
      : value;
  }
}
