import { type Command, Option } from 'commander';

import type { Rules, SnapshotSource } from '../../resolver/index.ts';
import type { StepExplanation } from '../../resolver/explain/explanation.ts';
import { TaskerError } from '../../errors.ts';
import type { CommandContext, RunAction } from '../command-context.ts';
import { EXIT_CODE_HELP, EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import {
  addOptions,
  databaseOption,
  databaseUrl,
  inputOption,
  ruleOptions,
  type InputOptions,
} from '../input-options.ts';
import { jsonText } from '../json-text.ts';
import { idValue } from '../option-values.ts';
import { startProgress, type Progress } from '../progress.ts';

interface ExplainCommandOptions extends InputOptions {
  readonly rules: Rules;
  readonly now?: number;
  readonly json?: true;
}

/** Adds `tasker explain`. */
export function addExplainCommand(program: Command, run: RunAction): void {
  const command = program
    .command('explain')
    .summary('tell why a step is not running')
    .description(
      'Names everything that keeps a step from running: parents and their states, waits and their ends, attempts, flags, circles, and the ancestor that can never finish.',
    )
    .argument('<step-id>', 'id of the workflow step', (text: string) => idValue('step-id', text));
  addOptions(command, [
    databaseOption(),
    inputOption(),
    ...ruleOptions('engine'),
    new Option('--json', 'print the explanation as JSON'),
  ])
    .addHelpText(
      'after',
      `${EXIT_CODE_HELP}

Examples:
  $ tasker explain 4711 --database postgresql://localhost/shop
  $ tasker explain 4711 --rules rails --json
  $ tasker explain 11000042 --input rows`,
    )
    .action((step: bigint, options: ExplainCommandOptions) =>
      run((context) => explain(context, step, options)),
    );
}

async function explain(
  context: CommandContext,
  stepId: bigint,
  options: ExplainCommandOptions,
): Promise<ExitCode> {
  const progress = startProgress(context);
  try {
    progress.phase('reading');
    const found =
      options.input === undefined
        ? await explainStored(context, stepId, options, progress)
        : await explainIn(await directory(options.input), context, stepId, options, progress);
    progress.stop();
    context.print(options.json === true ? jsonText(found) : `${found.sentence}\n`);
    return EXIT_CODES.done;
  } finally {
    progress.stop();
  }
}

async function directory(path: string): Promise<SnapshotSource> {
  const { directorySource } = await import('../../resolver/sources/ndjson-source.ts');
  return directorySource(path);
}

/** Looks the step's task up, then loads that task alone. */
async function explainStored(
  context: CommandContext,
  stepId: bigint,
  options: ExplainCommandOptions,
  progress: Progress,
): Promise<StepExplanation> {
  const url = databaseUrl(context, options);
  const { connect, cutOnAbort, databaseError } = await import('../../database/connection.ts');
  const { databaseSource } = await import('../../database/snapshot/snapshot-loader.ts');
  const { taskOfStep } = await import('../../database/repositories/step-task-query.ts');
  const client = await connect(url, { signal: context.signal });
  const uncut = cutOnAbort(client, context.signal);
  try {
    const taskId = await taskOfStep(client, stepId);
    if (taskId === undefined) throw unknownStep(stepId);
    const source = databaseSource({ clients: [client] }, { kind: 'ids', ids: [taskId] });
    return await explainIn(source, context, stepId, options, progress);
  } catch (error) {
    throw databaseError(error);
  } finally {
    uncut();
    await client.end();
  }
}

/** Resolves the chunk that holds the step and no other. */
async function explainIn(
  source: SnapshotSource,
  context: CommandContext,
  stepId: bigint,
  options: ExplainCommandOptions,
  progress: Progress,
): Promise<StepExplanation> {
  const { createResolver, explainStep } = await import('../../resolver/index.ts');
  const { signal } = context;
  const stream = await source.open({
    chunkSteps: 65_536,
    signal,
    onProgress: ({ done, total, unit }) => progress.update(done, total, unit),
  });
  await using resolver = createResolver({ backend: 'inline', rules: options.rules });
  for await (const snapshot of stream) {
    const { views } = snapshot;
    const step = views.stepId.subarray(0, views.counts.steps).indexOf(stepId);
    if (step === -1) continue;
    const now = options.now ?? stream.now;
    const { nowMicros } = await resolver.resolve(snapshot, {
      signal,
      ...(now === undefined ? {} : { nowMicros: now }),
    });
    let task = 0;
    while ((views.taskSteps[task + 1] as number) <= step) task++;
    return explainStep(snapshot, task, step, options.rules, nowMicros);
  }
  throw unknownStep(stepId);
}

function unknownStep(stepId: bigint): TaskerError {
  return new TaskerError('TASKER_NOT_FOUND', `There is no workflow step ${stepId}.`, {
    remedy: 'Check the id; it is the workflow_step_id of the step, not of its task.',
    data: { workflow_step_id: String(stepId) },
  });
}
