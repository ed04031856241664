import { Type } from '@mikro-orm/core';

/**
 * A JSON column, exactly as stored: the driver has parsed it already, and a second parse would turn
 * a stored JSON string into whatever its text happens to look like.
 */
export class JsonValueType extends Type<NonNullable<unknown>, string> {
  override convertToJSValue(value: NonNullable<unknown>): NonNullable<unknown> {
    return value;
  }

  override convertToDatabaseValue(value: unknown): string {
    return value === null || value === undefined
      ? (value as unknown as string)
      : JSON.stringify(value);
  }

  override compareAsType(): string {
    return 'any';
  }

  // The stored form is text and the loaded one a value, so the comparison needs one form for both.
  override ensureComparable(): boolean {
    return true;
  }
}
