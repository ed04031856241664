import type { Logger } from 'pino';

import type { ExitCode } from './exit-codes.ts';

/** What a command gets from the process; it touches nothing else of it. */
export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
  /** Aborted when nobody reads stdout any more; for commands that would write for ever. */
  readonly unread: AbortSignal;
  readonly log: Logger;
  /** Progress is drawn as a bar instead of written as lines. */
  readonly isTerminal: boolean;
  /** Milliseconds between two lines of progress; default 2000. */
  readonly progressLineMs?: number;
  /** Writes to stdout: the result and nothing else. */
  print(text: string): void;
  /** Writes to stderr: progress and notes. */
  note(text: string): void;
}

/** Runs a command; what it throws becomes one line on stderr and an exit code. */
export type CommandAction = (context: CommandContext) => Promise<ExitCode>;

/** Hands a command's action to whoever runs it. */
export type RunAction = (action: CommandAction) => Promise<void>;
