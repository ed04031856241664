import { TaskerError } from '../../errors.ts';
import type { Place } from './read-fields.ts';

/**
 * The longest line of an input file, in bytes: 8 MiB. A file without line ends is refused once so much of it
 * has been read.
 */
export const MAX_LINE_BYTES = 8 * 1024 * 1024;

/** From so many bytes on an unfinished line is looked at. */
const LONG_PIECE_BYTES = 256 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const OPENING_BRACE = 0x7b;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const LINE_END = /\r\n|\n|\r/;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Takes a file in pieces and hands on its lines, which end with `\n`, `\r\n` or `\r`; the last one may have
 * no end, and a byte order mark may come first. Holds no more than a line and a piece. O(bytes).
 *
 * Errors: TASKER_BAD_INPUT with file and line for bytes that are not UTF-8, a line over
 * {@link MAX_LINE_BYTES} and, as soon as it is seen, an unfinished one that is no object.
 */
export class NdjsonLines {
  readonly #file: string;
  readonly #onLine: (text: string, place: Place) => void;
  /** The unfinished line, in pieces: joining them each time would cost the square of its length. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  #line = 0;

  constructor(file: string, onLine: (text: string, place: Place) => void) {
    this.#file = file;
    this.#onLine = onLine;
  }

  push(piece: Buffer): void {
    if (piece.length === 0) return;
    // a \r at the end of a piece may be half of a \r\n
    if (this.#rest.at(-1)?.at(-1) === CR && piece[0] !== LF) this.#finishRest();
    const lf = piece.lastIndexOf(LF);
    const end = Math.max(lf, lastLoneCarriageReturn(piece, lf + 1));
    if (end === -1) {
      this.#keep(piece);
      return;
    }
    if (this.#rest.length > 0) {
      this.#require(this.#restBytes + firstLineEnd(piece));
      this.#rest.push(piece.subarray(0, end + 1));
      this.#finishRest();
    } else {
      this.#read(piece.subarray(0, end + 1));
    }
    if (end + 1 < piece.length) this.#keep(piece.subarray(end + 1));
  }

  /** The last line, where it has no end. */
  finish(): void {
    if (this.#rest.length > 0) this.#finishRest();
  }

  #finishRest(): void {
    const block = this.#rest.length === 1 ? (this.#rest[0] as Buffer) : Buffer.concat(this.#rest);
    this.#rest = [];
    this.#restBytes = 0;
    this.#read(block);
  }

  #keep(piece: Buffer): void {
    if (this.#rest.length === 0) this.#requireObject(piece);
    this.#rest.push(piece);
    this.#restBytes += piece.length;
    this.#require(this.#restBytes);
  }

  #require(bytes: number): void {
    if (bytes <= MAX_LINE_BYTES) return;
    const { file, line } = this.#next();
    throw new TaskerError(
      'TASKER_BAD_INPUT',
      `${file}:${line}: is longer than ${MAX_LINE_BYTES} bytes, the most that a line may have.`,
      {
        data: { file, line, field: null, limit: MAX_LINE_BYTES },
        remedy: 'Write each row as one JSON object on a line of its own.',
      },
    );
  }

  /** An unfinished line that begins otherwise will not become an object, however much more is read. */
  #requireObject(piece: Buffer): void {
    let at = 0;
    if (this.#line === 0 && BYTE_ORDER_MARK.every((byte, index) => piece[index] === byte)) at = 3;
    while (piece[at] === 0x20 || piece[at] === 0x09 || piece[at] === CR) at++;
    const first = piece[at];
    if (first === undefined || first === OPENING_BRACE) return;
    if (piece.length < LONG_PIECE_BYTES) return; // the line may be short: its own error says more
    const shown = first < 0x80 ? JSON.stringify(String.fromCharCode(first)) : `byte ${first}`;
    const { file, line } = this.#next();
    throw new TaskerError(
      'TASKER_BAD_INPUT',
      `${file}:${line}: begins with ${shown}, not with "{".`,
      {
        data: { file, line, field: null },
        remedy: 'Write each row as one JSON object on a line of its own.',
      },
    );
  }

  #next(): Place {
    return { file: this.#file, line: this.#line + 1 };
  }

  /** Whole lines; the last one may have no end. */
  #read(block: Buffer): void {
    let text: string;
    try {
      text = decoder.decode(block);
    } catch {
      this.#readToBadBytes(block);
      return;
    }
    const lines = text.split(LINE_END);
    if (lines.at(-1) === '') lines.pop();
    for (const line of lines) this.#take(line);
  }

  /** The lines one by one, so that what is wrong in an earlier one is reported first. */
  #readToBadBytes(block: Buffer): void {
    for (const line of linesOf(block)) this.#take(decodeUtf8(line, this.#next()));
  }

  #take(text: string): void {
    const place = this.#next();
    this.#line = place.line;
    const line = place.line === 1 ? withoutMark(text) : text;
    if (line.trim() !== '') this.#onLine(line, place);
  }
}

/** Text of UTF-8 without its byte order mark; TASKER_BAD_INPUT names the line of other bytes. */
export function decodeFile(bytes: Buffer, file: string): string {
  try {
    return withoutMark(decoder.decode(bytes));
  } catch {
    let line = 0;
    for (const text of linesOf(bytes)) decodeUtf8(text, { file, line: ++line });
    throw notUtf8({ file, line });
  }
}

function decodeUtf8(bytes: Buffer, place: Place): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw notUtf8(place);
  }
}

function notUtf8({ file, line }: Place): TaskerError {
  return new TaskerError('TASKER_BAD_INPUT', `${file}:${line}: holds bytes that are not UTF-8.`, {
    data: { file, line, field: null },
    remedy: 'Convert the file to UTF-8.',
  });
}

const withoutMark = (text: string): string => (text.startsWith('\ufeff') ? text.slice(1) : text);

function* linesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length;) {
    const end = at + firstLineEnd(bytes.subarray(at));
    yield bytes.subarray(at, end);
    at = end + (bytes[end] === CR && bytes[end + 1] === LF ? 2 : 1);
  }
}

/** Bytes of the first line, its end left out; all of them where there is no end. */
function firstLineEnd(bytes: Buffer): number {
  const lf = bytes.indexOf(LF);
  const line = lf === -1 ? bytes : bytes.subarray(0, lf);
  const cr = line.indexOf(CR);
  return cr === -1 ? line.length : cr;
}

/** Position of the last \r from `from` on that is not the last byte, or -1. */
function lastLoneCarriageReturn(bytes: Buffer, from: number): number {
  const at = bytes.subarray(from, bytes.length - 1).lastIndexOf(CR);
  return at === -1 ? -1 : from + at;
}
