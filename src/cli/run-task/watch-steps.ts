import type { Tasker } from '../../tasker.ts';
import { oneLine } from '../text-table.ts';

/**
 * Writes a line for each thing that happens to the task or a step of it.
 *
 * @returns resolves when the line of the task's end is written
 */
export async function watchSteps(tasker: Tasker, note: (text: string) => void): Promise<void> {
  const ended = Promise.withResolvers<void>();
  const say = (at: string, text: string): void => note(`${at.slice(11, 23)}  ${oneLine(text)}\n`);
  const nth = (attempt: unknown): string => (attempt === 1 ? '' : ` (attempt ${String(attempt)})`);
  tasker.on('step.execution_requested', (event) =>
    say(event.occurred_at, `${event.step_name} runs${nth(event.attempt_number)}`),
  );
  tasker.on('step.completed', (event) =>
    say(
      event.occurred_at,
      `${event.step_name} is complete after ${event.execution_duration.toFixed(3)} s`,
    ),
  );
  tasker.on('step.failed', (event) =>
    say(
      event.occurred_at,
      `${event.step_name} failed${event.final !== undefined ? ' for good' : ''}${nth(event.attempt_number)}: ${event.error_message}`,
    ),
  );
  tasker.on('task.completed', (event) => {
    say(event.occurred_at, `${event.task_name} is complete`);
    ended.resolve();
  });
  tasker.on('task.failed', (event) => {
    say(event.occurred_at, `${event.task_name} is in error`);
    ended.resolve();
  });
  await ended.promise;
}
