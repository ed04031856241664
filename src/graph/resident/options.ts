import { TaskerError } from '../../errors.ts';
import {
  type CallerColumnKind,
  MAX_PARENTS,
  MOST_SLOTS,
  type ResidentSettings,
  type ResidentStore,
} from './store.ts';
import type { Placing } from './tasks.ts';
import type { ShapeDefinition, ShapedRows, ShapedTasks } from './template-tasks.ts';
import type { Rules } from '../rules/rules.ts';

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

/** Tasks of one known shape that are to be added. */
export interface NewTasks extends Omit<TaskPlacing, 'priority' | 'startAt'> {
  readonly taskIds: ArrayLike<bigint>;
  /** Ids of their steps, task after task, ascending within each. */
  readonly stepIds: ArrayLike<bigint>;
  /** One for all, or one a task. */
  readonly priority?: number | ArrayLike<number>;
  /** One for all, or one a task, NaN for none. */
  readonly startAt?: number | ArrayLike<number>;
  /** Rows of tasks that have begun, as long as `stepIds`. */
  readonly rows?: ShapedRows;
}

/** @throws TaskerError `TASKER_BAD_ARGUMENT` */
export function checkedShape(definition: ShapeDefinition, { own }: ResidentStore): ShapeDefinition {
  const { offsets, children, retryLimits, flags, columns = {} } = definition;
  const steps = offsets.length - 1;
  requireWhole('offsets.length', offsets.length, 1, 2 ** 26);
  if (offsets[0] !== 0 || offsets[steps] !== children.length)
    throw badArgument('offsets', `${offsets[0]} to ${offsets[steps]}`, `0 to ${children.length}`);
  for (let at = 0; at < steps; at++) {
    if ((offsets[at] as number) > (offsets[at + 1] as number))
      throw badArgument(`offsets[${at + 1}]`, offsets[at + 1], `at least ${offsets[at]}`);
  }
  const parents = new Uint32Array(steps);
  for (const [at, child] of children.entries()) {
    requireWhole(`children[${at}]`, child, 0, steps - 1);
    parents[child] = (parents[child] as number) + 1;
    if (parents[child] > MAX_PARENTS)
      throw badArgument('parents', parents[child], `at most ${MAX_PARENTS}`);
  }
  requireAcyclic(offsets, children, parents);
  const lengths = { retryLimits, flags, ...columns };
  for (const [name, values] of Object.entries(lengths)) {
    if (values !== undefined && values.length !== steps)
      throw badArgument(`${name}.length`, values.length, `${steps}, one a step`);
  }
  for (const name of Object.keys(columns)) {
    if (!own.has(name)) throw badArgument('column', name, `one of ${[...own.keys()].join()}`);
  }
  return {
    offsets: offsets.slice(),
    children: children.slice(),
    ...(retryLimits === undefined ? {} : { retryLimits: retryLimits.slice() }),
    ...(flags === undefined ? {} : { flags: flags.slice() }),
    columns,
  };
}

/** Takes away what has no open parent until nothing is left, or a circle. O(steps + edges). */
function requireAcyclic(offsets: Uint32Array, children: Uint32Array, parents: Uint32Array): void {
  const open = [...parents.keys()].filter((at) => parents[at] === 0);
  let done = 0;
  for (let at = open.pop(); at !== undefined; at = open.pop(), done++) {
    for (let edge = offsets[at] as number; edge < (offsets[at + 1] as number); edge++) {
      const child = children[edge] as number;
      parents[child] = (parents[child] as number) - 1;
      if (parents[child] === 0) open.push(child);
    }
  }
  if (done < parents.length) throw badArgument('children', 'a circle', 'edges without a circle');
}

/** @throws TaskerError `TASKER_BAD_ARGUMENT` */
export function checkedTasks(tasks: NewTasks, steps: number, lanes: number): ShapedTasks {
  const { taskIds, stepIds, lane, held, rows } = tasks;
  const count = taskIds.length;
  const needed = count * steps;
  if (stepIds.length !== needed) throw badArgument('stepIds.length', stepIds.length, `${needed}`);
  const perTask = (name: 'priority' | 'startAt'): ((task: number) => number | undefined) => {
    const given = tasks[name];
    if (given === undefined || typeof given === 'number') return () => given;
    if (given.length !== count) throw badArgument(`${name}.length`, given.length, `${count}`);
    return (task) => given[task];
  };
  const columns: Record<string, ArrayLike<number> | undefined> = { ...rows };
  for (const [name, values] of Object.entries(columns)) {
    if (values !== undefined && values.length !== needed)
      throw badArgument(`rows.${name}.length`, values.length, `${needed}`);
  }
  const [priorityOf, startOf] = [perTask('priority'), perTask('startAt')];
  const placingAt = (task: number) => {
    const priority = priorityOf(task);
    const startAt = startOf(task);
    return checkedPlacing(
      {
        ...(priority === undefined ? {} : { priority }),
        ...(startAt === undefined ? {} : { startAt }),
        ...(lane === undefined ? {} : { lane }),
        ...(held === undefined ? {} : { held }),
      },
      lanes,
    );
  };
  const one = typeof tasks.priority !== 'object' && typeof tasks.startAt !== 'object';
  const placings = one ? [] : Array.from({ length: count }, (_, task) => placingAt(task));
  const common = placingAt(0);
  return { taskIds, stepIds, rows, placingOf: (task) => placings[task] ?? common };
}
