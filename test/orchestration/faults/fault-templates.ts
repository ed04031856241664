import { appendFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { PermanentError } from '../../../src/policies/step-errors.ts';
import { createTemplate } from '../../../src/templates/create-template.ts';
import type { StepHandler } from '../../../src/templates/step-handler.ts';
import type { TaskTemplate } from '../../../src/templates/task-template.ts';

const retry = { backoff: { strategy: 'constant', seconds: 0.01, jitter: 0 } } as const;
const common = { retry: { ...retry, limit: 20 } };
const middle = Array.from({ length: 6 }, (_, at) => `m${at}`);

/**
 * Templates whose handlers append a line to a file for each run.
 *
 * @param waiting what lets the handlers of `gate` go on
 */
export function templatesOf(
  runs: string,
  waiting: Set<() => void> = new Set(),
  say: (event: string, facts: object) => void = () => undefined,
): TaskTemplate[] {
  const quick: StepHandler = async ({ step }) => {
    appendFileSync(runs, `${step.stepId} ${step.attempt} ${process.pid}\n`);
    await nextTurn();
    return { attempt: step.attempt };
  };

  const gate: StepHandler = async ({ step, signal }) => {
    appendFileSync(runs, `${step.stepId} ${step.attempt} ${process.pid}\n`);
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.add(resolve);
    signal.addEventListener('abort', () => {
      say('aborted', { stepId: step.stepId });
      resolve();
    });
    say('started', { stepId: step.stepId, attempt: step.attempt });
    await promise;
    return { attempt: step.attempt };
  };

  const flaky: StepHandler = async (invocation) => {
    await quick(invocation);
    if (invocation.step.attempt < 3) throw new Error('not yet');
    return null;
  };

  const doomed: StepHandler = async (invocation) => {
    await quick(invocation);
    if (invocation.step.attempt === 1) throw new PermanentError('not the first time');
    return null;
  };
  const twice: StepHandler = async (invocation) => {
    await quick(invocation);
    if (invocation.step.attempt === 1) throw new Error('once more');
    return null;
  };

  return [
    createTemplate({
      name: 'doomed',
      steps: [
        { name: 's0', handler: doomed, ...common },
        { name: 's1', after: ['s0'], handler: twice, ...common },
      ],
    }),
    createTemplate({
      name: 'fan',
      steps: [
        { name: 'first', handler: quick, ...common },
        ...middle.map((name) => ({ name, after: ['first'], handler: quick, ...common })),
        { name: 'last', after: middle, handler: quick, ...common },
      ],
    }),
    createTemplate({
      name: 'gate',
      steps: [
        { name: 's0', handler: gate, ...common },
        { name: 's1', after: ['s0'], handler: quick, ...common },
      ],
    }),
    createTemplate({
      name: 'flaky',
      steps: [
        { name: 's0', handler: flaky, ...common },
        { name: 's1', after: ['s0'], handler: flaky, ...common },
      ],
    }),
  ];
}
