import { readFile } from 'node:fs/promises';

import { TaskerError } from '../../errors.ts';
import {
  distributionProblem,
  type DurationDistribution,
} from '../../graph/analysis/duration-distribution.ts';

/** What a file of durations may say of a step. */
export const DURATIONS_HELP = `
The file of --durations is a JSON object: what is known of each step's length in seconds, by its name.
  "fetch": 2                                      always 2
  "check": {"p50": 2, "p95": 9}                   percentiles, straight between and beyond
  "pay": {"least": 1, "likeliest": 2, "most": 5}  between two, likeliest at the third
  "pack": {"least": 1, "most": 5}                 between two, all equally likely
  "ship": [1.5, 2.25, 1.75]                       one of the lengths seen before`;

/**
 * Reads a file of durations by name of step.
 *
 * Errors: TASKER_BAD_INPUT names file, step and what is wrong.
 */
export async function readDurations(path: string): Promise<Map<string, DurationDistribution>> {
  const bad = (what: string, cause?: unknown): TaskerError =>
    new TaskerError('TASKER_BAD_INPUT', `${path} ${what}.`, {
      data: { file: path },
      remedy: 'tasker analyze --help shows the form.',
      ...(cause === undefined ? {} : { cause }),
    });
  let value: unknown;
  try {
    value = JSON.parse((await readFile(path, 'utf8')).replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw bad(cause instanceof SyntaxError ? 'is no JSON' : 'cannot be read', cause);
  }
  if (!isObject(value)) throw bad('is no JSON object');
  const durations = new Map<string, DurationDistribution>();
  for (const [name, said] of Object.entries(value)) {
    const distribution = distributionFrom(said);
    if (distribution === undefined) throw bad(`says nothing of "${name}" that can be understood`);
    const problem = distributionProblem(distribution);
    if (problem !== undefined) throw bad(`is wrong about "${name}": it ${problem}`);
    durations.set(name, distribution);
  }
  return durations;
}

function distributionFrom(said: unknown): DurationDistribution | undefined {
  if (typeof said === 'number') return { kind: 'fixed', seconds: said };
  if (Array.isArray(said)) return areNumbers(said) ? { kind: 'seen', seconds: said } : undefined;
  if (!isObject(said)) return undefined;
  const values = Object.values(said);
  if (!areNumbers(values)) return undefined;
  const { least, likeliest, most } = said as Record<string, number>;
  if (least !== undefined && most !== undefined) {
    if (values.length === 2) return { kind: 'uniform', least, most };
    if (values.length === 3 && likeliest !== undefined) {
      return { kind: 'triangular', least, likeliest, most };
    }
  }
  return quantilesFrom(said as Record<string, number>);
}

/** `p50`, `p99.9` and so on; what lies below the first goes down to 0, beyond the last straight on. */
function quantilesFrom(said: Record<string, number>): DurationDistribution | undefined {
  const known: [share: number, seconds: number][] = [];
  for (const [name, seconds] of Object.entries(said)) {
    const share = /^p\d{1,3}(\.\d+)?$/.test(name) ? Number(name.slice(1)) / 100 : Number.NaN;
    if (!(share <= 1)) return undefined;
    known.push([share, seconds]);
  }
  known.sort(([a], [b]) => a - b);
  if (known[0] === undefined) return undefined;
  if (known[0][0] > 0) known.unshift([0, 0]);
  const [share, seconds] = known.at(-1) as [number, number];
  if (share < 1) {
    const [before, less] = known.at(-2) ?? [0, seconds];
    const rise = share === before ? 0 : (seconds - less) / (share - before);
    known.push([1, seconds + rise * (1 - share)]);
  }
  return {
    kind: 'quantiles',
    shares: known.map(([at]) => at),
    seconds: known.map(([, length]) => length),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function areNumbers(values: readonly unknown[]): values is number[] {
  return values.every((value) => typeof value === 'number');
}
