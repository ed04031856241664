import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { connect, redactUrl } from '../../database/connection.ts';
import { runStatistics, type TemplateRun } from '../../database/engine/run-statistics.ts';
import { isTaskerError, type TaskerError } from '../../errors.ts';
import type { TaskExplanation } from '../../orchestration/explain-task.ts';
import type { TaskHandle } from '../../orchestration/task-handle.ts';
import { sampleTemplates } from '../../samples/templates/sample-templates.ts';
import { Tasker } from '../../tasker.ts';
import type { CommandContext } from '../command-context.ts';
import type { Progress } from '../progress.ts';

/** What running the sample workflows came to. */
export interface SampleRun {
  readonly origin: string;
  readonly seconds: number;
  /** Steps that ended within the busiest second. */
  readonly peak: number;
  readonly templates: readonly TemplateRun[];
  /** The task that was made to fail. */
  readonly failed: {
    readonly taskId: bigint;
    readonly error: TaskerError;
    readonly explanation: TaskExplanation;
  };
}

/** Milliseconds between two looks at how far the engine is. */
const LOOK_MS = 100;

/** Tasks that are created by one statement. */
const CHUNK = 500;

/**
 * Runs tasks of every sample workflow to their end, and one whose card is declined.
 *
 * @param url database to run on, migrated first; undefined for an embedded one, gone at the end
 * @param tasks how many tasks in all, spread over the samples
 */
export async function runSamples(
  context: CommandContext,
  progress: Progress,
  url: string | undefined,
  tasks: number,
): Promise<SampleRun> {
  const { signal } = context;
  progress.phase(url === undefined ? 'starting the embedded PostgreSQL' : 'connecting');
  await using tasker = new Tasker({
    ...(url === undefined ? {} : { database: url, migrate: true }),
    // whatever else the database holds is left alone
    fleet: `demo-${randomBytes(6).toString('hex')}`,
    drainSeconds: 0,
  });
  signal.addEventListener('abort', () => void tasker.stop(), { once: true });
  const samples = sampleTemplates();
  tasker.register(...samples.map(({ template }) => template));
  await tasker.start();
  signal.throwIfAborted();

  progress.phase('running sample workflows');
  const started = performance.now();
  const declined = await createDeclined(tasker, samples);
  const ids = [declined.taskId];
  const create = async (): Promise<void> => {
    for (const [at, { template, context: given }] of samples.entries()) {
      const count = Math.floor((tasks + at) / samples.length);
      for (let first = 0; first < count; first += CHUNK) {
        signal.throwIfAborted();
        const size = Math.min(CHUNK, count - first);
        const requests = Array.from({ length: size }, () => ({ context: given }));
        for (const { taskId } of await tasker.createTasks(template, requests)) ids.push(taskId);
      }
    }
  };
  const steps = samples.reduce(
    (sum, { template }, at) =>
      sum + template.steps.length * Math.floor((tasks + at) / samples.length),
    0,
  );
  const [, peak] = await Promise.all([
    create(),
    ended(tasker, { tasks: tasks + 1, steps }, progress, signal),
  ]);
  const seconds = (performance.now() - started) / 1000;
  const client = await connect(tasker.databaseUrl);
  try {
    return {
      origin: url === undefined ? 'embedded PostgreSQL, gone at the end' : redactUrl(url),
      seconds,
      peak,
      templates: await runStatistics(client, ids),
      failed: {
        taskId: declined.taskId,
        error: await failureOf(declined, signal),
        explanation: await declined.explain(),
      },
    };
  } finally {
    await client.end();
  }
}

/**
 * Resolves when so many tasks are over, and shows meanwhile how many steps are.
 *
 * @returns how many steps ended within the busiest second
 */
async function ended(
  tasker: Tasker,
  wanted: { readonly tasks: number; readonly steps: number },
  progress: Progress,
  signal: AbortSignal,
): Promise<number> {
  const looks: { readonly at: number; readonly steps: number }[] = [];
  let peak = 0;
  for (;;) {
    const { completedSteps = 0, endedTasks = 0 } = tasker.engine?.coordinator.memory.counts ?? {};
    progress.update(Math.min(completedSteps, wanted.steps), wanted.steps, 'steps');
    const at = performance.now();
    looks.push({ at, steps: completedSteps });
    while ((looks[0]?.at ?? at) < at - 1000) looks.shift();
    peak = Math.max(peak, completedSteps - (looks[0]?.steps ?? 0));
    if (endedTasks >= wanted.tasks) return peak;
    await sleep(LOOK_MS, undefined, { signal });
  }
}

/** An order whose card is declined: its step fails for good, and the rest of it never runs. */
async function createDeclined(
  tasker: Tasker,
  samples: ReturnType<typeof sampleTemplates>,
): Promise<TaskHandle> {
  const order = samples.find(({ template }) => template.name === 'process_order');
  if (order === undefined) throw new Error('the samples have no process_order');
  const { payment_info: payment } = order.context as { payment_info: object };
  const context = { ...order.context, payment_info: { ...payment, token: 'tok_declined' } };
  return tasker.createTask(order.template, { context });
}

async function failureOf(handle: TaskHandle, signal: AbortSignal): Promise<TaskerError> {
  try {
    await handle.result({ signal });
  } catch (error) {
    if (isTaskerError(error, 'TASKER_TASK_FAILED')) return error;
    throw error;
  }
  throw new Error('the order with the declined card went through');
}
