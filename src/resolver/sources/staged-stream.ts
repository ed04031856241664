import { buildSnapshot } from '../../graph/snapshot/build-snapshot.ts';
import type { GraphSnapshot } from '../../graph/snapshot/snapshot.ts';
import type { RowProblem } from '../../graph/snapshot/row-problem.ts';
import type { StagedRows } from '../../graph/snapshot/staged-rows.ts';
import type {
  LoadOptions,
  SnapshotStream,
  SourceTotals,
} from '../../graph/snapshot/snapshot-source.ts';

/** Staged rows with what they lack to become snapshots. */
export interface StagedInput {
  readonly rows: StagedRows;
  readonly stepNames: ReadonlyMap<number, string>;
  readonly now: number | undefined;
  /** Restricts the answers to these tasks; undefined for all. */
  readonly taskIds: readonly bigint[] | undefined;
}

const ids = (wanted: readonly bigint[]): bigint[] =>
  [...new Set(wanted)].toSorted((a, b) => (a < b ? -1 : 1));

/** Cuts staged rows into chunks of whole tasks; problems go to the chunk that holds their task. */
export function streamStaged(input: StagedInput, options: LoadOptions): SnapshotStream {
  const { rows } = input;
  const ranges =
    input.taskIds === undefined
      ? [{ first: 0, end: rows.taskCount }]
      : rangesOf(rows, input.taskIds);
  const known = new Map<bigint, RowProblem[]>();
  const homeless: RowProblem[] = [];
  for (const problem of rows.problems) {
    const { taskId } = problem;
    if (taskId === undefined || !hasTask(rows, taskId)) homeless.push(problem);
    else if (known.has(taskId)) known.get(taskId)?.push(problem);
    else known.set(taskId, [problem]);
  }
  const wanted = ranges.reduce((sum, range) => sum + range.end - range.first, 0);
  /** Problems of a chunk's tasks, each handed out once: a task id may stand in the input twice. */
  const problemsOf = (taskIds: BigInt64Array): RowProblem[] =>
    known.size === 0
      ? []
      : [...taskIds].flatMap((id) => {
          const problems = known.get(id) ?? [];
          known.delete(id);
          return problems;
        });
  let tasks = 0;
  let steps = 0;
  let edges = 0;
  async function* chunks(): AsyncGenerator<GraphSnapshot> {
    for (const range of ranges) {
      for (const [first, end] of cut(rows, range.first, range.end, options.chunkSteps)) {
        options.signal?.throwIfAborted();
        const views = buildSnapshot(rows, first, end);
        tasks += views.counts.tasks;
        steps += views.counts.steps;
        edges += views.counts.edges;
        options.onProgress?.({ done: tasks, total: wanted, unit: 'tasks' });
        yield {
          views,
          texts: { stepNames: input.stepNames, foreignStates: rows.states.foreign },
          problems: problemsOf(views.taskId),
          loadedAt: undefined,
        };
      }
    }
  }
  const unknownTasks =
    input.taskIds === undefined ? [] : ids(input.taskIds).filter((id) => !hasTask(rows, id));
  return {
    now: input.now,
    totals: (): SourceTotals => ({ tasks, steps, edges, unknownTasks, problems: homeless }),
    [Symbol.asyncIterator]: chunks,
  };
}

function position(rows: StagedRows, id: bigint): number {
  return rows.findTask(Number(BigInt.asUintN(32, id)), Number(BigInt.asUintN(32, id >> 32n)));
}

const hasTask = (rows: StagedRows, id: bigint): boolean => position(rows, id) !== -1;

/** Runs of neighbouring positions that hold the wanted tasks. */
function rangesOf(rows: StagedRows, wanted: readonly bigint[]): { first: number; end: number }[] {
  const ranges: { first: number; end: number }[] = [];
  for (const id of ids(wanted)) {
    const at = position(rows, id);
    if (at === -1) continue;
    const last = ranges.at(-1);
    if (last?.end === at) last.end = at + 1;
    else ranges.push({ first: at, end: at + 1 });
  }
  return ranges;
}

/** Cuts tasks `first` to `end - 1` where `chunkSteps` are reached. */
function* cut(
  rows: StagedRows,
  first: number,
  end: number,
  chunkSteps: number,
): Generator<[number, number]> {
  let from = first;
  const maxTasks = Math.max(1, chunkSteps); // tasks without steps fill a chunk too
  for (let task = first; task < end; task++) {
    const held = (rows.taskSteps[task + 1] as number) - (rows.taskSteps[from] as number);
    if (held < chunkSteps && task + 1 - from < maxTasks) continue;
    yield [from, task + 1];
    from = task + 1;
  }
  if (from < end) yield [from, end];
}
