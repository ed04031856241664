import { execFile } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { loadNative } from '../src/resolver/native.ts';

const run = promisify(execFile);
const project = fileURLToPath(new URL('..', import.meta.url));

/** First line of what a program says, `none` where there is no such program. */
async function firstLine(program: string, ...args: string[]): Promise<string> {
  try {
    const { stdout } = await run(program, args, { cwd: project });
    return stdout.split('\n')[0]?.trim() ?? '';
  } catch {
    return 'none';
  }
}

/** The commit that is measured, with a plus where files differ from it. */
async function commit(): Promise<string> {
  const [hash, changed] = await Promise.all([
    firstLine('git', 'rev-parse', '--short=12', 'HEAD'),
    firstLine('git', 'status', '--porcelain', '--untracked-files=no'),
  ]);
  return hash === 'none' || changed === '' ? hash : `${hash}+`;
}

function addon(): string {
  const { binary } = loadNative(process.env);
  return binary === undefined ? 'none' : relative(project, binary);
}

/** The machine that a result was taken on, and what ran there. */
export async function describeMachine(): Promise<Record<string, string | number>> {
  const cores = cpus();
  const [rustc, cc, revision] = await Promise.all([
    firstLine('rustc', '--version'),
    firstLine('cc', '--version'),
    commit(),
  ]);
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    v8: process.versions.v8,
    addon: addon(),
    rustc,
    cc,
    commit: revision,
  };
}
