import type { RunAction } from '../command-context.ts';
import { type Command, Option } from 'commander';

import type { Session } from '../../database/atomically.ts';
import type { OperatorRequest } from '../../orchestration/operator-request.ts';
import type { OperatorResult } from '../../orchestration/operator-transaction.ts';
import { EXIT_CODE_HELP } from '../exit-codes.ts';
import { addOptions, databaseOption } from '../input-options.ts';
import {
  actionCommand,
  addActionOptions,
  type ActionOptions,
  type SessionOptions,
} from '../operator-command.ts';
import { WORKFLOW_STATES } from '../../state-machine/states.ts';
import { idValue, instantValue, wholeNumber } from '../option-values.ts';
import { listCommand, type ListOptions } from '../task-list-text.ts';
import { historyCommand, type HistoryOptions } from '../task-history-text.ts';
import { showCommand } from '../task-facts-text.ts';

interface TaskAction {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly example: string;
  act(session: Session, taskId: bigint, request: OperatorRequest): Promise<OperatorResult>;
}

const actions = () => import('../../orchestration/operator-actions.ts');

const TASK_ACTIONS: readonly TaskAction[] = [
  {
    name: 'cancel',
    summary: 'cancel a task and all its unfinished steps',
    description:
      'Cancels every unfinished step, then the task; handlers that run are told to stop.',
    example: 'cancel 17 --reason "ordered twice"',
    act: async (...parameters) => (await actions()).cancelTask(...parameters),
  },
  {
    name: 'pause',
    summary: 'start no more steps of a task',
    description: 'Holds a task back: engines claim no step of it any more; running steps finish.',
    example: 'pause 17 --reason "stock is counted"',
    act: async (...parameters) => (await actions()).pauseTask(...parameters),
  },
  {
    name: 'resume',
    summary: 'let a paused task go on',
    description: 'Lets a task go on that was paused, or handed back to a Rails engine.',
    example: 'resume 17',
    act: async (...parameters) => (await actions()).resumeTask(...parameters),
  },
  {
    name: 'redrive',
    summary: 'try all failed steps of a task again',
    description:
      'Gives every failed step as many attempts again as its template says and clears the waits; a failed task goes on.',
    example: 'redrive 17 --reason "the gateway is back"',
    act: async (...parameters) => (await actions()).redriveTask(...parameters),
  },
  {
    name: 'resolve',
    summary: 'declare a failed task resolved by hand',
    description: 'Declares a failed task resolved; its steps stay as they are.',
    example: 'resolve 17 --reason "settled by mail"',
    act: async (...parameters) => (await actions()).resolveTaskByHand(...parameters),
  },
  {
    name: 'hand-back',
    summary: 'hand a task to a Rails engine',
    description:
      'Sets a task to pending for a Rails engine, and pauses it, so that no engine of this package takes it up again before: tasker task resume. Enqueue it in Rails afterwards.',
    example: 'hand-back 17 --reason "needs the old handler"',
    act: async (...parameters) => (await actions()).handBackTask(...parameters),
  },
];

const EXAMPLES = [
  'list --state error',
  'show 17',
  'history 17 --at 2026-11-23T12:00:00Z',
  ...TASK_ACTIONS.map(({ example }) => example),
];

/** Adds `tasker task` and its commands. */
export function addTaskCommand(program: Command, run: RunAction): void {
  const group = program
    .command('task')
    .summary('list or show tasks, or cancel, pause, redrive or resolve one')
    .description(
      'Lists tasks, shows one, or changes it, with actor and reason in its transitions and in the journal.',
    )
    .addHelpText(
      'after',
      `${EXIT_CODE_HELP}

Examples:${EXAMPLES.map((example) => `\n  $ tasker task ${example}`).join('')}`,
    );
  addReaders(group, run);
  for (const action of TASK_ACTIONS) {
    const command = withTaskId(group.command(action.name))
      .summary(action.summary)
      .description(action.description);
    addActionOptions(command)
      .addHelpText('after', `\nExample:\n  $ tasker task ${action.example}`)
      .action((id: bigint, options: ActionOptions) =>
        run((context) =>
          actionCommand(context, options, (session, request) => action.act(session, id, request)),
        ),
      );
  }
}

function addReaders(group: Command, run: RunAction): void {
  const json = (): Option => new Option('--json', 'print it as JSON');
  const show = withTaskId(group.command('show'))
    .summary('show a task, its steps and what operators did')
    .description(
      'Shows state, steps, waits and errors of a task, the actions that its state allows, and the journal.',
    );
  addOptions(show, [databaseOption(), json()])
    .addHelpText('after', '\nExample:\n  $ tasker task show 17')
    .action((id: bigint, options: SessionOptions) =>
      run((context) => showCommand(context, id, options)),
    );
  const list = group
    .command('list')
    .summary('list tasks, the newest first')
    .description('Lists tasks with their state and how many of their steps are done and failed.');
  addOptions(list, [
    databaseOption(),
    new Option('--state <state>', 'only tasks in this state').choices(WORKFLOW_STATES),
    new Option('--namespace <name>', 'only tasks of this namespace'),
    new Option('--name <name>', 'only tasks of this name'),
    new Option('--limit <n>', 'how many at most')
      .argParser(wholeNumber('--limit', 1, 10_000))
      .default(50),
    new Option('--after <cursor>', 'go on where the page before ended'),
    json(),
  ])
    .addHelpText(
      'after',
      `
Examples:
  $ tasker task list --state error
  $ tasker task list --namespace shop --name order --limit 10 --json`,
    )
    .action((options: ListOptions) => run((context) => listCommand(context, options)));
  addHistory(group, run);
}

/** Adds `history`, to `tasker task` and to `tasker` itself. */
export function addHistory(parent: Command, run: RunAction): void {
  const path = parent.name() === 'task' ? 'task history' : 'history';
  const history = withTaskId(parent.command('history'))
    .summary('show all that a task went through')
    .description(
      'Lists every transition of a task and its steps in the order of time: who made it, and why.',
    );
  addOptions(history, [
    databaseOption(),
    new Option('--at <timestamp>', 'only the states at this instant, UTC').argParser(
      instantValue('--at'),
    ),
    new Option('--json', 'print it as JSON'),
  ])
    .addHelpText(
      'after',
      `
Examples:
  $ tasker ${path} 17
  $ tasker ${path} 17 --at 2026-11-23T12:00:00Z`,
    )
    .action((id: bigint, options: HistoryOptions) =>
      run((context) => historyCommand(context, id, options)),
    );
}

function withTaskId(command: Command): Command {
  return command.argument('<task-id>', 'id of the task', (text: string) =>
    idValue('task-id', text),
  );
}
