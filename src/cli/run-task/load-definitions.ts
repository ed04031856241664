import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { TaskerError } from '../../errors.ts';
import type { Tasker } from '../../tasker.ts';
import { isTemplateLike, type TemplateLike } from '../../templates/define-task.ts';

const YAML = /\.ya?ml$/i;

/**
 * Registers what files define. Of a module: every export that is a template, and what its default
 * export does where that is a function, which gets the Tasker. Of a YAML file: its template, with the
 * handlers that the modules have registered; modules come first, whatever their place.
 *
 * Errors: TASKER_BAD_ARGUMENT for a module that cannot be loaded or defines nothing; those of
 * `Tasker.register` and `Tasker.loadTemplates`.
 */
export async function loadDefinitions(tasker: Tasker, files: readonly string[]): Promise<void> {
  for (const file of files) if (!YAML.test(file)) await loadModule(tasker, file);
  for (const file of files) if (YAML.test(file)) await tasker.loadTemplates(file);
}

async function loadModule(tasker: Tasker, file: string): Promise<void> {
  const exported = await imported(file);
  const templates = new Set(Object.values(exported).filter(isTemplateLike));
  tasker.register(...(templates as Set<TemplateLike>));
  const { default: define } = exported;
  const isDefiner = typeof define === 'function';
  if (isDefiner) await (define as (tasker: Tasker) => unknown)(tasker);
  if (templates.size > 0 || isDefiner) return;
  throw new TaskerError('TASKER_BAD_ARGUMENT', `The module ${file} defines no template.`, {
    remedy: 'Export what defineTask returns, or a default function that registers with the Tasker.',
    data: { option: '--import', value: file },
  });
}

async function imported(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TaskerError('TASKER_BAD_ARGUMENT', `The module ${file} cannot be loaded: ${why}.`, {
      cause: error,
      data: { option: '--import', value: file },
    });
  }
}
