import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';

import type pg from 'pg';

/** The part of node-postgres' connection that carries COPY data; its type package leaves it out. */
interface CopyConnection {
  readonly stream: Socket;
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
}

/**
 * Sends `chunks` as the data of one `COPY … FROM STDIN` statement and returns the number of rows stored.
 *
 * Holds no more than one chunk beyond what the socket buffers. When `chunks` throws, the statement fails and the
 * error is passed on; the session stays usable (inside a transaction: after a rollback).
 *
 * The package pg-copy-streams does the same for streams; taking it would leave the encoder of rows to us.
 */
export async function copyIn(
  client: pg.Client,
  statement: string,
  chunks: Iterable<Buffer> | AsyncIterable<Buffer>,
): Promise<number> {
  const copy = new CopyInQuery(statement);
  client.query(copy);
  const connection = await Promise.race([copy.accepted, copy.finished.then(refuseOther)]);
  try {
    for await (const chunk of chunks) {
      if (copy.over) break;
      connection.sendCopyFromChunk(chunk);
      if (connection.stream.writableNeedDrain) {
        await Promise.race([once(connection.stream, 'drain'), copy.finished]);
      } else {
        // Lets the server's refusal in: it goes on taking data after it, and a quick sender would never hear of it.
        await setImmediate();
      }
    }
    if (!copy.over) connection.endCopyFrom();
  } catch (error) {
    if (!copy.over) connection.sendCopyFail('the sender gave up');
    await copy.finished.catch(() => undefined);
    throw error;
  }
  return copy.finished;
}

function refuseOther(): never {
  throw new TypeError('the statement is not a COPY FROM STDIN');
}

/** A query object as node-postgres' client drives it: it calls the handler named after each server message. */
class CopyInQuery {
  readonly accepted: Promise<CopyConnection>;
  readonly finished: Promise<number>;
  over = false;
  readonly #statement: string;
  readonly #accept = Promise.withResolvers<CopyConnection>();
  readonly #finish = Promise.withResolvers<number>();
  #rows = 0;

  constructor(statement: string) {
    this.#statement = statement;
    this.accepted = this.#accept.promise;
    this.finished = this.#finish.promise;
    // Whoever awaits only the other of the two must not meet an unhandled rejection.
    this.finished.catch(() => undefined);
  }

  submit(connection: pg.Connection): void {
    (connection as unknown as CopyConnection).query(this.#statement);
  }

  handleCopyInResponse(connection: CopyConnection): void {
    this.#accept.resolve(connection);
  }

  handleCommandComplete(message: { readonly text: string }): void {
    this.#rows = Number(message.text.split(' ').at(-1));
  }

  handleReadyForQuery(): void {
    this.over = true;
    this.#finish.resolve(this.#rows);
  }

  handleError(error: Error): void {
    this.over = true;
    this.#finish.reject(error);
  }
}
