import { type Command, Option } from 'commander';

import type {
  StateCounts,
  SystemHealthCounts,
} from '../../database/repositories/analytics-health.ts';
import type {
  SlowestQuery,
  SlowStep,
  SlowTask,
} from '../../database/repositories/analytics-slowest.ts';
import type { Session } from '../../database/atomically.ts';
import type { CommandContext, RunAction } from '../command-context.ts';
import { EXIT_CODE_HELP, EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { addOptions, databaseOption } from '../input-options.ts';
import { jsonText } from '../json-text.ts';
import { withSession, type SessionOptions } from '../operator-command.ts';
import { ageOrInstant, wholeNumber, type Age } from '../option-values.ts';
import { countText, factLines, oneLine, textTable } from '../text-table.ts';

interface SlowestOptions extends SessionOptions {
  readonly since: Age;
  readonly namespace?: string;
  readonly name?: string;
  readonly taskVersion?: string;
  readonly limit: number;
}

const EXAMPLES = [
  'health',
  'slowest-steps --since 7d --namespace payments',
  'slowest-tasks --name order --limit 20 --json',
];

/** Adds `tasker analytics` and its commands. */
export function addAnalyticsCommand(program: Command, run: RunAction): void {
  const group = program
    .command('analytics')
    .summary('count tasks and steps by state, find the slowest')
    .description('Reads how the tasks of a database are and were; changes nothing.')
    .addHelpText(
      'after',
      `${EXIT_CODE_HELP}

Examples:${EXAMPLES.map((example) => `\n  $ tasker analytics ${example}`).join('')}`,
    );
  const health = group
    .command('health')
    .summary('count tasks and steps by state')
    .description(
      'Counts all tasks and steps by state, failed steps by whether they are tried again, and sessions of the database.',
    );
  addOptions(health, [databaseOption(), new Option('--json', 'print the counts as JSON')])
    .addHelpText('after', `\nExample:\n  $ tasker analytics ${EXAMPLES[0]}`)
    .action((options: SessionOptions) => run((context) => healthCommand(context, options)));
  const steps = group
    .command('slowest-steps')
    .summary('list the steps that took longest to complete')
    .description(
      'Lists complete steps by the time from their creation to their completion, waiting included, and how much of it the last attempt was.',
    );
  addOptions(steps, slowestOptions())
    .addHelpText('after', `\nExample:\n  $ tasker analytics ${EXAMPLES[1]}`)
    .action((options: SlowestOptions) => run((context) => stepsCommand(context, options)));
  const tasks = group
    .command('slowest-tasks')
    .summary('list the tasks that took longest')
    .description(
      'Lists tasks by the time from their creation to the latest completion or failure of a step.',
    );
  addOptions(tasks, slowestOptions())
    .addHelpText('after', `\nExample:\n  $ tasker analytics ${EXAMPLES[2]}`)
    .action((options: SlowestOptions) => run((context) => tasksCommand(context, options)));
}

function slowestOptions(): Option[] {
  return [
    databaseOption(),
    new Option(
      '--since <age>',
      'only what was created since: an age such as 30d, 12h, 90m or 45s, or a UTC timestamp',
    )
      .argParser(ageOrInstant('--since'))
      .default({ ago: 86_400e6 }, '24h'),
    new Option('--namespace <name>', 'only tasks of this namespace'),
    new Option('--name <name>', 'only tasks of this name'),
    new Option('--task-version <version>', 'only tasks of this version'),
    new Option('--limit <count>', 'rows').argParser(wholeNumber('--limit', 1, 10_000)).default(10),
    new Option('--json', 'print the rows as JSON'),
  ];
}

async function healthCommand(context: CommandContext, options: SessionOptions): Promise<ExitCode> {
  const { systemHealthCounts } = await import('../../database/repositories/analytics-health.ts');
  const counts = await withSession(context, options, systemHealthCounts);
  context.print(options.json === true ? jsonText(healthJson(counts)) : healthText(counts));
  return EXIT_CODES.done;
}

async function stepsCommand(context: CommandContext, options: SlowestOptions): Promise<ExitCode> {
  const { slowestSteps } = await import('../../database/repositories/analytics-slowest.ts');
  const steps = await withSession(context, options, async (client) =>
    slowestSteps(client, await queryOf(client, options)),
  );
  context.print(
    options.json === true ? jsonText({ steps: steps.map(stepJson) }) : stepsText(steps),
  );
  return EXIT_CODES.done;
}

async function tasksCommand(context: CommandContext, options: SlowestOptions): Promise<ExitCode> {
  const { slowestTasks } = await import('../../database/repositories/analytics-slowest.ts');
  const tasks = await withSession(context, options, async (client) =>
    slowestTasks(client, await queryOf(client, options)),
  );
  context.print(
    options.json === true ? jsonText({ tasks: tasks.map(taskJson) }) : tasksText(tasks),
  );
  return EXIT_CODES.done;
}

async function queryOf(
  client: Session,
  { since: age, namespace, name, taskVersion: version, limit }: SlowestOptions,
): Promise<SlowestQuery> {
  const { databaseMicros } = await import('../../database/engine/engine-registry.ts');
  const since = 'at' in age ? age.at : (await databaseMicros(client)) - age.ago;
  return { since, namespace, name, version, limit };
}

const statesJson = (counts: StateCounts): object => ({
  total: counts.total,
  pending: counts.pending,
  in_progress: counts.inProgress,
  complete: counts.complete,
  error: counts.error,
  cancelled: counts.cancelled,
  resolved_manually: counts.resolvedManually,
});

const healthJson = (counts: SystemHealthCounts): object => ({
  tasks: statesJson(counts.tasks),
  steps: statesJson(counts.steps),
  retryable_error_steps: counts.retryableErrorSteps,
  exhausted_retry_steps: counts.exhaustedRetrySteps,
  in_backoff_steps: counts.inBackoffSteps,
  active_connections: counts.activeConnections,
  max_connections: counts.maxConnections,
});

function healthText(counts: SystemHealthCounts): string {
  const of = Object.entries(statesJson(counts.steps)) as [string, number][];
  const tasks = statesJson(counts.tasks) as Record<string, number>;
  const table = textTable(
    [{ title: 'state' }, { title: 'tasks', align: 'right' }, { title: 'steps', align: 'right' }],
    of.map(([state, steps]) => [state, countText(tasks[state]!), countText(steps)]),
  );
  const facts = factLines([
    ['failed steps with attempts left', countText(counts.retryableErrorSteps)],
    ['of them waiting', countText(counts.inBackoffSteps)],
    ['failed steps without', countText(counts.exhaustedRetrySteps)],
    ['active connections', `${counts.activeConnections} of at most ${counts.maxConnections}`],
  ]);
  return `${table}\n${facts}`;
}

const stepJson = (step: SlowStep): object => ({
  workflow_step_id: step.stepId,
  task_id: step.taskId,
  step_name: step.stepName,
  task_name: step.taskName,
  namespace_name: step.namespace,
  version: step.version,
  duration_seconds: step.durationSeconds,
  attempt_seconds: step.attemptSeconds ?? null,
  attempts: step.attempts,
  created_at: step.createdAt,
  completed_at: step.completedAt,
});

const taskJson = (task: SlowTask): object => ({
  task_id: task.taskId,
  task_name: task.taskName,
  namespace_name: task.namespace,
  version: task.version,
  duration_seconds: task.durationSeconds,
  step_count: task.stepCount,
  completed_steps: task.completedSteps,
  error_steps: task.errorSteps,
  created_at: task.createdAt,
  completed_at: task.completedAt,
  initiator: task.initiator,
  source_system: task.sourceSystem,
});

const kindText = ({ namespace, taskName, version }: SlowTask | SlowStep): string =>
  oneLine(`${namespace}.${taskName}@${version}`, 80);

function stepsText(steps: readonly SlowStep[]): string {
  return textTable(
    [
      { title: 'step', align: 'right' },
      { title: 'name' },
      { title: 'task', align: 'right' },
      { title: 'kind' },
      { title: 'seconds', align: 'right' },
      { title: 'last attempt', align: 'right' },
      { title: 'attempts', align: 'right' },
      { title: 'completed' },
    ],
    steps.map((step) => [
      String(step.stepId),
      oneLine(step.stepName, 60),
      String(step.taskId),
      kindText(step),
      step.durationSeconds.toFixed(3),
      step.attemptSeconds?.toFixed(3) ?? '',
      String(step.attempts),
      step.completedAt,
    ]),
  );
}

function tasksText(tasks: readonly SlowTask[]): string {
  return textTable(
    [
      { title: 'task', align: 'right' },
      { title: 'kind' },
      { title: 'seconds', align: 'right' },
      { title: 'steps', align: 'right' },
      { title: 'complete', align: 'right' },
      { title: 'failed', align: 'right' },
      { title: 'latest end' },
    ],
    tasks.map((task) => [
      String(task.taskId),
      kindText(task),
      task.durationSeconds.toFixed(3),
      countText(task.stepCount),
      countText(task.completedSteps),
      countText(task.errorSteps),
      task.completedAt,
    ]),
  );
}
