import { type Command, CommanderError } from 'commander';

import { createLogger } from '../observability/logger.ts';
import type { CommandContext } from './command-context.ts';
import { errorText, exitCodeOf } from './error-text.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { createProgram } from './program.ts';

const SIGNALS = {
  SIGINT: EXIT_CODES.interrupted,
  SIGTERM: EXIT_CODES.terminated,
  SIGHUP: EXIT_CODES.hungUp,
} as const;

/** What the command sees of the process; the rest of a {@link CommandContext} is made here. */
export type Surroundings = Omit<CommandContext, 'signal' | 'log'>;

/**
 * Runs the `tasker` command in this process and returns its exit code.
 *
 * The first Ctrl-C, SIGTERM or SIGHUP aborts the command, which then cleans up; a second one ends the
 * process at once. A reader of stdout that goes away is no error.
 */
export async function runCli(
  argv: readonly string[],
  surroundings: Surroundings = processSurroundings(),
): Promise<ExitCode> {
  const abort = new AbortController();
  let stoppedBy: keyof typeof SIGNALS | undefined;
  const names = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
  const unlisten = (): void => {
    for (const name of names) process.off(name, onSignal);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stoppedBy === undefined) {
      // this listener stays: it tells the embedded server that its database is still needed
      stoppedBy = signal as keyof typeof SIGNALS;
      abort.abort(new Error(`stopped by ${signal}`));
      return;
    }
    unlisten();
    process.kill(process.pid, signal);
  };
  for (const name of names) process.on(name, onSignal);

  const context: CommandContext = { ...surroundings, signal: abort.signal, log: createLogger() };
  let exitCode: ExitCode = EXIT_CODES.done;
  const program = createProgram({
    run: async (action) => {
      exitCode = await action(context);
    },
    print: context.print,
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    abort.signal.throwIfAborted();
  } catch (error) {
    if (stoppedBy !== undefined) {
      context.note(`tasker: stopped by ${stoppedBy}.\n`);
      return SIGNALS[stoppedBy];
    }
    exitCode = exitCodeOf(error);
    if (error instanceof CommanderError && error.code === 'commander.help') {
      context.note(named(program, argv).helpInformation());
    } else if (exitCode !== EXIT_CODES.done) {
      context.note(errorText(error, (context.env['TASKER_DEBUG'] ?? '') !== ''));
    }
  } finally {
    unlisten();
  }
  return exitCode;
}

/** The command, or group of commands, that the first words name. */
function named(program: Command, argv: readonly string[]): Command {
  let found = program;
  for (const word of argv) {
    const next = found.commands.find((command) => command.name() === word);
    if (next === undefined) break;
    found = next;
  }
  return found;
}

function processSurroundings(): Surroundings {
  const unread = new AbortController();
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    unread.abort();
    onStdoutError(error);
  });
  process.stderr.on('error', () => undefined); // there is nowhere left to say so
  return {
    env: process.env,
    unread: unread.signal,
    isTerminal: process.stderr.isTTY,
    print: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(text),
  };
}

/** A result that cannot be written, for instance to a full disk, is lost: the command has failed. */
function onStdoutError({ code, message }: NodeJS.ErrnoException): void {
  if (code === 'EPIPE') return;
  process.stderr.write(
    `tasker: TASKER_CANNOT_WRITE: stdout cannot be written (${code ?? message}). Make room, or send it elsewhere.\n`,
  );
  // the command's own exit code is set when it ends, before or after this
  process.once('exit', () => {
    process.exitCode = EXIT_CODES.failed;
  });
}
