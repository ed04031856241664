import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { TaskerError } from '../../errors.ts';
import { StagedRows } from '../../graph/snapshot/staged-rows.ts';
import { parseExactJson } from './exact-json.ts';
import { decodeFile, NdjsonLines } from './ndjson-lines.ts';
import {
  badField,
  instantField,
  integerField,
  textField,
  type InputRecord,
  type Place,
} from './read-fields.ts';
import type { LoadOptions, SnapshotSource } from '../../graph/snapshot/snapshot-source.ts';
import {
  stageEdge,
  stageStep,
  stageStepTransition,
  stageTask,
  stageTaskTransition,
} from './stage-input.ts';
import { streamStaged } from './staged-stream.ts';

type Stage = (rows: StagedRows, row: InputRecord, place: Place) => void;

/** Files of a directory in reading order: a row can only name what stands before it. */
const FILES = [
  ['tasks.ndjson', stageTask],
  ['steps.ndjson', stageStep],
  ['task_transitions.ndjson', stageTaskTransition],
  ['step_transitions.ndjson', stageStepTransition],
  ['edges.ndjson', stageEdge],
] as const satisfies readonly (readonly [string, Stage])[];

/**
 * A directory of NDJSON rows in the golden format: `meta.json` (now, named_steps) and `tasks`,
 * `steps`, `edges`, `step_transitions`, `task_transitions` (`.ndjson`). Ids keep all their digits.
 * Files are UTF-8, lines end with `\n`, `\r\n` or `\r` and have 8 MiB at most (`MAX_LINE_BYTES`).
 * The rows are held in memory as numbers, about 54 bytes a step and 20 an edge.
 *
 * @param taskIds restricts the answers to these tasks; edges from other tasks still count
 * Errors: TASKER_BAD_INPUT names file, line and field; also for an instant before 1684 or after 2255 that a double
 * does not hold exactly.
 */
export function directorySource(directory: string, taskIds?: readonly bigint[]): SnapshotSource {
  return {
    open: async (options) => {
      options.signal?.throwIfAborted();
      const meta = await readMeta(directory);
      const sizes = await Promise.all(FILES.map(([name]) => sizeOf(directory, name)));
      const total = sizes.reduce((sum, size) => sum + size, 0);
      const rows = new StagedRows();
      let done = 0;
      for (const [name, stage] of FILES) {
        await readRows(directory, name, options, rows, stage, (bytes) => {
          done += bytes;
          options.onProgress?.({ done, total, unit: 'bytes' });
        });
        if (name === 'steps.ndjson') rows.indexSteps();
      }
      rows.unknownParents();
      rows.indexEdges(false);
      for (let step = 0; step < rows.stepCount; step++) {
        checkName(rows, step, meta.stepNames, directory);
      }
      return streamStaged({ rows, stepNames: meta.stepNames, now: meta.now, taskIds }, options);
    },
  };
}

function checkName(
  rows: StagedRows,
  step: number,
  names: ReadonlyMap<number, string>,
  directory: string,
): void {
  const named = rows.namedStepId[step] as number;
  if (names.has(named) || step >= rows.ownedSteps) return;
  throw new TaskerError(
    'TASKER_BAD_INPUT',
    `${join(directory, 'meta.json')}: field "named_steps" has no entry ${named}, which step ${rows.stepIds.ids[step]} names.`,
    { data: { file: join(directory, 'meta.json'), field: 'named_steps', value: String(named) } },
  );
}

async function sizeOf(directory: string, name: string): Promise<number> {
  const path = join(directory, name);
  try {
    return (await stat(path)).size;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function readText(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return decodeFile(bytes, path);
}

function unreadable(path: string, cause: unknown): TaskerError {
  return new TaskerError('TASKER_BAD_INPUT', `${path} cannot be read.`, {
    cause,
    data: { file: path },
    remedy:
      'A directory of input holds meta.json and tasks, steps, edges, step_transitions and task_transitions as .ndjson.',
  });
}

async function readMeta(
  directory: string,
): Promise<{ now: number | undefined; stepNames: Map<number, string> }> {
  const file = join(directory, 'meta.json');
  const meta = parseRow(await readText(file), { file, line: 1 });
  const stepNames = new Map<number, string>();
  const named = meta['named_steps'];
  if (!Array.isArray(named)) {
    throw badField({ file, line: 1 }, 'named_steps', named, 'an array of {named_step_id, name}');
  }
  for (const [at, entry] of named.entries()) {
    const place = { file: `${file} named_steps`, line: at };
    if (typeof entry !== 'object' || entry === null) {
      throw badField(place, 'named_steps', entry, 'an object');
    }
    const row = entry as InputRecord;
    stepNames.set(integerField(row, 'named_step_id', place), textField(row, 'name', place));
  }
  const now = instantField(meta, 'now', { file, line: 1 });
  return { now: Number.isNaN(now) ? undefined : now, stepNames };
}

async function readRows(
  directory: string,
  name: string,
  options: LoadOptions,
  rows: StagedRows,
  stage: Stage,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const file = join(directory, name);
  const stream = createReadStream(file, {
    highWaterMark: 1 << 20,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const lines = new NdjsonLines(file, (text, place) => stage(rows, parseRow(text, place), place));
  try {
    for await (const bytes of stream as AsyncIterable<Buffer>) {
      lines.push(bytes);
      onBytes(bytes.length);
    }
    lines.finish();
  } catch (error) {
    options.signal?.throwIfAborted(); // the stream raises an AbortError of its own
    throw error instanceof TaskerError ? error : unreadable(file, error);
  }
}

function parseRow(text: string, place: Place): InputRecord {
  let value: unknown;
  try {
    value = parseExactJson(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const what = cause instanceof SyntaxError ? 'is not JSON' : 'cannot be read';
    throw new TaskerError('TASKER_BAD_INPUT', `${place.file}:${place.line}: ${what} (${why}).`, {
      cause,
      data: { file: place.file, line: place.line, field: null },
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badField(place, '(the whole line)', value, 'a JSON object');
  }
  return value as InputRecord;
}
