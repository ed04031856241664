import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { isTaskerError, TaskerError } from '../../errors.ts';
import type { TaskHandle } from '../../orchestration/task-handle.ts';
import { Tasker } from '../../tasker.ts';
import type { TaskTemplate } from '../../templates/task-template.ts';
import type { CommandContext } from '../command-context.ts';
import type { Progress } from '../progress.ts';
import { loadDefinitions } from './load-definitions.ts';
import { watchSteps } from './watch-steps.ts';

/** Options of `tasker run`. */
export interface RunTaskOptions {
  /** PostgreSQL URL; undefined for an embedded server, gone at the end. */
  readonly url: string | undefined;
  readonly import: readonly string[];
  /** A file of JSON, `-` for stdin. */
  readonly context?: string;
  readonly migrate?: true;
  readonly fleet?: string;
  readonly priority?: number;
  readonly watch?: true;
}

/** Milliseconds between two looks at how far the task is. */
const LOOK_MS = 100;

/** Milliseconds that the last event may take to be told. */
const TELL_MS = 2000;

/**
 * Creates a task and runs it to its end.
 *
 * @returns what its steps stored, by name
 * Errors: TASKER_TASK_FAILED; TASKER_UNKNOWN_TEMPLATE; those of `loadDefinitions` and `Tasker`.
 */
export async function runTask(
  context: CommandContext,
  progress: Progress,
  wanted: string,
  options: RunTaskOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const { url, priority } = options;
  // other engines on the database have templates of their own, and are not to get this task
  const { fleet = `run-${randomBytes(4).toString('hex')}` } = options;
  await using tasker = new Tasker({
    fleet,
    drainSeconds: 0,
    ...(url !== undefined && { database: url, migrate: options.migrate === true }),
  });
  context.signal.addEventListener('abort', () => void tasker.stop(), { once: true });
  progress.phase('loading definitions');
  await loadDefinitions(tasker, options.import);
  const template = templateOf(tasker, wanted);
  const given = await contextOf(options.context);
  progress.phase(url === undefined ? 'starting the embedded PostgreSQL' : 'connecting');
  await tasker.start();
  context.signal.throwIfAborted();
  progress.phase(`running ${template.name}`);
  let watched = Promise.resolve();
  if (options.watch === true) {
    progress.stop();
    watched = watchSteps(tasker, context.note);
  }
  const timer = setInterval(() => {
    const done = tasker.engine?.coordinator.memory.counts.completedSteps ?? 0;
    progress.update(done, template.steps.length, 'steps');
  }, LOOK_MS);
  try {
    const task = await tasker.createTask(
      template,
      { context: given, ...(priority !== undefined && { priority }) },
      { onDuplicate: 'return' },
    );
    try {
      return await resultOf(context, task, fleet, url !== undefined);
    } finally {
      // the end is seen in the database before the engine that stored it tells of it
      if (!context.signal.aborted)
        await Promise.race([watched, sleep(TELL_MS, undefined, { ref: false })]);
    }
  } finally {
    clearInterval(timer);
    progress.stop();
  }
}

async function resultOf(
  { signal, note }: CommandContext,
  task: TaskHandle,
  fleet: string,
  stays: boolean,
): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await task.result({ signal });
  } catch (error) {
    if (isTaskerError(error, 'TASKER_TASK_FAILED')) {
      note(`${(await task.explain()).text}\n`);
    } else if (stays) {
      note(`Task ${task.taskId} stays as it is, for an engine of the fleet ${fleet}.\n`);
    }
    throw error;
  }
}

/** The registered template that a text names: `name`, `namespace/name`, each with `@version`. */
function templateOf(tasker: Tasker, wanted: string): TaskTemplate {
  const all = tasker.templates.list();
  const at = wanted.lastIndexOf('@');
  const [path, version] = at > 0 ? [wanted.slice(0, at), wanted.slice(at + 1)] : [wanted];
  const fits = all.filter(
    ({ namespace, name }) =>
      path === name || path === `${namespace}/${name}` || path === `${namespace}.${name}`,
  );
  const keys = new Set(fits.map(({ namespace, name }) => `${namespace}/${name}`));
  const [first] = fits;
  if (first === undefined || keys.size > 1) {
    const known = (keys.size > 1 ? fits : all).map((each) => fullName(each));
    throw new TaskerError(
      'TASKER_UNKNOWN_TEMPLATE',
      keys.size > 1 ? `${wanted} may be several templates.` : `There is no template ${wanted}.`,
      { remedy: `Name one of ${known.join(', ')}.`, data: { template: wanted } },
    );
  }
  const { namespace, name } = first;
  return tasker.templates.get({ namespace, name, version: version ?? 'latest' });
}

const fullName = ({ namespace, name, version }: TaskTemplate): string =>
  `${namespace}/${name}@${version}`;

async function contextOf(file: string | undefined): Promise<Readonly<Record<string, unknown>>> {
  if (file === undefined) return {};
  const bad = (why: string, cause?: unknown): TaskerError =>
    new TaskerError('TASKER_BAD_ARGUMENT', `The context ${file} ${why}.`, {
      cause,
      data: { option: '--context', value: file },
    });
  let json: string;
  try {
    json = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw bad(`cannot be read: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw bad(`is no JSON: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw bad('is no JSON object');
}
