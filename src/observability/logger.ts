import { createRequire } from 'node:module';

import { pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino';

/** Levels that `TASKER_LOG_LEVEL` may name. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Options of {@link createLogger}. */
export interface CreateLoggerOptions {
  /** Lines below this level are dropped; default `TASKER_LOG_LEVEL`, else `silent`. */
  readonly level?: LogLevel;
  /** Stands in every line as `name`; default `tasker`. */
  readonly name?: string;
  /** Takes the finished lines; default stderr. Lines are prettified only for a terminal. */
  readonly destination?: DestinationStream;
}

/**
 * A logger that writes JSON lines to stderr and never a password.
 *
 * Silent unless a level is asked for: a library has no business on its host's stderr. On a terminal
 * lines are prettified, provided that the optional package `pino-pretty` is installed. Passwords
 * inside of URLs are replaced by `***`, wherever in a line they stand. An unknown
 * `TASKER_LOG_LEVEL` counts as `info`, so that a typing error shows more, not less.
 */
export function createLogger(options: CreateLoggerOptions = {}): Logger {
  const settings: LoggerOptions = {
    name: options.name ?? 'tasker',
    level: options.level ?? levelOf(process.env['TASKER_LOG_LEVEL']),
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  const lines = options.destination ?? standardError();
  return pino(settings, { write: (line: string) => lines.write(redactPasswords(line)) });
}

/**
 * The text with the password of every URL in it replaced by `***`, also where it is given as a
 * query parameter; O(length).
 */
export function redactPasswords(text: string): string {
  return text
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/[^\s:@/"'?]*):[^\s/"'?]*@/gi, '$1:***@')
    .replaceAll(/([?&](?:ssl)?password=)[^&\s"']*/gi, '$1***');
}

function levelOf(text: string | undefined): LogLevel {
  if (text === undefined || text === '') return 'silent';
  return LOG_LEVELS.find((level) => level === text.toLowerCase()) ?? 'info';
}

function standardError(): DestinationStream {
  const plain: DestinationStream = { write: (line) => void process.stderr.write(line) };
  if (!process.stderr.isTTY) return plain;
  try {
    const pretty = createRequire(import.meta.url)('pino-pretty') as {
      prettyFactory(options: object): (line: string) => string;
    };
    const format = pretty.prettyFactory({ colorize: true, ignore: 'pid,hostname' });
    return { write: (line) => void process.stderr.write(format(line)) };
  } catch {
    // pino-pretty is optional: without it the terminal gets the JSON lines
    return plain;
  }
}
