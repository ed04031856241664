import type { Socket } from 'node:net';

import type pg from 'pg';

/**
 * Reads one row of COPY BINARY: `at` stands behind the field count, at the length of the first
 * field. The view is valid during the call only.
 */
export type CopyRow = (view: DataView, at: number) => void;

const COPY_DATA = 0x64;
const COPY_OUT_RESPONSE = 0x48;
const NOTICE = 0x4e;
const PARAMETER_STATUS = 0x53;
const COPY_HEADER_BYTES = 11;

interface PgConnection {
  readonly stream: Socket;
  query(text: string): void;
}

/**
 * A `COPY … TO STDOUT (FORMAT binary)` whose rows are decoded in place, inside the socket's own
 * buffers: no object, no string and no copy is made for a row. Rows that straddle two buffers are
 * joined first.
 */
class CopyOutQuery {
  readonly #text: string;
  readonly #onRow: CopyRow;
  readonly #settle: PromiseWithResolvers<number>;
  #stream: Socket | undefined;
  #others: ((data: Buffer) => void)[] = [];
  #rest: Buffer | undefined;
  #headerSeen = false;
  #rows = 0;
  #error: unknown;

  constructor(text: string, onRow: CopyRow, settle: PromiseWithResolvers<number>) {
    this.#text = text;
    this.#onRow = onRow;
    this.#settle = settle;
  }

  readonly #onData = (data: Buffer): void => {
    const bytes = this.#rest === undefined ? data : Buffer.concat([this.#rest, data]);
    this.#rest = undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at + 5 <= bytes.length) {
      const code = bytes[at] as number;
      const end = at + 1 + view.getUint32(at + 1);
      const ours =
        code === COPY_DATA ||
        code === COPY_OUT_RESPONSE ||
        code === NOTICE ||
        code === PARAMETER_STATUS;
      if (!ours) {
        // CopyDone, an error, or anything else: the client's own protocol takes over
        this.#detach();
        for (const listener of this.#others) listener(bytes.subarray(at));
        return;
      }
      if (end > bytes.length) break;
      if (code === COPY_DATA && this.#error === undefined) this.#take(view, at + 5, end);
      at = end;
    }
    if (at < bytes.length) this.#rest = at === 0 ? bytes : Buffer.from(bytes.subarray(at));
  };

  #take(view: DataView, start: number, end: number): void {
    let at = start;
    if (!this.#headerSeen) {
      this.#headerSeen = true;
      at += COPY_HEADER_BYTES + 4;
      at += 4 + view.getUint32(at);
    }
    if (at >= end || view.getInt16(at) === -1) return;
    try {
      this.#onRow(view, at + 2);
      this.#rows++;
    } catch (error) {
      this.#error = error; // the rest of the stream still has to be read off the wire
    }
  }

  /** Gives the socket back to the client's protocol; only the first call does something. */
  #detach(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream === undefined) return;
    stream.removeListener('data', this.#onData);
    for (const listener of this.#others) stream.on('data', listener);
  }

  /** Called by the client when its turn has come. */
  submit(connection: PgConnection): void {
    this.#stream = connection.stream;
    this.#others = connection.stream.listeners('data') as ((data: Buffer) => void)[];
    for (const listener of this.#others) connection.stream.removeListener('data', listener);
    connection.stream.on('data', this.#onData);
    connection.query(this.#text);
  }

  handleCommandComplete(): void {
    // the row count is our own
  }

  handleReadyForQuery(): void {
    if (this.#error === undefined) this.#settle.resolve(this.#rows);
    else this.#settle.reject(this.#error);
  }

  handleError(error: unknown): void {
    this.#detach();
    this.#settle.reject(error);
  }
}

/**
 * Runs a query through COPY BINARY and hands each row to `onRow`.
 *
 * @param select a SELECT without parameters; every value in it must be a number or vetted text
 * @returns how many rows came
 * Errors: the server's error as node-postgres raises it; what `onRow` throws.
 */
export async function copyOut(client: pg.Client, select: string, onRow: CopyRow): Promise<number> {
  const settle = Promise.withResolvers<number>();
  const query = new CopyOutQuery(`COPY (${select}) TO STDOUT (FORMAT binary)`, onRow, settle);
  client.query(query as unknown as pg.Submittable);
  return settle.promise;
}
