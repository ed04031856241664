import { POSTGRES_EPOCH_US } from './postgres-epoch.ts';

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');

/**
 * Rows in PostgreSQL's COPY BINARY form, written into one buffer that is handed out when it is full.
 *
 * Each row is `row(columns)` followed by one call a column. A text value must be shorter than the slack of a chunk
 * (64 KiB). Format: PostgreSQL manual, COPY, "Binary Format".
 */
export class CopyRows {
  readonly #size: number;
  #buffer: Buffer;
  #at: number;

  /** @param size bytes after which a chunk is due; 64 KiB more are allocated for the row that crosses the line */
  constructor(size = 256 * 1024) {
    this.#size = size;
    this.#buffer = Buffer.allocUnsafeSlow(size + 64 * 1024);
    SIGNATURE.copy(this.#buffer);
    this.#at = SIGNATURE.length;
  }

  /** Starts a row. Returns the chunk to send first when one is due. */
  row(columns: number): Buffer | undefined {
    const due = this.#at >= this.#size ? this.#take() : undefined;
    this.#at = this.#buffer.writeInt16BE(columns, this.#at);
    return due;
  }

  /** The end mark and all that is left. */
  finish(): Buffer {
    this.#at = this.#buffer.writeInt16BE(-1, this.#at);
    return this.#take();
  }

  null(): void {
    this.#at = this.#buffer.writeInt32BE(-1, this.#at);
  }

  bool(value: boolean): void {
    this.#at = this.#buffer.writeInt32BE(1, this.#at);
    this.#buffer[this.#at] = value ? 1 : 0;
    this.#at += 1;
  }

  int4(value: number | null): void {
    if (value === null) return this.null();
    this.#at = this.#buffer.writeInt32BE(4, this.#at);
    this.#at = this.#buffer.writeInt32BE(value, this.#at);
  }

  /** A bigint column from a safe integer. */
  int8(value: number): void {
    this.#at = this.#buffer.writeInt32BE(8, this.#at);
    this.#writeInt8(value);
  }

  /** A timestamp column from microseconds since the Unix epoch. */
  timestamp(microseconds: number | null): void {
    if (microseconds === null) return this.null();
    this.int8(microseconds - POSTGRES_EPOCH_US);
  }

  /** A text, varchar or json column. */
  text(value: string): void {
    const start = this.#at + 4;
    const length = this.#buffer.write(value, start, 'utf8');
    this.#buffer.writeInt32BE(length, this.#at);
    this.#at = start + length;
  }

  /** A jsonb column from its JSON text. */
  jsonb(json: string): void {
    const start = this.#at + 5;
    const length = this.#buffer.write(json, start, 'utf8');
    this.#buffer.writeInt32BE(length + 1, this.#at);
    // The version of the jsonb wire form.
    this.#buffer[this.#at + 4] = 1;
    this.#at = start + length;
  }

  /** A field prepared by {@link prepareText} or {@link prepareJsonb}: for values that many rows share. */
  prepared(field: Buffer): void {
    field.copy(this.#buffer, this.#at);
    this.#at += field.length;
  }

  #writeInt8(value: number): void {
    const high = Math.floor(value / 0x1_0000_0000);
    this.#buffer.writeInt32BE(high, this.#at);
    this.#buffer.writeUInt32BE(value - high * 0x1_0000_0000, this.#at + 4);
    this.#at += 8;
  }

  #take(): Buffer {
    const chunk = this.#buffer.subarray(0, this.#at);
    this.#buffer = Buffer.allocUnsafeSlow(this.#size + 64 * 1024);
    this.#at = 0;
    return chunk;
  }
}

/** A text field with its length, for {@link CopyRows.prepared}. */
export function prepareText(value: string): Buffer {
  return withLength(Buffer.from(value, 'utf8'));
}

/** A jsonb field with its length, for {@link CopyRows.prepared}. */
export function prepareJsonb(json: string): Buffer {
  return withLength(Buffer.concat([Buffer.of(1), Buffer.from(json, 'utf8')]));
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
