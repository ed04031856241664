import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { runCli } from '../../src/cli/run.ts';

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const MAIN = join(ROOT, 'src/cli/main.ts');

/** How a command ended and what it wrote. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Environment variables for a command; DATABASE_URL of the test run is not among them. */
export type Environment = Readonly<Record<string, string>>;

/** Runs the command in this process: the whole of it, except that output is collected. */
export async function tasker(args: readonly string[], env: Environment = {}): Promise<Ended> {
  const unread = new AbortController().signal;
  const output = { stdout: '', stderr: '' };
  const code = await runCli(args, {
    env,
    unread,
    isTerminal: false,
    // what takes long on a slow machine says no more than on a quick one
    progressLineMs: 3_600_000,
    print: (text) => (output.stdout += text),
    note: (text) => (output.stderr += text),
  });
  return { code, ...output };
}

/** Starts the command as a process of its own. */
export function startTasker(args: readonly string[], env: Environment = {}): ChildProcess {
  const { DATABASE_URL: _, TASKER_DEBUG: __, ...inherited } = process.env;
  return spawn(process.execPath, [MAIN, ...args], {
    cwd: ROOT,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs the command as a process of its own to its end. */
export async function taskerProcess(
  args: readonly string[],
  env: Environment = {},
): Promise<Ended> {
  return whenEnded(startTasker(args, env));
}

/** Collects what a process writes until it ends. */
export async function whenEnded(child: ChildProcess): Promise<Ended> {
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? -1, ...output };
}

/** A directory that is gone at the end of the block. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'tasker-cli-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
