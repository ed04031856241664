import { Socket } from 'node:net';

import pg from 'pg';

import { TaskerError } from '../errors.ts';
import { notTaskerDatabase } from './not-tasker-database.ts';

/** Options of {@link connect}. */
export interface ConnectOptions {
  /** Shown in `pg_stat_activity`; default `tasker-core`. */
  readonly applicationName?: string;
  /** Gives up the attempt; once connected it has no further effect. */
  readonly signal?: AbortSignal;
  /** Milliseconds until an attempt counts as unreachable; default 10,000. */
  readonly timeoutMs?: number;
}

type TypeId = Parameters<typeof pg.types.getTypeParser>[0];
type TypeFormat = Parameters<typeof pg.types.getTypeParser>[1];

const DATE_AND_TIME_OIDS: ReadonlySet<number> = new Set([1082, 1114, 1184]);

/**
 * Type parsers of every client made here: as node-postgres has them, except that dates and timestamps stay
 * text, because a JavaScript `Date` loses the microseconds and reads a naive timestamp in the host's zone.
 */
const CLIENT_TYPES: pg.CustomTypesConfig = {
  getTypeParser(oid: TypeId, format?: TypeFormat): unknown {
    if (DATE_AND_TIME_OIDS.has(oid) && format !== 'binary') return (text: string) => text;
    return pg.types.getTypeParser(oid, format);
  },
};

// Naive timestamps are compared with NOW() in the session's zone, so any other zone moves every wait by its offset.
// Compiling expressions just in time costs more than it saves on every query of this package.
// A step whose parent a policy hides would look as if nothing held it back: with `row_security` off the server refuses.
const SESSION_SETTINGS =
  "SET TIME ZONE 'UTC'; SET DateStyle = 'ISO, MDY'; SET jit = off; SET row_security = off";

/** A PostgreSQL URL, or what gives it when a session is opened. */
export type UrlSource = string | (() => string);

/** The URL of a source, now. */
export const urlOf = (source: UrlSource): string =>
  typeof source === 'string' ? source : source();

/**
 * Opens one session on the database at `url`: time zone UTC, ISO dates, no just-in-time compilation, and a refusal
 * (SQLSTATE 42501) where a row-level security policy would hide rows.
 *
 * The caller ends it with `client.end()`. Dates and timestamps arrive as text (six digits at most, no zone for
 * naive ones), bigint and numeric as decimal text, everything else as node-postgres decodes it.
 *
 * @throws TaskerError `TASKER_BAD_ARGUMENT` when `url` is not a PostgreSQL URL,
 *   `TASKER_DATABASE_UNREACHABLE` when the server does not answer or refuses; the signal's reason when aborted.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<pg.Client> {
  const { signal } = options;
  signal?.throwIfAborted();
  const target = parseDatabaseUrl(url);
  const socket = new Socket();
  const client = new pg.Client({
    connectionString: url,
    application_name: options.applicationName ?? 'tasker-core',
    connectionTimeoutMillis: options.timeoutMs ?? 10_000,
    keepAlive: true,
    types: CLIENT_TYPES,
    stream: () => socket,
  });
  // A connection lost between two queries makes the next query fail; without a listener it would end the process.
  client.on('error', () => undefined);
  // Ending a client that is not connected yet waits for the connection first.
  const abort = (): void => void socket.destroy();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await client.connect();
    await client.query(SESSION_SETTINGS);
  } catch (error) {
    socket.destroy();
    signal?.throwIfAborted();
    throw unreachable(target, error);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  return client;
}

/**
 * Cuts the session when `signal` is aborted: a query under way fails, whatever the server is busy with or waits for,
 * and the server rolls back what was not committed.
 *
 * @returns takes the session out of the signal's reach again; may be called twice
 */
export function cutOnAbort(client: pg.Client, signal: AbortSignal | undefined): () => void {
  const cut = (): void => {
    const { connection } = client as unknown as { connection: { stream: Socket } };
    connection.stream.destroy();
  };
  if (signal?.aborted === true) cut();
  signal?.addEventListener('abort', cut, { once: true });
  return () => signal?.removeEventListener('abort', cut);
}

/** The URL with its password (also one given as a query parameter) replaced by `***`; fit for logs and messages. */
export function redactUrl(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return '(not a URL)';
  if (parsed.password !== '') parsed.password = '***';
  for (const name of ['password', 'sslpassword']) {
    if (parsed.searchParams.has(name)) parsed.searchParams.set(name, '***');
  }
  return parsed.href;
}

/** The same server, user and options with another database name. */
export function withDatabase(url: string, database: string): string {
  const parsed = parseDatabaseUrl(url);
  parsed.pathname = `/${encodeURIComponent(database)}`;
  return parsed.href;
}

/** SQL states with which the server ends a session, and what the socket reports when it breaks. */
const LOST =
  /^(?:08...|57P0[1-5]|25P03|ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETDOWN|ENETUNREACH)$/;
/** Errors of node-postgres itself, which carry no code. */
const LOST_WORDS = /^Connection terminated|not queryable$/;

/**
 * The coded error for a session that ended under its queries (server stopped, connection cut, idle
 * for too long), lacks a right or finds other tables than expected. Any other error comes back as it is.
 */
export function databaseError(error: unknown): unknown {
  if (error instanceof TaskerError || !(error instanceof Error)) return error;
  const code = errorCode(error);
  // insufficient_privilege, read_only_sql_transaction
  if (code === '42501' || code === '25006') {
    return new TaskerError('TASKER_NOT_PERMITTED', `The server refuses: ${error.message}.`, {
      remedy: isRowSecurity(error)
        ? ROW_SECURITY_REMEDY
        : 'Grant the missing right, or use another user or server.',
      cause: error,
      data: { reason: code },
    });
  }
  // undefined_table, undefined_column
  if (code === '42P01' || code === '42703') return notTaskerDatabase(error.message, error);
  if (code === undefined ? !LOST_WORDS.test(error.message) : !LOST.test(code)) return error;
  return new TaskerError(
    'TASKER_DATABASE_UNREACHABLE',
    `The connection to the database was lost: ${error.message}.`,
    {
      remedy: 'Check that the server runs and can be reached from here, then try again.',
      cause: error,
      data: { reason: code ?? error.message },
    },
  );
}

const ROW_SECURITY_REMEDY =
  'Answers need every row: use a role with BYPASSRLS, or take the policy from the tables.';

/** The words come in the server's language, the function that raised them does not. */
const isRowSecurity = (error: Error): boolean =>
  'routine' in error && error.routine === 'check_enable_rls';

/** The error for rows that a policy may hide, found without the server's refusal. */
export function hiddenRows(): TaskerError {
  return new TaskerError(
    'TASKER_NOT_PERMITTED',
    'Row-level security policies may hide rows of the Tasker tables from this user.',
    { remedy: ROW_SECURITY_REMEDY, data: { reason: '42501' } },
  );
}

function parseDatabaseUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw new TaskerError('TASKER_BAD_ARGUMENT', 'The database address is not a PostgreSQL URL.', {
      remedy: 'Write it as postgresql://user@host:5432/database.',
      data: { field: 'url', value: redactUrl(url) },
    });
  }
  return parsed;
}

function unreachable(target: URL, cause: unknown): TaskerError {
  const redacted = redactUrl(target.href);
  const code = errorCode(cause);
  const [reason, remedy] = explain(target, code, cause);
  return new TaskerError(
    'TASKER_DATABASE_UNREACHABLE',
    `Cannot connect to ${redacted}: ${reason}.`,
    {
      remedy,
      cause,
      data: { url: redacted, reason: code ?? reason },
    },
  );
}

function explain(
  target: URL,
  code: string | undefined,
  cause: unknown,
): [reason: string, remedy: string] {
  const database = decodeURIComponent(target.pathname.slice(1)) || target.username;
  switch (code) {
    case 'ECONNREFUSED':
      return ['nothing listens there', 'Start the server or correct host and port.'];
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return [`the host ${target.hostname} has no address`, 'Correct the host name.'];
    case '28P01':
    case '28000':
      return [
        'the server refuses this user or password',
        'Correct the credentials or pg_hba.conf.',
      ];
    case '3D000':
      return [`there is no database "${database}"`, 'Create it, or correct the name.'];
    case '53300':
      return ['the server has no connection left', 'Raise max_connections or close other clients.'];
    case '57P03':
      return ['the server is starting or stopping', 'Try again in a moment.'];
    default:
      return [
        cause instanceof Error ? cause.message : String(cause),
        'Check that the server runs and can be reached from here.',
      ];
  }
}

function errorCode(error: unknown): string | undefined {
  // A host with several addresses fails with one error for each of them.
  if (error instanceof AggregateError) return errorCode(error.errors[0]);
  if (error instanceof Error && 'code' in error && typeof error.code === 'string')
    return error.code;
  return undefined;
}
