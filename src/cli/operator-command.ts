import { userInfo } from 'node:os';

import { type Command, Option } from 'commander';

import type { Session } from '../database/atomically.ts';
import type { AuditRequest } from '../database/audit-request.ts';
import { TaskerError } from '../errors.ts';
import type { OperatorRequest } from '../orchestration/operator-request.ts';
import type { OperatorChange, OperatorResult } from '../orchestration/operator-transaction.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { addOptions, databaseOption, databaseUrl, type InputOptions } from './input-options.ts';
import { jsonText } from './json-text.ts';
import { startProgress, type Progress } from './progress.ts';
import { countText, textTable } from './text-table.ts';

/** Options of every command that reads or changes a task. */
export interface SessionOptions extends InputOptions {
  readonly json?: true;
}

/** Options of every command that changes a task. */
export interface ActionOptions extends SessionOptions {
  readonly actor?: string;
  readonly reason?: string;
  readonly correlationId?: string;
  readonly dryRun?: true;
}

/** `--actor` and `--reason`. */
export function auditOptions(reason = 'why; stored with what changes'): Option[] {
  return [
    new Option('--actor <name>', "who does it (default: the operating system's user)"),
    new Option('--reason <text>', reason),
  ];
}

/** Adds what every command that changes a task takes. */
export function addActionOptions(command: Command): Command {
  return addOptions(command, [
    databaseOption(),
    ...auditOptions(),
    new Option('--correlation-id <id>', 'ties what is stored to something elsewhere'),
    new Option('--dry-run', 'print what would change, and change nothing'),
    new Option('--json', 'print the result as JSON'),
  ]);
}

/** Runs an action and prints what it changed. */
export async function actionCommand(
  context: CommandContext,
  options: ActionOptions,
  act: (session: Session, request: OperatorRequest) => Promise<OperatorResult>,
): Promise<ExitCode> {
  const { correlationId, dryRun } = options;
  const request = {
    ...auditRequest(options),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(dryRun === undefined ? {} : { dryRun }),
  };
  const result = await withSession(context, options, (session) => act(session, request));
  context.print(options.json === true ? jsonText(resultJson(result)) : resultText(result));
  return EXIT_CODES.done;
}

/** Who acts, and why. */
export function auditRequest(options: Pick<ActionOptions, 'actor' | 'reason'>): AuditRequest {
  const { actor, reason } = options;
  return {
    actor: actor ?? operatingSystemUser(),
    ...(reason === undefined ? {} : { reason }),
  };
}

/**
 * What `work` does with a session on the database of the options, which must be migrated.
 *
 * Errors: TASKER_SCHEMA_VERSION where our own tables are missing or old.
 */
export async function withSession<T>(
  context: CommandContext,
  options: InputOptions,
  work: (session: Session, progress: Progress) => Promise<T>,
): Promise<T> {
  const url = databaseUrl(context, options);
  const { connect, cutOnAbort, databaseError } = await import('../database/connection.ts');
  const { requireTaskerSchema } = await import('../database/schema/schema-state.ts');
  const progress = startProgress(context);
  try {
    progress.phase('connecting');
    const client = await connect(url, { signal: context.signal });
    const uncut = cutOnAbort(client, context.signal);
    try {
      const state = await requireTaskerSchema(client);
      if (state.kind !== 'tasker' || state.pending.length > 0) throw oldSchema();
      // another session may hold the task for a while
      progress.phase('working');
      return await work(client, progress);
    } catch (error) {
      throw databaseError(error);
    } finally {
      uncut();
      await client.end();
    }
  } finally {
    progress.stop();
  }
}

function operatingSystemUser(): string {
  try {
    return userInfo().username;
  } catch (cause) {
    throw new TaskerError('TASKER_BAD_ARGUMENT', 'The operating system names no user.', {
      remedy: 'Give --actor.',
      cause,
      data: { option: '--actor' },
    });
  }
}

function oldSchema(): TaskerError {
  return new TaskerError(
    'TASKER_SCHEMA_VERSION',
    'The database lacks tables that this command needs.',
    { remedy: 'Bring it to this version with: tasker migrate.' },
  );
}

function resultJson(result: OperatorResult): object {
  return {
    action: result.action,
    task_id: result.taskId,
    step_id: result.stepId ?? null,
    at: result.at,
    dry_run: result.dryRun,
    already_done: result.alreadyDone,
    task_state: result.taskState,
    paused: result.paused,
    audit_id: result.auditId ?? null,
    changes: result.changes.map((change) => ({
      task_id: change.taskId,
      step_id: change.stepId ?? null,
      name: change.name,
      from: change.from,
      via: change.via ?? null,
      to: change.to,
      transition_id: change.transitionId ?? null,
      retry_limit: change.retryLimit ?? null,
    })),
  };
}

function resultText(result: OperatorResult): string {
  const { taskId, taskState, paused, changes } = result;
  const task = `task ${taskId} is ${taskState}${paused ? ' and paused' : ''}`;
  if (result.alreadyDone) return `Nothing to do: ${task}.\n`;
  const count = `${countText(changes.length)} change${changes.length === 1 ? '' : 's'}`;
  const head = result.dryRun
    ? `Nothing was changed. Without --dry-run: ${count}, and ${task}.`
    : `Done: ${count}; ${task}.`;
  const table = textTable(
    [
      { title: 'what' },
      { title: 'id', align: 'right' },
      { title: 'name' },
      { title: 'change' },
      { title: 'attempts allowed' },
    ],
    changes.map((change) => [
      change.stepId === undefined ? 'task' : 'step',
      String(change.stepId ?? change.taskId),
      change.name,
      pathText(change),
      change.retryLimit === undefined ? '' : `${change.retryLimit.from} -> ${change.retryLimit.to}`,
    ]),
  );
  return `${head}\n\n${table}`;
}

const pathText = ({ from, via, to }: OperatorChange): string =>
  [from, via, to].filter((state) => state !== undefined).join(' -> ');
