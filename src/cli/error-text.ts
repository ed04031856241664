import { CommanderError } from 'commander';

import { TaskerError } from '../errors.ts';
import { redactPasswords } from '../observability/logger.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';

/** The exit code that an error stands for. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommanderError)
    return error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
  if (error instanceof TaskerError && error.code === 'TASKER_BAD_ARGUMENT') return EXIT_CODES.usage;
  return EXIT_CODES.failed;
}

/**
 * An error as the line that stderr gets: the code, then a sentence with the remedy; passwords
 * removed. The stack follows only where `debug` is set.
 */
export function errorText(error: unknown, debug: boolean): string {
  const lines = [`tasker: ${describe(error)}`];
  if (debug) lines.push(stackOf(error));
  return redactPasswords(`${lines.join('\n')}\n`);
}

function describe(error: unknown): string {
  if (error instanceof CommanderError) {
    const text = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    return `TASKER_BAD_ARGUMENT: ${text}${/[.?)]$/.test(text) ? '' : '.'}`;
  }
  if (error instanceof TaskerError) return `${error.code}: ${error.message}`;
  const text = error instanceof Error ? error.message : String(error);
  return `${text} (TASKER_DEBUG=1 shows where)`;
}

function stackOf(error: unknown): string {
  const stacks: string[] = [];
  for (let at = error; at instanceof Error && stacks.length < 8; at = at.cause) {
    stacks.push(at.stack ?? at.message);
  }
  return stacks.join('\ncaused by: ');
}
