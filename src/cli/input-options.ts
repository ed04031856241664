import { type Command, Option } from 'commander';

import type { TaskSelection } from '../database/snapshot/snapshot-queries.ts';
import { TaskerError } from '../errors.ts';
import type { SnapshotSource } from '../resolver/index.ts';
import type { CommandContext } from './command-context.ts';
import { idList, instantValue } from './option-values.ts';

/** Where rows come from: a database or a directory. */
export interface InputOptions {
  readonly database?: string;
  readonly input?: string;
}

/** Which tasks are wanted; none of these means all. */
export interface SelectionOptions {
  readonly tasks?: bigint[];
  readonly namespace?: string;
  readonly name?: string;
  readonly taskVersion?: string;
  readonly unfinished?: true;
  readonly all?: true;
}

/** `--database`, which every command has. */
export function databaseOption(): Option {
  return new Option('--database <url>', 'PostgreSQL database (default: DATABASE_URL)');
}

/** `--input`. */
export function inputOption(): Option {
  return new Option(
    '--input <dir>',
    'directory of rows instead of a database: meta.json and tasks, steps, edges, step_transitions, task_transitions as .ndjson',
  ).conflicts('database');
}

/** `--rules` and `--now`. */
export function ruleOptions(rules: 'rails' | 'engine'): Option[] {
  return [
    new Option(
      '--rules <set>',
      'rails: as the SQL functions of a Rails engine answer; engine: corrected',
    )
      .choices(['rails', 'engine'])
      .default(rules),
    new Option(
      '--now <timestamp>',
      'the clock, UTC (default: that of the input, else of the database)',
    ).argParser(instantValue('--now')),
  ];
}

/** `--tasks`, `--namespace`, `--name`, `--task-version`, `--unfinished`, `--all`. */
export function selectionOptions(): Option[] {
  return [
    new Option('--tasks <ids>', 'only these tasks, ids parted by commas')
      .argParser(idList('--tasks'))
      .conflicts(['namespace', 'name', 'unfinished', 'all']),
    new Option('--namespace <name>', 'only tasks of this namespace').conflicts([
      'unfinished',
      'all',
    ]),
    new Option('--name <name>', 'only tasks of this name; --namespace narrows it').conflicts([
      'unfinished',
      'all',
    ]),
    new Option('--task-version <version>', 'only tasks of this version; needs --name'),
    new Option(
      '--unfinished',
      'only tasks that are not complete, cancelled or resolved_manually',
    ).conflicts('all'),
    new Option('--all', 'all tasks (default)'),
  ];
}

/** Adds options that several commands share. */
export function addOptions(command: Command, options: readonly Option[]): Command {
  for (const option of options) command.addOption(option);
  return command;
}

/**
 * The database URL of `--database`, else of DATABASE_URL.
 *
 * Errors: TASKER_BAD_ARGUMENT when neither is given.
 */
export function databaseUrl(context: CommandContext, options: InputOptions): string {
  const url = options.database ?? context.env['DATABASE_URL'];
  if (url !== undefined && url !== '') return url;
  throw new TaskerError('TASKER_BAD_ARGUMENT', 'No database is named.', {
    remedy: 'Give --database postgresql://user@host:5432/database or set DATABASE_URL.',
  });
}

/** The source of snapshots that the options name. */
export async function openInput(
  context: CommandContext,
  options: InputOptions & SelectionOptions,
): Promise<SnapshotSource> {
  if (options.taskVersion !== undefined && options.name === undefined) {
    throw new TaskerError('TASKER_BAD_ARGUMENT', '--task-version is given without --name.', {
      remedy: 'Name the task as well.',
    });
  }
  if (options.input !== undefined) {
    for (const option of ['namespace', 'name', 'unfinished'] as const) {
      if (options[option] === undefined) continue;
      throw new TaskerError(
        'TASKER_BAD_ARGUMENT',
        `--${option} cannot be used with --input: the files do not hold what it asks for.`,
        { remedy: 'Use --tasks.', data: { option: `--${option}` } },
      );
    }
    const { directorySource } = await import('../resolver/sources/ndjson-source.ts');
    return directorySource(options.input, options.tasks);
  }
  const url = databaseUrl(context, options);
  const { databaseSource } = await import('../database/snapshot/snapshot-loader.ts');
  return databaseSource({ url }, selectionOf(options));
}

function selectionOf(options: SelectionOptions): TaskSelection {
  const { tasks, name, namespace, taskVersion: version } = options;
  if (tasks !== undefined) return { kind: 'ids', ids: tasks };
  if (name !== undefined) {
    return {
      kind: 'named',
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(version === undefined ? {} : { version }),
    };
  }
  if (namespace !== undefined) return { kind: 'namespace', name: namespace };
  return { kind: options.unfinished === true ? 'unfinished' : 'all' };
}
