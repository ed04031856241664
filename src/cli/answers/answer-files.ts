import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { TaskerError } from '../../errors.ts';
import type { ChunkResult } from '../../resolver/index.ts';
import type { Rules } from '../../graph/rules/rules.ts';
import { contextLines, levelLines, readinessLines, unseenOrder } from './answer-lines.ts';
import { sortLinesById, type SortOptions } from './sort-lines.ts';

/** Files that a run's answers are written to. */
export const ANSWER_FILES = ['readiness.ndjson', 'contexts.ndjson', 'levels.ndjson'] as const;

/** Takes chunks of answers in order and makes files of them. */
export interface AnswerFiles extends AsyncDisposable {
  /** Writes the rows of a chunk; resolves when they are written. */
  add(chunk: ChunkResult): Promise<void>;
  /**
   * Orders readiness by step id if the ids of tasks interleave, and gives all files their names.
   *
   * @returns the paths
   */
  finish(): Promise<string[]>;
}

/**
 * Writes `readiness.ndjson`, `contexts.ndjson` and `levels.ndjson` into a directory, which is
 * created if it is not there. Rows go to temporary files beside the final ones, which replace them
 * at the end: what is disposed of before `finish` leaves nothing behind and the old files alone.
 *
 * Errors: TASKER_BAD_ARGUMENT when the directory cannot be written, TASKER_CANNOT_WRITE when that fails on the way.
 */
export async function openAnswerFiles(
  directory: string,
  rules: Rules,
  options: SortOptions = {},
): Promise<AnswerFiles> {
  const paths = ANSWER_FILES.map((name) => join(directory, name));
  const temporary = paths.map((path) => `${path}.${process.pid}.tmp`);
  const [readinessFile, contextsFile, levelsFile] = await openAll(directory, paths, temporary);
  const order = unseenOrder();
  const closeAll = async (): Promise<void> => {
    await Promise.all([readinessFile.close(), contextsFile.close(), levelsFile.close()]);
  };
  return {
    add: ({ snapshot }) =>
      writing(directory, async () => {
        for (const piece of readinessLines(snapshot, rules, order)) {
          options.signal?.throwIfAborted();
          await readinessFile.appendFile(piece);
        }
        for (const piece of contextLines(snapshot, rules)) await contextsFile.appendFile(piece);
        for (const piece of levelLines(snapshot, rules)) await levelsFile.appendFile(piece);
      }),
    finish: () =>
      writing(directory, async () => {
        await closeAll();
        const [unsorted] = temporary as [string];
        if (!order.ascending) {
          const sorted = `${unsorted}.sorted`;
          temporary.push(sorted);
          await sortLinesById(unsorted, sorted, options);
          await rename(sorted, unsorted);
        }
        for (const [at, path] of paths.entries()) await rename(temporary[at] as string, path);
        return paths;
      }),
    async [Symbol.asyncDispose]() {
      await closeAll();
      await Promise.all(temporary.map((path) => rm(path, { force: true })));
    },
  };
}

async function openAll(
  directory: string,
  paths: readonly string[],
  temporary: readonly string[],
): Promise<[FileHandle, FileHandle, FileHandle]> {
  const opened: FileHandle[] = [];
  try {
    await makeDirectory(directory);
    // said before the work, not after it
    for (const path of paths) await refuseDirectory(path);
    for (const path of temporary) opened.push(await open(path, 'w'));
  } catch (cause) {
    await Promise.all(opened.map((file) => file.close()));
    await Promise.all(temporary.slice(0, opened.length).map((path) => rm(path, { force: true })));
    throw new TaskerError(
      'TASKER_BAD_ARGUMENT',
      `--output is "${directory}", which cannot be written (${(cause as NodeJS.ErrnoException).code}).`,
      { cause, data: { option: '--output', value: directory }, remedy: 'Name another directory.' },
    );
  }
  return opened as [FileHandle, FileHandle, FileHandle];
}

/** `mkdir -p`; Node's own never ends where a file system such as /proc takes no directories. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isThere = code === 'EEXIST' && (await stat(path)).isDirectory();
    if (isThere) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || (await exists(parent))) throw error;
    await makeDirectory(parent);
    await makeDirectory(path);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function refuseDirectory(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) {
    throw Object.assign(new Error(`${path} is a directory`), { code: 'EISDIR' });
  }
}

/** Gives failures of the file system their code. */
async function writing<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (syscall === undefined) throw cause;
    throw new TaskerError(
      'TASKER_CANNOT_WRITE',
      `The answers cannot be written to "${directory}" (${code}).`,
      {
        cause,
        data: { directory, reason: code ?? null },
        remedy: 'Make room, or name another directory.',
      },
    );
  }
}
