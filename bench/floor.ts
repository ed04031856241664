import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { STEP_FLAGS } from '../src/graph/snapshot/layout.ts';
import type { GraphSnapshot } from '../src/graph/snapshot/snapshot.ts';
import { STATE_CODES } from '../src/graph/snapshot/state-codes.ts';
import { snapshotBytes, type SnapshotViews } from '../src/graph/snapshot/layout.ts';
import type { Contestant } from './interleave.ts';
import { BENCH_NOW } from './shapes.ts';

const source = fileURLToPath(new URL('floor/floor.c', import.meta.url));
const folder = fileURLToPath(new URL('../.tasker/', import.meta.url));

/** Sections whose offsets the C program takes, in its order of arguments. */
const SECTIONS_TAKEN = [
  'parentOffsets',
  'parents',
  'state',
  'flags',
  'attempts',
  'retryLimit',
  'timedStep',
  'failedAt',
  'lastAttemptedAt',
  'backoffSeconds',
  'bits',
  'completedParents',
  'level',
  'nextRetryAt',
] as const satisfies readonly (keyof SnapshotViews)[];

/** What readiness reads of a snapshot. */
const READ_BY_READINESS = [
  'parentOffsets',
  'parents',
  'state',
  'flags',
  'attempts',
  'retryLimit',
  'timedStep',
  'failedAt',
] as const satisfies readonly (keyof SnapshotViews)[];

/** The compiled program, or why there is none. */
export type FloorProgram = { readonly path: string } | { readonly reason: string };

/** Compiles the C program where a compiler is there. */
export async function compileFloor(): Promise<FloorProgram> {
  const path = `${folder}bench-floor`;
  const codes = {
    PENDING: STATE_CODES.pending,
    FAILED: STATE_CODES.error,
    PROCESSED: STEP_FLAGS.processed,
    IN_PROCESS: STEP_FLAGS.inProcess,
    NOT_RETRYABLE: STEP_FLAGS.notRetryable,
    ATTEMPTS_NULL: STEP_FLAGS.attemptsNull,
    BACKOFF_NULL: STEP_FLAGS.backoffNull,
  };
  const defines = Object.entries(codes).map(([name, code]) => `-D${name}=${code}`);
  const flags = ['-std=c11', '-D_POSIX_C_SOURCE=199309L', '-O3', '-march=native', ...defines];
  await mkdir(folder, { recursive: true });
  try {
    await promisify(execFile)('cc', [...flags, '-o', path, source, '-lm']);
    return { path };
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return { reason: missing ? 'there is no C compiler (cc)' : `cc failed: ${String(error)}` };
  }
}

/** The C program at work on a copy of one snapshot, in a process of its own. */
export interface Floor extends AsyncDisposable {
  /** The plain loop over the rows: all outputs of readiness under the rules `rails`. */
  readonly readiness: Contestant;
  /** One pass over topologically ordered ids. */
  readonly levels: Contestant;
  /** A linear read of the bytes that readiness reads. */
  readonly read: Contestant;
  /** A linear read of so many bytes, and a copy of others. */
  readonly readAndCopy: (name: string, read: number, copied: number) => Contestant;
  /** Compares what the loops wrote with the outputs of the snapshot. */
  readonly compare: (sections: readonly ('bits' | 'completedParents' | 'level')[]) => Promise<void>;
}

/** Hands a snapshot to the program; it ends when the handle is disposed of, or with this process. */
export async function startFloor(path: string, snapshot: GraphSnapshot): Promise<Floor> {
  const { views } = snapshot;
  const bytes = Math.min(views.buffer.byteLength, snapshotBytes(views.counts));
  const offsets = SECTIONS_TAKEN.map((name) => views[name].byteOffset);
  const numbers = [bytes, views.counts.steps, views.counts.timed, ...offsets];
  const child = spawn(path, numbers.map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const slice = 2 ** 26;
  for (let at = 0; at < bytes; at += slice) {
    const part = new Uint8Array(views.buffer, at, Math.min(slice, bytes - at));
    if (!child.stdin.write(part)) await once(child.stdin, 'drain');
  }
  async function ask(command: string): Promise<number> {
    child.stdin.write(`${command}\n`);
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the C program ended at "${command}"`);
    return Number(value);
  }
  const contestant = (name: string, command: string): Contestant => ({
    name,
    run: async () => (await ask(command)) / 1e6,
    timesItself: true,
  });
  const ranges = READ_BY_READINESS.map((name) => {
    const { byteOffset, byteLength } = views[name];
    return `${byteOffset} ${byteLength}`;
  });
  return {
    readiness: contestant('C loop (floor)', `readiness ${BENCH_NOW}`),
    levels: contestant('C loop (floor)', 'levels'),
    read: contestant('memory: linear read of the same bytes', `read 0 ${ranges.join(' ')}`),
    readAndCopy: (name, read, copied) => contestant(name, `read ${copied} 0 ${read}`),
    async compare(sections) {
      if (sections.includes('level')) await ask('levels');
      else await ask(`readiness ${BENCH_NOW}`);
      for (const name of sections) {
        const { byteOffset, byteLength } = views[name];
        const expected = hash(new Uint8Array(views.buffer, byteOffset, byteLength));
        if ((await ask(`hash ${byteOffset} ${byteLength}`)) !== expected) {
          throw new Error(`the C loop differs from inline in ${name}`);
        }
      }
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}

/** FNV-1a of 32 bits. */
function hash(bytes: Uint8Array): number {
  let value = 2_166_136_261;
  for (const byte of bytes) value = Math.imul(value ^ byte, 16_777_619);
  return value >>> 0;
}
