import { setTimeout as sleep } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';

import { RetryableError } from '../../../src/policies/step-errors.ts';
import type { StepInvocation } from '../../../src/templates/step-handler.ts';

/** Handlers that tests run in worker threads. */
type Invocation = StepInvocation<Readonly<Record<string, unknown>>>;

/** Everything that it was given, and where it ran. */
export function echo({ context, results, config, step, task }: Invocation): object {
  (context as { changed?: boolean }).changed = true;
  return { context, results, config, name: step.name, task: String(task.taskId), threadId };
}

export const shaped = {
  process: ({ step }: Invocation): number => step.attempt,
  processResults: (_: Invocation, output: number): object => ({ shaped: output }),
};

/** Computes for so long without a pause. */
export function compute({ config }: StepInvocation): string {
  const until = performance.now() + (config as { milliseconds: number }).milliseconds;
  while (performance.now() < until);
  return 'computed';
}

/** Dies in its first attempt as it is told. */
export function die({ config, step }: StepInvocation): unknown {
  if (step.attempt > 1) return `alive in attempt ${step.attempt}`;
  if (config === 'exit') process.exit(0);
  const hoard: unknown[] = [];
  for (;;) hoard.push(Array.from({ length: 100_000 }, (_, at) => ({ at })));
}

/** Ends when its signal aborts. */
export async function obedient({ signal }: StepInvocation): Promise<string> {
  await sleep(60_000, undefined, { signal });
  return 'slept';
}

export function refuse(): never {
  throw new RetryableError('not now', { retryAfter: 0, errorCode: 'BUSY', context: { n: 1n } });
}

export const notAHandler = 42;
