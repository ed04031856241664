import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isTaskerError, TaskerError } from '../errors.ts';
import type { TaskTemplate } from './task-template.ts';
import {
  parseTemplate,
  type PlacedProblem,
  templateError,
  type YamlTemplateOptions,
} from './yaml-template.ts';

/** How templates are loaded from files. */
export interface LoadTemplatesOptions extends YamlTemplateOptions {
  /** Stops between two files with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Loads task templates from a YAML file, or from every `*.yaml` and `*.yml` below a directory in
 * the order of their paths. They are not registered yet.
 *
 * @throws TaskerError as `parseTemplate`; when several files are wrong, one
 *   `TASKER_INVALID_TEMPLATE` with the problems of all. `TASKER_BAD_ARGUMENT` for a path that
 *   cannot be read
 */
export async function loadTemplates(
  path: string,
  options: LoadTemplatesOptions,
): Promise<TaskTemplate[]> {
  const templates: TaskTemplate[] = [];
  const errors: TaskerError[] = [];
  for (const file of await yamlFiles(path)) {
    options.signal?.throwIfAborted();
    const text = await reading(path, () => readFile(file, 'utf8'));
    try {
      templates.push(parseTemplate(text, file, options));
    } catch (error) {
      if (!isTaskerError(error)) throw error;
      errors.push(error);
    }
  }
  const [first] = errors;
  if (first === undefined) return templates;
  if (errors.length === 1) throw first;
  const problems = errors.flatMap((error) => error.data['problems'] as readonly PlacedProblem[]);
  throw templateError('TASKER_INVALID_TEMPLATE', problems, new AggregateError(errors));
}

async function yamlFiles(path: string): Promise<string[]> {
  const found = await reading(path, () => stat(path));
  if (!found.isDirectory()) return [path];
  const entries = await reading(path, () =>
    readdir(path, { recursive: true, withFileTypes: true }),
  );
  return entries
    .filter((entry) => !entry.isDirectory() && /\.ya?ml$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TaskerError('TASKER_BAD_ARGUMENT', `Templates cannot be read: ${reason}.`, {
      data: { field: 'path', path },
      cause: error,
    });
  }
}
