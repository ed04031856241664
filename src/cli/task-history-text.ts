import type { TaskHistoryRow } from '../database/repositories/task-history.ts';
import type { TaskStateAt } from '../database/repositories/state-at.ts';
import { formatInstant } from '../graph/snapshot/instants.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { jsonText } from './json-text.ts';
import { withSession, type SessionOptions } from './operator-command.ts';
import { textTable } from './text-table.ts';

/** Options of `tasker task history`. */
export interface HistoryOptions extends SessionOptions {
  /** µs since the epoch. */
  readonly at?: number;
}

/** `tasker task history`. */
export async function historyCommand(
  context: CommandContext,
  taskId: bigint,
  options: HistoryOptions,
): Promise<ExitCode> {
  const { at } = options;
  if (at !== undefined) {
    const { taskStateAt } = await import('../database/repositories/state-at.ts');
    const states = await withSession(context, options, (client) => taskStateAt(client, taskId, at));
    context.print(
      options.json === true ? jsonText(statesJson(states, at)) : statesText(states, at),
    );
    return EXIT_CODES.done;
  }
  const rows = await withSession(context, options, async (client) => {
    const { wholeTaskHistory } = await import('../database/repositories/task-history.ts');
    return wholeTaskHistory(client, taskId);
  });
  context.print(options.json === true ? jsonText({ task_id: taskId, rows }) : historyText(rows));
  return EXIT_CODES.done;
}

function historyText(rows: readonly TaskHistoryRow[]): string {
  return textTable(
    [
      { title: 'when (UTC)' },
      { title: 'what' },
      { title: 'id', align: 'right' },
      { title: 'name' },
      { title: 'change' },
      { title: 'who' },
      { title: 'why' },
    ],
    rows.map((row) => [
      row.at,
      row.step_id === null ? 'task' : 'step',
      String(row.step_id ?? row.task_id),
      row.step_name ?? row.task_name,
      row.from_state === null ? `created ${row.to_state}` : `${row.from_state} -> ${row.to_state}`,
      whoText(row.metadata),
      whyText(row.metadata),
    ]),
  );
}

type Metadata = Readonly<Record<string, unknown>>;

/** A metadata field as one line; empty where it is none. */
function field(metadata: Metadata, name: string): string {
  const value = metadata[name];
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value.replaceAll(/\s+/g, ' ').slice(0, 200) : '';
}

function whoText(fields: Metadata): string {
  const [actor, engine] = [field(fields, 'actor'), field(fields, 'engine')];
  return engine === '' ? actor : `engine ${engine}`;
}

function whyText(fields: Metadata): string {
  const attempt = field(fields, 'attempt');
  return [
    field(fields, 'action'),
    attempt === '' ? '' : `attempt ${attempt}`,
    field(fields, 'reason'),
    field(fields, 'error'),
  ]
    .filter((part) => part !== '')
    .join(': ');
}

function statesJson(states: TaskStateAt, at: number): object {
  return {
    at: formatInstant(at),
    task_id: states.taskId,
    state: states.state,
    since: formatInstant(states.since),
    steps: states.steps.map(({ stepId, state, since }) => ({
      step_id: stepId,
      state,
      since: formatInstant(since),
    })),
  };
}

function statesText({ taskId, state, since, steps }: TaskStateAt, at: number): string {
  const rows = steps.map((step) => [
    'step',
    String(step.stepId),
    step.state,
    formatInstant(step.since),
  ]);
  const table = textTable(
    [{ title: 'what' }, { title: 'id', align: 'right' }, { title: 'state' }, { title: 'since' }],
    [['task', String(taskId), state, formatInstant(since)], ...rows],
  );
  return `At ${formatInstant(at)}\n\n${table}`;
}
