import { createLogger } from '../observability/logger.ts';
import type { CommandContext } from './command-context.ts';
import { errorText, exitCodeOf } from './error-text.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { createProgram } from './program.ts';

const SIGNALS = { SIGINT: EXIT_CODES.interrupted, SIGTERM: EXIT_CODES.terminated } as const;

/**
 * Runs the `tasker` command in this process and returns its exit code.
 *
 * The first Ctrl-C or SIGTERM aborts the command, which then cleans up; a second one ends the
 * process at once. A reader of stdout that goes away is no error.
 */
export async function runCli(argv: readonly string[]): Promise<ExitCode> {
  const abort = new AbortController();
  let stoppedBy: keyof typeof SIGNALS | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    for (const name of Object.keys(SIGNALS)) process.off(name, onSignal);
    stoppedBy = signal as keyof typeof SIGNALS;
    abort.abort(new Error(`stopped by ${signal}`));
  };
  for (const name of Object.keys(SIGNALS)) process.on(name, onSignal);
  process.stdout.on('error', ignoreClosedPipe);
  process.stderr.on('error', ignoreClosedPipe);

  const context: CommandContext = {
    env: process.env,
    signal: abort.signal,
    log: createLogger(),
    isTerminal: process.stderr.isTTY,
    print: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(text),
  };
  let exitCode: ExitCode = EXIT_CODES.done;
  try {
    const program = createProgram({
      run: async (action) => {
        exitCode = await action(context);
      },
      print: context.print,
    });
    await program.parseAsync([...argv], { from: 'user' });
    abort.signal.throwIfAborted();
  } catch (error) {
    exitCode = stoppedBy === undefined ? exitCodeOf(error) : SIGNALS[stoppedBy];
    if (stoppedBy !== undefined) context.note(`tasker: stopped by ${stoppedBy}.\n`);
    else if (exitCode !== EXIT_CODES.done) {
      context.note(errorText(error, (context.env['TASKER_DEBUG'] ?? '') !== ''));
    }
  } finally {
    for (const name of Object.keys(SIGNALS)) process.off(name, onSignal);
  }
  return exitCode;
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
