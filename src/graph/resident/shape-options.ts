import { badArgument, checkedPlacing, requireWhole, type TaskPlacing } from './resident-options.ts';
import type { ResidentStore } from './store.ts';
import type { ShapeDefinition, ShapedRows, ShapedTasks } from './template-tasks.ts';
import { MAX_PARENTS } from './words.ts';

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
