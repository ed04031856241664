import { createReadStream } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';

/** Options of {@link sortLinesById}. */
export interface SortOptions {
  /** Characters of lines that are held and sorted at once; default 32 Mi. */
  readonly holdCharacters?: number;
  readonly signal?: AbortSignal;
}

interface Line {
  readonly id: bigint;
  readonly text: string;
}

const PIECE = 1 << 18;
const ID = /^\{"workflow_step_id":(-?\d+)/;

/**
 * Sorts a file of readiness lines by `workflow_step_id` into another file: sorted runs that fit
 * into memory, then one merge of all runs. Equal ids keep their order. O(n log n) time, memory
 * bounded by `holdCharacters`; run files stand beside the target until the end.
 */
export async function sortLinesById(
  from: string,
  to: string,
  options: SortOptions = {},
): Promise<void> {
  const runs: string[] = [];
  try {
    await writeRuns(from, to, runs, options);
    await merge(runs, to, options.signal);
  } finally {
    await Promise.all(runs.map((run) => rm(run, { force: true })));
  }
}

async function writeRuns(
  from: string,
  to: string,
  runs: string[],
  options: SortOptions,
): Promise<void> {
  const hold = options.holdCharacters ?? 32 << 20;
  let held: Line[] = [];
  let characters = 0;
  const flush = async (): Promise<void> => {
    held.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
    const run = `${to}.run-${runs.length}`;
    runs.push(run);
    await writeLines(run, held, options.signal);
    held = [];
    characters = 0;
  };
  for await (const line of linesOf(from, options.signal)) {
    held.push(line);
    characters += line.text.length;
    if (characters >= hold) await flush();
  }
  if (held.length > 0) await flush();
}

async function* linesOf(path: string, signal: AbortSignal | undefined): AsyncGenerator<Line> {
  // not readline: it ends a line at U+2028 and U+2029 too, which stand unescaped inside a JSON text
  const input = createReadStream(path, { highWaterMark: PIECE, encoding: 'utf8' });
  let rest = '';
  try {
    for await (const piece of input as AsyncIterable<string>) {
      signal?.throwIfAborted();
      const texts = (rest + piece).split('\n');
      rest = texts.pop() as string;
      for (const text of texts) yield { id: BigInt(ID.exec(text)?.[1] ?? '0'), text };
    }
  } finally {
    input.destroy();
  }
}

async function writeLines(
  path: string,
  lines: Iterable<Line> | AsyncIterable<Line>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const file: FileHandle = await open(path, 'w');
  try {
    let piece = '';
    for await (const { text } of lines) {
      piece += `${text}\n`;
      if (piece.length < PIECE) continue;
      signal?.throwIfAborted();
      await file.appendFile(piece);
      piece = '';
    }
    await file.appendFile(piece);
  } finally {
    await file.close();
  }
}

async function merge(
  runs: readonly string[],
  to: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const readers = runs.map((run) => linesOf(run, signal));
  try {
    await writeLines(to, merged(readers), signal);
  } finally {
    for (const reader of readers) await reader.return(undefined);
  }
}

/** Runs are few (one for every 32 MB), so the least of their heads is looked for one by one. */
async function* merged(readers: readonly AsyncGenerator<Line>[]): AsyncGenerator<Line> {
  const heads = await Promise.all(
    readers.map(async (reader) => (await reader.next()).value as Line | undefined),
  );
  for (;;) {
    let least = -1;
    for (let at = 0; at < heads.length; at++) {
      const head = heads[at];
      if (head !== undefined && (least === -1 || head.id < (heads[least] as Line).id)) least = at;
    }
    if (least === -1) return;
    yield heads[least] as Line;
    heads[least] = (await (readers[least] as AsyncGenerator<Line>).next()).value as
      | Line
      | undefined;
  }
}
