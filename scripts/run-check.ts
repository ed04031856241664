import { spawn } from 'node:child_process';
import type { Check, Counts } from './check.ts';
import { startProgress } from './progress.mjs';

/** What became of one check. */
export interface Outcome {
  readonly counts: Counts;
  readonly seconds: number;
  /** What failed, by the check's own report, else the end of all it printed, both streams in their order. */
  readonly output: string;
  /** Why the check did not run. */
  readonly reason?: string;
}

/** Runs one check to its end, with a progress line on stderr once it takes more than two seconds. */
export async function runCheck(check: Check): Promise<Outcome> {
  const reason = check.unavailable?.();
  if (reason !== undefined) {
    return { counts: { passed: 0, failed: 0, skipped: 1 }, seconds: 0, output: '', reason };
  }
  const progress = startProgress(check.name);
  const { code, output } = await run(check);
  const seconds = progress.stop();
  const counts = countsOf(check, code, output);
  return { counts, seconds, output: counts.failed > 0 ? whatFailed(check, output) : output };
}

/** Lines of a failed check's output that are kept when nothing names what failed. */
const OUTPUT_LINES = 300;

function whatFailed(check: Check, output: string): string {
  let failures = '';
  try {
    failures = check.failures?.() ?? '';
  } catch {
    // without a report the output is all there is
  }
  return failures === '' ? output.split('\n').slice(-OUTPUT_LINES).join('\n') : failures;
}

/**
 * Counts of a finished check. A check that ends badly without a failure to its name (coverage under
 * its floor, an unhandled rejection, no report, not a single test) still fails, once.
 */
export function countsOf(check: Check, code: number, output = ''): Counts {
  if (check.count === undefined)
    return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  let counts: Counts;
  try {
    counts = check.count(output);
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const nothingRan = counts.passed + counts.failed === 0;
  if (counts.failed === 0 && (code !== 0 || nothingRan)) counts.failed = 1;
  return counts;
}

function run({
  command: [program, ...args],
  environment,
}: Check): Promise<{ code: number; output: string }> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
    env: {
      ...process.env,
      ...environment,
      ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}),
    },
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => {
    const finish = (code: number, last: string): void => {
      resolve({ code, output: Buffer.concat(chunks).toString() + last });
    };
    child.on('error', (error) => finish(1, `${error.message}\n`));
    child.on('close', (code, signal) => {
      finish(code ?? 1, signal === null ? '' : `\nThe check was ended by ${signal}.\n`);
    });
  });
}
