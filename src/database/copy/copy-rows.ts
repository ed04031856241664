import { TaskerError } from '../../errors.ts';
import { POSTGRES_EPOCH_US } from './postgres-epoch.ts';

/** Bytes kept free behind a chunk for the row that crosses its end; a larger value gets a larger buffer. */
const SLACK_BYTES = 64 * 1024;

/** Bytes of a fixed field, its length included: what is always kept free. */
const FIXED_FIELD_BYTES = 12;

/** The longest value of a field that the server takes (its MaxAllocSize), in bytes. */
const MOST_FIELD_BYTES = 0x3f_ff_ff_ff;

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');

/**
 * Rows in PostgreSQL's COPY BINARY form, written into one buffer that is handed out when it is full.
 *
 * Each row is `row(columns)` followed by one call a column. A value is written whole, whatever its length: the chunk
 * that holds it grows. Format: PostgreSQL manual, COPY, "Binary Format".
 *
 * Errors: TASKER_BAD_ARGUMENT for a value that its column cannot hold exactly: a number out of range or with a
 * fraction, an instant that is NaN, a text with half a surrogate pair or over 1 GiB. Nothing of the field is written.
 */
export class CopyRows {
  readonly #size: number;
  #buffer: Buffer;
  #at: number;

  /** @param size bytes after which a chunk is due; 64 KiB more are allocated for the row that crosses the line */
  constructor(size = 256 * 1024) {
    this.#size = size;
    this.#buffer = Buffer.allocUnsafeSlow(size + SLACK_BYTES);
    SIGNATURE.copy(this.#buffer);
    this.#at = SIGNATURE.length;
  }

  /** Starts a row. Returns the chunk to send first when one is due. */
  row(columns: number): Buffer | undefined {
    const due = this.#at >= this.#size ? this.#take() : undefined;
    this.#reserve(FIXED_FIELD_BYTES);
    this.#at = this.#buffer.writeInt16BE(columns, this.#at);
    return due;
  }

  /** The end mark and all that is left. */
  finish(): Buffer {
    this.#reserve(FIXED_FIELD_BYTES);
    this.#at = this.#buffer.writeInt16BE(-1, this.#at);
    return this.#take();
  }

  null(): void {
    this.#reserve(FIXED_FIELD_BYTES);
    this.#at = this.#buffer.writeInt32BE(-1, this.#at);
  }

  bool(value: boolean): void {
    this.#reserve(FIXED_FIELD_BYTES);
    this.#at = this.#buffer.writeInt32BE(1, this.#at);
    this.#buffer[this.#at] = value ? 1 : 0;
    this.#at += 1;
  }

  int4(value: number | null): void {
    if (value === null) return this.null();
    // `| 0` keeps the low 32 bits of a whole number and nothing else
    if ((value | 0) !== value) throw unfit('int4', value, 'a whole number of 32 bits');
    this.#reserve(FIXED_FIELD_BYTES);
    this.#at = this.#buffer.writeInt32BE(4, this.#at);
    this.#at = this.#buffer.writeInt32BE(value, this.#at);
  }

  /** A bigint column from a safe integer. */
  int8(value: number): void {
    if (!Number.isSafeInteger(value)) throw unfit('int8', value, 'a whole number up to 2^53');
    this.#writeInt8(value);
  }

  /** A timestamp column from microseconds since the Unix epoch; infinite ones are PostgreSQL's. */
  timestamp(microseconds: number | null): void {
    if (microseconds === null) return this.null();
    if (microseconds === Infinity) return this.#writeBigInt8(2n ** 63n - 1n);
    if (microseconds === -Infinity) return this.#writeBigInt8(-(2n ** 63n));
    if (!Number.isSafeInteger(microseconds)) {
      throw unfit('timestamp', microseconds, 'an instant in whole microseconds up to 2^53');
    }
    const value = microseconds - POSTGRES_EPOCH_US;
    if (Number.isSafeInteger(value)) this.#writeInt8(value);
    else this.#writeBigInt8(BigInt(microseconds) - BigInt(POSTGRES_EPOCH_US));
  }

  /** A text, varchar or json column. */
  text(value: string): void {
    this.#reserveText('text', value, 4);
    const start = this.#at + 4;
    const length = this.#buffer.write(value, start, 'utf8');
    this.#buffer.writeInt32BE(length, this.#at);
    this.#at = start + length;
  }

  /** A jsonb column from its JSON text. */
  jsonb(json: string): void {
    this.#reserveText('jsonb', json, 5);
    const start = this.#at + 5;
    const length = this.#buffer.write(json, start, 'utf8');
    this.#buffer.writeInt32BE(length + 1, this.#at);
    // The version of the jsonb wire form.
    this.#buffer[this.#at + 4] = 1;
    this.#at = start + length;
  }

  /** A field prepared by {@link prepareText} or {@link prepareJsonb}: for values that many rows share. */
  prepared(field: Buffer): void {
    this.#reserve(field.length);
    field.copy(this.#buffer, this.#at);
    this.#at += field.length;
  }

  /** Makes room for a text of any length; where three bytes a unit are free, its bytes need not be counted. */
  #reserveText(field: string, value: string, prefix: number): void {
    checkText(field, value);
    if (this.#at + prefix + value.length * 3 <= this.#buffer.length) return;
    this.#reserve(prefix + byteLength(field, value));
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
  }

  #writeBigInt8(value: bigint): void {
    this.#reserve(FIXED_FIELD_BYTES);
    this.#at = this.#buffer.writeInt32BE(8, this.#at);
    this.#at = this.#buffer.writeBigInt64BE(value, this.#at);
  }

  #writeInt8(value: number): void {
    this.#reserve(FIXED_FIELD_BYTES);
    this.#at = this.#buffer.writeInt32BE(8, this.#at);
    const high = Math.floor(value / 0x1_0000_0000);
    this.#buffer.writeInt32BE(high, this.#at);
    this.#buffer.writeUInt32BE(value - high * 0x1_0000_0000, this.#at + 4);
    this.#at += 8;
  }

  #take(): Buffer {
    const chunk = this.#buffer.subarray(0, this.#at);
    this.#buffer = Buffer.allocUnsafeSlow(this.#size + SLACK_BYTES);
    this.#at = 0;
    return chunk;
  }
}

/** A text field with its length, for {@link CopyRows.prepared}; errors as {@link CopyRows.text}. */
export function prepareText(value: string): Buffer {
  checkText('text', value);
  byteLength('text', value);
  return withLength(Buffer.from(value, 'utf8'));
}

/** A jsonb field with its length, for {@link CopyRows.prepared}; errors as {@link CopyRows.jsonb}. */
export function prepareJsonb(json: string): Buffer {
  checkText('jsonb', json);
  byteLength('jsonb', json);
  return withLength(Buffer.concat([Buffer.of(1), Buffer.from(json, 'utf8')]));
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Half a surrogate pair has no form in UTF-8: the encoder would write another character. */
function checkText(field: string, value: string): void {
  if (!value.isWellFormed()) throw unfit(field, value, 'a text without halves of surrogate pairs');
}

function byteLength(field: string, value: string): number {
  const bytes = Buffer.byteLength(value, 'utf8');
  if (bytes >= MOST_FIELD_BYTES) throw unfit(field, value, 'a text below 1 GiB');
  return bytes;
}

function unfit(field: string, value: number | string, wanted: string): TaskerError {
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value);
  return new TaskerError(
    'TASKER_BAD_ARGUMENT',
    `A value of COPY for ${field} is ${shown}, not ${wanted}.`,
    { data: { field, value: shown } },
  );
}
