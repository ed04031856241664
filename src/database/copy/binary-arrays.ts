import { POSTGRES_EPOCH_US } from './postgres-epoch.ts';

const HEADER_BYTES = 20;
const DIMENSIONLESS_BYTES = 12;

/** Type numbers of the elements (catalog `pg_type`). */
const OID = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  timestamp: 1114,
  uuid: 2950,
  jsonb: 3802,
} as const;

/** A list whose null or undefined elements become SQL nulls. */
type Values<T> = readonly (T | null | undefined)[];

/**
 * One-dimensional arrays in PostgreSQL's binary form, to be passed as parameters: node-postgres sends
 * a Buffer as it is, and the server need not parse a text. Format: `array_recv` of the server.
 */
function fixedArray<T>(
  values: Values<T>,
  oid: number,
  bytes: number,
  write: (buffer: Buffer, value: T, at: number, view: DataView) => void,
): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * (4 + bytes));
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  let at = HEADER_BYTES;
  let nulls = 0;
  for (const value of values) {
    if (value === null || value === undefined) {
      at = buffer.writeInt32BE(-1, at);
      nulls = 1;
      continue;
    }
    at = buffer.writeInt32BE(bytes, at);
    write(buffer, value, at, view);
    at += bytes;
  }
  return withHeader(buffer.subarray(0, at), oid, nulls, values.length);
}

function withHeader(buffer: Buffer, oid: number, nulls: number, length: number): Buffer {
  buffer.writeInt32BE(length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(nulls, 4);
  buffer.writeInt32BE(oid, 8);
  buffer.writeInt32BE(length, 12);
  buffer.writeInt32BE(1, 16);
  // An array without elements has no dimension, and the server refuses bytes that it does not read.
  return length === 0 ? buffer.subarray(0, DIMENSIONLESS_BYTES) : buffer;
}

/** A view writes bigints in a tenth of the time; a Buffer refuses those that are too wide. */
function writeInt8(buffer: Buffer, value: bigint, at: number, view: DataView): void {
  if (BigInt.asIntN(64, value) === value) view.setBigInt64(at, value);
  else buffer.writeBigInt64BE(value, at);
}

/** A `bigint[]`. */
export function int8Array(values: Values<bigint>): Buffer {
  return fixedArray(values, OID.int8, 8, writeInt8);
}

/** An `integer[]`. */
export function int4Array(values: Values<number>): Buffer {
  return fixedArray(values, OID.int4, 4, (buffer, value, at) => buffer.writeInt32BE(value, at));
}

/** A `smallint[]`. */
export function int2Array(values: Values<number>): Buffer {
  return fixedArray(values, OID.int2, 2, (buffer, value, at) => buffer.writeInt16BE(value, at));
}

/** A `boolean[]`. */
export function boolArray(values: Values<boolean>): Buffer {
  return fixedArray(values, OID.bool, 1, (buffer, value, at) => {
    buffer[at] = value ? 1 : 0;
  });
}

/** A `timestamp[]` of µs since the epoch, UTC. */
export function timestampArray(values: Values<number>): Buffer {
  return fixedArray(values, OID.timestamp, 8, (buffer, value, at, view) =>
    writeInt8(buffer, BigInt(Math.round(value) - POSTGRES_EPOCH_US), at, view),
  );
}

/** A `uuid[]` of 16 bytes each. */
export function uuidArray(values: Values<Uint8Array>): Buffer {
  return fixedArray(values, OID.uuid, 16, (buffer, value, at) => buffer.set(value, at));
}

/** A `text[]`. */
export function textArray(values: Values<string>): Buffer {
  return variableArray(values, OID.text, 0);
}

/** A `jsonb[]` of JSON texts. */
export function jsonbArray(values: Values<string>): Buffer {
  return variableArray(values, OID.jsonb, 1);
}

/** @param prefix bytes before each text, all 1: the version of the jsonb wire form */
function variableArray(values: Values<string>, oid: number, prefix: 0 | 1): Buffer {
  let bytes = HEADER_BYTES;
  for (const value of values) {
    bytes += 4 + (value === null || value === undefined ? 0 : prefix + Buffer.byteLength(value));
  }
  const buffer = Buffer.allocUnsafe(bytes);
  let at = HEADER_BYTES;
  let nulls = 0;
  for (const value of values) {
    if (value === null || value === undefined) {
      at = buffer.writeInt32BE(-1, at);
      nulls = 1;
      continue;
    }
    const start = at + 4 + prefix;
    const length = buffer.write(value, start);
    buffer.writeInt32BE(prefix + length, at);
    if (prefix === 1) buffer[at + 4] = 1;
    at = start + length;
  }
  return withHeader(buffer, oid, nulls, values.length);
}

/** A `bytea[]`. */
export function byteaArray(values: Values<Uint8Array>): Buffer {
  const bytes = values.reduce((sum, value) => sum + 4 + (value?.length ?? 0), HEADER_BYTES);
  const buffer = Buffer.allocUnsafe(bytes);
  let at = HEADER_BYTES;
  let nulls = 0;
  for (const value of values) {
    at = buffer.writeInt32BE(value?.length ?? -1, at);
    if (value === null || value === undefined) nulls = 1;
    else {
      buffer.set(value, at);
      at += value.length;
    }
  }
  return withHeader(buffer, OID.bytea, nulls, values.length);
}
