import type { TaskHistoryEntry } from '../database/repositories/task-history.ts';
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

const PAGE = 10_000;

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
  const entries = await withSession(context, options, async (client) => {
    const { taskHistory } = await import('../database/repositories/task-history.ts');
    const found: TaskHistoryEntry[] = [];
    let cursor: string | undefined;
    do {
      const query = cursor === undefined ? { limit: PAGE } : { limit: PAGE, cursor };
      const page = await taskHistory(client, taskId, query);
      for (const entry of page.entries) found.push(entry);
      cursor = page.next;
    } while (cursor !== undefined);
    return found;
  });
  context.print(
    options.json === true
      ? jsonText({ task_id: taskId, entries: entries.map(entryJson) })
      : historyText(entries),
  );
  return EXIT_CODES.done;
}

function entryJson(entry: TaskHistoryEntry): object {
  return {
    at: entry.at,
    step_id: entry.stepId ?? null,
    name: entry.name,
    from: entry.from ?? null,
    to: entry.to,
    transition_id: entry.transitionId ?? null,
    metadata: entry.metadata,
  };
}

function historyText(entries: readonly TaskHistoryEntry[]): string {
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
    entries.map((entry) => [
      entry.at,
      entry.stepId === undefined ? 'task' : 'step',
      String(entry.stepId ?? entry.taskId),
      entry.name,
      entry.from === undefined ? `created ${entry.to}` : `${entry.from} -> ${entry.to}`,
      whoText(entry.metadata),
      whyText(entry.metadata),
    ]),
  );
}

type Metadata = Readonly<Record<string, unknown>>;

const fieldsOf = (metadata: unknown): Metadata =>
  typeof metadata === 'object' && metadata !== null ? (metadata as Metadata) : {};

/** A metadata field as one line; empty where it is none. */
function field(metadata: Metadata, name: string): string {
  const value = metadata[name];
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value.replaceAll(/\s+/g, ' ').slice(0, 200) : '';
}

function whoText(metadata: unknown): string {
  const fields = fieldsOf(metadata);
  const [actor, engine] = [field(fields, 'actor'), field(fields, 'engine')];
  return engine === '' ? actor : `engine ${engine}`;
}

function whyText(metadata: unknown): string {
  const fields = fieldsOf(metadata);
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
