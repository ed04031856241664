import { setTimeout as sleep } from 'node:timers/promises';

import { isTemporary } from '../database/engine/engine-session.ts';
import type { Queries } from '../database/id-block.ts';
import { readCompletedSteps, storeAnnotations } from '../database/engine/run-annotations.ts';
import type { ActiveTask } from './active-task.ts';
import type { Clock } from './clock.ts';
import type { StepExecutor } from './step-executor.ts';

/** Wait before a statement is repeated that the server broke off, ms. */
const AGAIN_MS = 50;

/** What {@link annotateRun} works with. */
export interface AnnotateOptions {
  readonly queries: Queries;
  readonly executor: Pick<StepExecutor, 'loadInputs'>;
  readonly clock: Clock;
}

/**
 * Runs the hook at the end of a run and stores what it returns. The hook runs again where the task is
 * read anew or taken over before its end is stored; what it returns again is not stored twice.
 */
export async function annotateRun(
  { queries, executor, clock }: AnnotateOptions,
  task: ActiveTask,
): Promise<void> {
  const { taskId, token } = task;
  if (token === undefined) return;
  const run = { taskId, token };
  await untilDone(() => executor.loadInputs([task]));
  const { inputs } = task;
  if (inputs === undefined) return;
  const { context, task: facts } = inputs;
  const completed = await untilDone(() => readCompletedSteps(queries, run));
  const notes = await task.template.hooks.updateAnnotations?.({ task: facts, context, completed });
  const rows = [...(notes ?? [])].map(
    ({ type, annotation }) => [type, JSON.stringify(annotation ?? null)] as const,
  );
  await untilDone(() => storeAnnotations(queries, run, rows, clock.nowMicros()));
}

/** Repeats what the server or the connection breaks off. */
async function untilDone<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isTemporary(error)) throw error;
      await sleep(AGAIN_MS);
    }
  }
}
