import { TaskerError } from '../../errors.ts';
import type { Rules } from '../rules/rules.ts';
import { MOST_SLOTS, type CallerColumnKind, type ResidentSettings } from './store.ts';
import type { Placing } from './tasks.ts';

/** Options of {@link ResidentGraph}. */
export interface ResidentGraphOptions {
  /** Rule set of every answer; default `engine`. */
  readonly rules?: Rules;
  /** The clock at the start, µs since the epoch. */
  readonly nowMicros: number;
  /** Steps and ghosts that may be resident at one time; default 2^24, at most 2^26. */
  readonly maxSteps?: number;
  /** Words (steps twice, edges once) that the distinct graphs may take; default 2^26. */
  readonly maxGraphWords?: number;
  /** Takers of ready steps; a task belongs to one of them. Default 1, at most 1,024. */
  readonly lanes?: number;
  /** Columns of the caller's own, a value a step (`{ token: 'i64' }`); they move with their steps. */
  readonly columns?: Readonly<Record<string, CallerColumnKind>>;
}

/** How a task is to be run, whatever its rows say. */
export interface TaskPlacing {
  /** Greater runs first: any signed 32-bit integer; default 0. */
  readonly priority?: number;
  /** Which taker gets its steps; default 0. */
  readonly lane?: number;
  /** No step of it runs before, µs since the epoch. */
  readonly startAt?: number;
  /** None of its steps is given out until the task is resumed. */
  readonly held?: boolean;
}

const KINDS: readonly string[] = ['u8', 'u32', 'i32', 'f64', 'i64'];
const MOST_LANES = 1024;
const MOST_WORDS = 2 ** 28;

/** The error for a value outside of what is documented. */
export function badArgument(field: string, value: unknown, allowed: string): TaskerError {
  const shown = typeof value === 'bigint' ? `${value}n` : String(value);
  return new TaskerError('TASKER_BAD_ARGUMENT', `${field} is ${shown}, not ${allowed}.`, {
    remedy: `Pass ${allowed}.`,
    data: { field, value: shown },
  });
}

/** @throws TaskerError `TASKER_BAD_ARGUMENT` for a value that is no whole number from `least` to `most` */
export function requireWhole(field: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw badArgument(field, value, `a whole number from ${least} to ${most}`);
}

/** @throws TaskerError `TASKER_BAD_ARGUMENT` for a value that is no finite number */
export function requireInstant(field: string, value: number): void {
  if (typeof value === 'number' && Number.isFinite(value)) return;
  throw badArgument(field, value, 'µs since the epoch');
}

/** @throws TaskerError `TASKER_BAD_ARGUMENT` */
export function checkedSettings(options: ResidentGraphOptions): ResidentSettings {
  const {
    rules = 'engine',
    nowMicros,
    maxSteps = 2 ** 24,
    maxGraphWords = 2 ** 26,
    lanes = 1,
    columns = {},
  } = options;
  if (rules !== 'engine' && rules !== 'rails')
    throw badArgument('rules', rules, '"engine" or "rails"');
  requireInstant('nowMicros', nowMicros);
  requireWhole('maxSteps', maxSteps, 1, MOST_SLOTS);
  requireWhole('maxGraphWords', maxGraphWords, 1, MOST_WORDS);
  requireWhole('lanes', lanes, 1, MOST_LANES);
  for (const [name, kind] of Object.entries(columns)) {
    if (!KINDS.includes(kind)) throw badArgument(`columns.${name}`, kind, `one of ${KINDS.join()}`);
  }
  return { rules, nowMicros, maxSteps, maxGraphWords, lanes, columns: { ...columns } };
}

/** @throws TaskerError `TASKER_BAD_ARGUMENT` */
export function checkedPlacing(placing: TaskPlacing, lanes: number): Placing {
  const { priority = 0, lane = 0, startAt = NaN, held = false } = placing;
  requirePriority(priority);
  requireWhole('lane', lane, 0, lanes - 1);
  if (!Number.isNaN(startAt) && startAt !== Infinity) requireInstant('startAt', startAt);
  return { priority, lane, startAt, held };
}

/** @throws TaskerError `TASKER_BAD_ARGUMENT` */
export function requirePriority(priority: number): void {
  requireWhole('priority', priority, -(2 ** 31), 2 ** 31 - 1);
}
