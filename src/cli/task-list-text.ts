import type { TaskListPage, TaskListQuery } from '../database/engine/task-list.ts';
import type { TaskState } from '../state-machine/states.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { jsonText } from './json-text.ts';
import { withSession, type SessionOptions } from './operator-command.ts';
import { countText, textTable } from './text-table.ts';

/** Options of `tasker task list`. */
export interface ListOptions extends SessionOptions {
  readonly state?: TaskState;
  readonly namespace?: string;
  readonly name?: string;
  readonly limit: number;
  readonly after?: string;
}

/** `tasker task list`. */
export async function listCommand(
  context: CommandContext,
  options: ListOptions,
): Promise<ExitCode> {
  const { state, namespace, name, limit, after } = options;
  const query: TaskListQuery = {
    limit,
    ...(state !== undefined && { state }),
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    ...(after !== undefined && { cursor: after }),
  };
  const page = await withSession(context, options, async (client) => {
    const { listTasks } = await import('../database/engine/task-list.ts');
    return listTasks(client, query);
  });
  context.print(options.json === true ? pageJson(page) : pageText(page));
  return EXIT_CODES.done;
}

function pageJson({ tasks, next }: TaskListPage): string {
  return jsonText({
    tasks: tasks.map((task) => ({
      task_id: task.taskId,
      namespace: task.namespace,
      name: task.name,
      version: task.version,
      state: task.state,
      since: task.since,
      created_at: task.createdAt,
      paused_at: task.pausedAt,
      steps: task.steps,
      done_steps: task.doneSteps,
      failed_steps: task.failedSteps,
    })),
    next: next ?? null,
  });
}

function pageText({ tasks, next }: TaskListPage): string {
  if (tasks.length === 0) return 'No such tasks.\n';
  const table = textTable(
    [
      { title: 'task', align: 'right' },
      { title: 'template' },
      { title: 'state' },
      { title: 'since (UTC)' },
      { title: 'steps', align: 'right' },
      { title: 'failed', align: 'right' },
    ],
    tasks.map((task) => [
      String(task.taskId),
      `${task.namespace}/${task.name} ${task.version}`,
      task.pausedAt === null ? task.state : `${task.state}, paused`,
      task.since,
      `${countText(task.doneSteps)}/${countText(task.steps)}`,
      task.failedSteps === 0 ? '' : countText(task.failedSteps),
    ]),
  );
  return next === undefined ? table : `${table}\nMore: --after ${next}\n`;
}
