import { type Command, Option } from 'commander';

import type { AnalysisOptions, RowProblem } from '../../resolver/index.ts';
import { blastReportJson, blastReportText } from '../analyze/blast-report.ts';
import { differenceJson, differenceText } from '../analyze/difference-report.ts';
import { DURATIONS_HELP, readDurations } from '../analyze/durations-file.ts';
import { snapshotOf, storedTasks, tasksOfFiles, withDatabase } from '../analyze/load-tasks.ts';
import { stepLengths, type KnownLengths } from '../analyze/step-lengths.ts';
import { stepNames, taskReportJson, taskReportText } from '../analyze/task-report.ts';
import type { CommandContext, RunAction } from '../command-context.ts';
import { EXIT_CODE_HELP, EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { addOptions, databaseOption, inputOption, type InputOptions } from '../input-options.ts';
import { idList, idValue, secondsValue, wholeNumber } from '../option-values.ts';
import { startProgress, type Progress } from '../progress.ts';

interface AnalyzeCommandOptions extends InputOptions {
  readonly durations?: string;
  readonly assume: number;
  readonly runs: number;
  readonly seed: number;
  readonly blastRadius?: bigint[];
  readonly compare?: bigint;
  readonly backend: NonNullable<AnalysisOptions['backend']>;
  readonly json?: true;
}

/** What a command prints, and whether rows were reported in it. */
interface Answer {
  readonly text: string;
  readonly problems: readonly RowProblem[];
}

/** Latest completed steps of a name that history is taken from. */
const HISTORY_STEPS = 1000;

/** Adds `tasker analyze`. */
export function addAnalyzeCommand(program: Command, run: RunAction): void {
  const command = program
    .command('analyze')
    .summary("tell what decides a task's length, and when it may be done")
    .description(
      "Works out a task's critical path, how much later each step may end, how many steps stand side by side, edges it could do without, and when it may be done, from how long steps took before. Also what a failure takes with it, and how two tasks differ. Nothing is written to the database.",
    )
    .argument('<task-id>', 'id of the task', (text: string) => idValue('task-id', text));
  addOptions(command, [
    databaseOption(),
    inputOption(),
    new Option(
      '--durations <file>',
      'lengths of steps by name, in seconds; comes before what the database knows',
    ),
    new Option('--assume <seconds>', 'length of a step of which nothing is known')
      .argParser(secondsValue('--assume', 1_000_000_000))
      .default(1),
    new Option('--runs <n>', 'runs of the simulation')
      .argParser(wholeNumber('--runs', 1, 10_000_000))
      .default(10_000),
    new Option('--seed <n>', 'what the random numbers follow from')
      .argParser(wholeNumber('--seed', 0, 4_294_967_295))
      .default(1),
    new Option(
      '--blast-radius <steps>',
      'instead: steps of any task that could no longer run if these failed for good, ids parted by commas',
    )
      .argParser(idList('--blast-radius'))
      .conflicts('compare'),
    new Option(
      '--compare <task>',
      'instead: what leads from the task to this one, by names of steps',
    ).argParser((text: string) => idValue('--compare', text)),
    new Option('--backend <name>', 'where to compute; the answers are the same')
      .choices(['auto', 'inline', 'native'])
      .default('auto'),
    new Option('--json', 'print the analysis as JSON'),
  ])
    .addHelpText(
      'after',
      `${DURATIONS_HELP}
${EXIT_CODE_HELP}

Examples:
  $ tasker analyze 17 --database postgresql://localhost/shop
  $ tasker analyze 17 --durations durations.json --runs 100000 --json
  $ tasker analyze 17 --blast-radius 4711
  $ tasker analyze 17 --compare 18
  $ tasker analyze 11000001 --input rows`,
    )
    .action((task: bigint, options: AnalyzeCommandOptions) =>
      run((context) => analyze(context, task, options)),
    );
}

async function analyze(
  context: CommandContext,
  taskId: bigint,
  options: AnalyzeCommandOptions,
): Promise<ExitCode> {
  const progress = startProgress(context);
  try {
    progress.phase('reading');
    const { text, problems } = await answer(context, taskId, options, progress);
    progress.stop();
    context.print(text);
    return problems.length === 0 ? EXIT_CODES.done : EXIT_CODES.rowErrors;
  } finally {
    progress.stop();
  }
}

function answer(
  context: CommandContext,
  taskId: bigint,
  options: AnalyzeCommandOptions,
  progress: Progress,
): Promise<Answer> {
  if (options.blastRadius !== undefined) {
    return blast(context, taskId, options.blastRadius, options, progress);
  }
  if (options.compare !== undefined) {
    return difference(context, taskId, options.compare, options, progress);
  }
  return report(context, taskId, options, progress);
}

async function report(
  context: CommandContext,
  taskId: bigint,
  options: AnalyzeCommandOptions,
  progress: Progress,
): Promise<Answer> {
  const { durations, assume, input, backend, runs, seed } = options;
  const { signal } = context;
  const file = durations === undefined ? new Map<string, never>() : await readDurations(durations);
  const nothing = { seen: new Map<string, number[]>(), running: new Map<bigint, number>() };
  const { loaded, history } =
    input === undefined
      ? await withDatabase(context, options, async (client) => {
          const tasks = await storedTasks(client, [taskId], context, progress);
          const { stepDurations } =
            await import('../../database/repositories/step-durations-query.ts');
          return { loaded: tasks, history: await stepDurations(client, taskId, HISTORY_STEPS) };
        })
      : { loaded: await tasksOfFiles(input, [taskId], context, progress), history: nothing };
  const known: KnownLengths = { file, ...history, assumed: assume };
  const lengths = stepLengths(known);
  progress.phase('analysing');
  const { analyzeTaskAsync, estimateFinishAsync } = await import('../../resolver/index.ts');
  const snapshot = snapshotOf(loaded, taskId);
  const analysis = await analyzeTaskAsync(snapshot, taskId, {
    backend,
    signal,
    secondsOf: ({ name }) => lengths.of(name).median,
  });
  const estimate = await estimateFinishAsync(snapshot, taskId, {
    backend,
    signal,
    runs,
    seed,
    distributionOf: ({ name }) => lengths.of(name).distribution,
    elapsedOf: ({ stepId }) => lengths.elapsed(stepId),
  });
  const names = stepNames(snapshot);
  const own = problemsOf(loaded.problems, [taskId]);
  const facts = { analysis, estimate, lengths, names, runs, seed, problems: own };
  const text = options.json === true ? taskReportJson(facts) : taskReportText(facts);
  return { text, problems: own };
}

async function blast(
  context: CommandContext,
  taskId: bigint,
  starts: readonly bigint[],
  options: AnalyzeCommandOptions,
  progress: Progress,
): Promise<Answer> {
  const { input, backend } = options;
  const loaded =
    input === undefined
      ? await withDatabase(context, options, async (client) => {
          const { dependentTasks } =
            await import('../../database/repositories/dependent-tasks-query.ts');
          const ids = new Set([taskId, ...(await dependentTasks(client, starts))]);
          return storedTasks(client, [...ids], context, progress);
        })
      : await tasksOfFiles(input, undefined, context, progress);
  const snapshot = snapshotOf(loaded, taskId);
  const { blastRadiusOfAsync } = await import('../../resolver/index.ts');
  const { signal } = context;
  const radius = await blastRadiusOfAsync(snapshot, starts, { backend, signal });
  const own = problemsOf(loaded.problems, [taskId, ...radius.tasks]);
  const facts = { starts, radius, names: stepNames(snapshot), problems: own };
  const text = options.json === true ? blastReportJson(facts) : blastReportText(facts);
  return { text, problems: own };
}

/** Problems of some tasks, and those of which nobody knows whose they are. */
function problemsOf(problems: readonly RowProblem[], taskIds: readonly bigint[]): RowProblem[] {
  const concerned = new Set<bigint | undefined>([undefined, ...taskIds]);
  return problems.filter((problem) => concerned.has(problem.taskId));
}

async function difference(
  context: CommandContext,
  before: bigint,
  after: bigint,
  options: AnalyzeCommandOptions,
  progress: Progress,
): Promise<Answer> {
  const ids = [...new Set([before, after])];
  const loaded =
    options.input === undefined
      ? await withDatabase(context, options, (client) =>
          storedTasks(client, ids, context, progress),
        )
      : await tasksOfFiles(options.input, ids, context, progress);
  const { templateDifference, templateOfTask } = await import('../../resolver/index.ts');
  const found = templateDifference(
    templateOfTask(snapshotOf(loaded, before), before),
    templateOfTask(snapshotOf(loaded, after), after),
  );
  const own = problemsOf(loaded.problems, ids);
  const facts = { before, after, difference: found, problems: own };
  return {
    text: options.json === true ? differenceJson(facts) : differenceText(facts),
    problems: own,
  };
}
