import type { Socket } from 'node:net';

import type pg from 'pg';

/**
 * Reads one row of COPY BINARY: `at` stands behind the field count, at the length of the first
 * field. The view is valid during the call only.
 */
export type CopyRow = (view: DataView, at: number) => void;

const COPY_DATA = 0x64;
const COPY_OUT_RESPONSE = 0x48;
/** Messages that the server may send at any time: NoticeResponse, NotificationResponse, ParameterStatus. */
const ASYNCHRONOUS: ReadonlySet<number> = new Set([0x4e, 0x41, 0x53]);
/** A code and the length behind it. */
const MESSAGE_HEADER_BYTES = 5;
const COPY_HEADER_BYTES = 11;

interface PgConnection {
  readonly stream: Socket;
  query(text: string): void;
}

/** What has come of a message: its first bytes, five at most, and how many there are. */
interface BegunMessage {
  readonly header: Buffer;
  readonly bytes: number;
}

/** The end of the message that begins at `at`, or undefined where its header is not all there. */
function messageEnd(bytes: Buffer, at: number): number | undefined {
  return at + MESSAGE_HEADER_BYTES > bytes.length ? undefined : at + 1 + bytes.readUInt32BE(at + 1);
}

/**
 * A `COPY … TO STDOUT (FORMAT binary)` whose rows are decoded in place, inside the socket's own
 * buffers: no object, no string and no copy is made for a row. Rows that straddle two buffers are
 * joined first.
 *
 * The client's own protocol reads the start of the answer, since it may hold the first part of a message
 * already; rows that come that way tell where in the socket's buffer a message ended, and from there on the
 * messages are told apart here. Those that may come at any time go to the client whole.
 */
class CopyOutQuery {
  readonly #text: string;
  readonly #onRow: CopyRow;
  readonly #settle: PromiseWithResolvers<number>;
  #stream: Socket | undefined;
  #others: ((data: Buffer) => void)[] = [];
  /** True once messages are told apart here. */
  #ours = false;
  /** The socket's latest buffer, while the client reads. */
  #latest: Buffer | undefined;
  /** Where in {@link #latest} the last row ended that the client handed over; -1 as long as nobody knows. */
  #rowEnd = -1;
  /** The first part of a message that the client holds. */
  #begun: BegunMessage | undefined;
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
    const mine = this.#ours ? data : this.#throughClient(data);
    if (mine !== undefined) this.#read(mine);
  };

  #pass(bytes: Buffer): void {
    for (const listener of this.#others) listener(bytes);
  }

  /** Lets the client read, up to the end of a message where that is known; returns what lies behind it. */
  #throughClient(data: Buffer): Buffer | undefined {
    if (this.#begun !== undefined) return this.#endMessage(data, this.#begun);
    this.#latest = data;
    this.#rowEnd = -1;
    this.#pass(data);
    this.#latest = undefined;
    if (this.#stream === undefined || this.#rowEnd === -1) return undefined;
    let at = this.#rowEnd;
    for (let end = messageEnd(data, at); end !== undefined && end <= data.length;) {
      at = end;
      end = messageEnd(data, at);
    }
    if (at === data.length) this.#ours = true;
    else {
      const header = Buffer.from(data.subarray(at, at + MESSAGE_HEADER_BYTES));
      this.#begun = { header, bytes: data.length - at };
    }
    return undefined;
  }

  /** Hands the rest of a message to the client; returns what lies behind it. */
  #endMessage(data: Buffer, { header, bytes }: BegunMessage): Buffer | undefined {
    const start = Buffer.concat([header, data.subarray(0, MESSAGE_HEADER_BYTES - header.length)]);
    const missing = (messageEnd(start, 0) ?? Infinity) - bytes;
    if (missing > data.length) {
      this.#begun = { header: start, bytes: bytes + data.length };
      this.#pass(data);
      return undefined;
    }
    this.#begun = undefined;
    this.#ours = true;
    this.#pass(data.subarray(0, missing));
    const behind = data.subarray(missing);
    if (this.#stream !== undefined) return behind;
    this.#pass(behind);
    return undefined;
  }

  #read(data: Buffer): void {
    const bytes = this.#rest === undefined ? data : Buffer.concat([this.#rest, data]);
    this.#rest = undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at + MESSAGE_HEADER_BYTES <= bytes.length) {
      const code = bytes[at] as number;
      const end = at + 1 + view.getUint32(at + 1);
      const told = ASYNCHRONOUS.has(code);
      if (code !== COPY_DATA && code !== COPY_OUT_RESPONSE && !told) {
        // CopyDone, an error, or anything else: the client's own protocol takes over
        this.#detach();
        this.#pass(bytes.subarray(at));
        return;
      }
      if (end > bytes.length) break;
      if (code === COPY_DATA && this.#error === undefined) {
        this.#take(view, at + MESSAGE_HEADER_BYTES, end);
      } else if (told) this.#pass(bytes.subarray(at, end));
      at = end;
    }
    if (at < bytes.length) this.#rest = at === 0 ? bytes : Buffer.from(bytes.subarray(at));
  }

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

  /** A row that the client's own protocol has read. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    const latest = this.#latest;
    if (latest !== undefined && chunk.buffer === latest.buffer) {
      const end = chunk.byteOffset + chunk.length - latest.byteOffset;
      if (chunk.byteOffset >= latest.byteOffset && end <= latest.length) this.#rowEnd = end;
    }
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#error === undefined) this.#take(view, 0, chunk.length);
  }

  handleCommandComplete(): void {
    // the row count is our own
  }

  handleReadyForQuery(): void {
    this.#detach();
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
