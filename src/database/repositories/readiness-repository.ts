import type pg from 'pg';

import { TaskerError } from '../../errors.ts';
import {
  contextRow,
  contextRows,
  readinessRow,
  readinessRows,
  taskLevelRows,
  type ContextRow,
  type LevelRow,
  type ReadinessRow,
} from '../../graph/kernels/answer-rows.ts';
import { circleText } from '../../graph/kernels/circle-text.ts';
import type { Cycle } from '../../graph/kernels/cycles.ts';
import { TASK_FLAGS } from '../../graph/snapshot/layout.ts';
import { resolveTaskRange } from '../../graph/kernels/resolve.ts';
import type { Rules } from '../../graph/rules/rules.ts';
import { isAnswered, type GraphSnapshot } from '../../graph/snapshot/snapshot.ts';
import { Scratch } from '../../graph/snapshot/topological-order.ts';
import { databaseError } from '../connection.ts';
import { FEW_TASKS, loadFewTasks } from '../snapshot/few-tasks.ts';
import { notTaskerDatabase } from '../not-tasker-database.ts';
import { databaseSource } from '../snapshot/snapshot-loader.ts';

/** Options of {@link createReadinessRepository}. */
export interface ReadinessRepositoryOptions {
  /** Rule set of every answer; default `rails`. */
  readonly rules?: Rules;
  /** Steps a chunk of a large batch should hold; default 65,536. */
  readonly chunkSteps?: number;
}

/**
 * The compatible single calls of the Rails engine's SQL functions. An unknown id gives no row; rows
 * are ordered by task, then step. The clock is NOW() of the database.
 */
export interface ReadinessRepository {
  /**
   * `get_step_readiness_status`.
   *
   * @param stepIds restricts the rows, not the parents that count; undefined for all, [] for none
   */
  stepReadiness(taskId: bigint, stepIds?: readonly bigint[]): Promise<ReadinessRow[]>;
  /** `get_step_readiness_status_batch`; repeated ids give no repeated rows. */
  stepReadinessBatch(taskIds: readonly bigint[]): Promise<ReadinessRow[]>;
  /** `get_task_execution_context`; undefined for an unknown task. */
  taskExecutionContext(taskId: bigint): Promise<ContextRow | undefined>;
  /** `get_task_execution_contexts_batch`: one row for each id that names a task, repeats included. */
  taskExecutionContexts(taskIds: readonly bigint[]): Promise<ContextRow[]>;
  /**
   * `calculate_dependency_levels`, by level, then step.
   *
   * Errors: TASKER_CYCLE with the path where a root leads into a cycle, where the SQL never ends.
   */
  dependencyLevels(taskId: bigint): Promise<LevelRow[]>;
}

/**
 * Readiness, contexts and levels over one open client. A few tasks take one statement; larger
 * batches a read-only transaction and COPY. Calls on one repository follow each other.
 *
 * Errors: TASKER_NOT_TASKER_DATABASE; TASKER_BAD_ROW where rows of a task that was asked for contradict each
 * other or hold an instant that cannot be exact (`resolveTasks` answers the other tasks, and reports these);
 * TASKER_NOT_PERMITTED where a right is missing or row-level security
 * would hide rows; any other error of the server as node-postgres raises it.
 */
export function createReadinessRepository(
  client: pg.Client,
  options: ReadinessRepositoryOptions = {},
): ReadinessRepository {
  const rules = options.rules ?? 'rails';
  const scratch = new Scratch();
  let waits: boolean | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  function resolve(snapshot: GraphSnapshot): readonly Cycle[] {
    refuseProblems(snapshot);
    const nowMicros = snapshot.loadedAt ?? 0; // only an empty snapshot comes without an instant
    const parameters = { rules, nowMicros, contexts: true, levels: true };
    const { tasks } = snapshot.views.counts;
    return resolveTaskRange(snapshot.views, parameters, 0, tasks, scratch);
  }

  /** Chunks of resolved tasks, ordered by id; a call waits for the one before it. */
  async function load<R>(
    taskIds: readonly bigint[],
    read: (snapshot: GraphSnapshot, cycles: readonly Cycle[]) => R[],
  ): Promise<R[]> {
    const work = turn.then(async () => {
      if (taskIds.length === 0) return [];
      if (taskIds.length <= FEW_TASKS) {
        waits ??= await hasNextAttempts(client);
        const snapshot = await loadFewTasks(client, taskIds, waits);
        if (snapshot !== undefined) return read(snapshot, resolve(snapshot));
      }
      const source = databaseSource({ clients: [client] }, { kind: 'ids', ids: taskIds });
      const stream = await source.open({
        chunkSteps: options.chunkSteps ?? 65_536,
        signal: undefined,
        onProgress: undefined,
      });
      const rows: R[] = [];
      for await (const snapshot of stream) {
        for (const row of read(snapshot, resolve(snapshot))) rows.push(row);
      }
      return rows;
    });
    turn = work.catch(() => undefined);
    return work.catch((error: unknown) => {
      throw isNotPermitted(error) ? databaseError(error) : error;
    });
  }

  const readinessOf = (taskIds: readonly bigint[]): Promise<ReadinessRow[]> =>
    load(taskIds, (snapshot) => [...readinessRows(snapshot, rules)]);

  return {
    stepReadinessBatch: readinessOf,
    async stepReadiness(taskId, stepIds) {
      if (stepIds === undefined) return readinessOf([taskId]);
      const wanted = new Set(stepIds);
      return load([taskId], (snapshot) => {
        const { stepId, counts } = snapshot.views;
        if (counts.tasks === 0 || !isAnswered(snapshot.views, 0, rules === 'rails')) return [];
        const rows: ReadinessRow[] = [];
        for (let step = 0; step < counts.steps; step++) {
          if (wanted.has(stepId[step] as bigint)) rows.push(readinessRow(snapshot, 0, step));
        }
        return rows;
      });
    },
    async taskExecutionContext(taskId) {
      const rows = await load([taskId], (snapshot) => [...contextRows(snapshot, rules)]);
      return rows[0];
    },
    async taskExecutionContexts(taskIds) {
      const repeats = new Map<bigint, number>();
      for (const id of taskIds) repeats.set(id, (repeats.get(id) ?? 0) + 1);
      return load([...repeats.keys()], (snapshot) => {
        const rows: ContextRow[] = [];
        for (let task = 0; task < snapshot.views.counts.tasks; task++) {
          if (!isAnswered(snapshot.views, task, rules === 'rails')) continue;
          const row = contextRow(snapshot, task);
          for (let copy = repeats.get(row.task_id) ?? 0; copy > 0; copy--) rows.push({ ...row });
        }
        return rows;
      });
    },
    async dependencyLevels(taskId) {
      return load([taskId], (snapshot, cycles) => {
        const { views } = snapshot;
        if (views.counts.tasks === 0) return [];
        if (((views.taskFlags[0] as number) & TASK_FLAGS.cycleReachable) !== 0) {
          throw cycleError(taskId, snapshot, cycles);
        }
        return taskLevelRows(snapshot, 0);
      });
    },
  };
}

function cycleError(
  taskId: bigint,
  { views }: GraphSnapshot,
  cycles: readonly Cycle[],
): TaskerError {
  const path = (cycles[0]?.path ?? []).map((step) => views.stepId[step] as bigint);
  return new TaskerError(
    'TASKER_CYCLE',
    `Task ${taskId} has no dependency levels: steps ${circleText(path)} depend on each other in a circle.`,
    { data: { taskId: String(taskId), path: path.map(String) } },
  );
}

/** No task that was asked for is missing from an answer without a word. */
function refuseProblems({ problems }: GraphSnapshot): void {
  const refused = problems.filter((problem) => problem.refused);
  const [first] = refused;
  if (first === undefined) return;
  const more = refused.length === 1 ? '' : ` ${refused.length - 1} more rows are at fault.`;
  throw new TaskerError('TASKER_BAD_ROW', `${first.message}${more}`, {
    remedy: 'Mend the row, or ask by resolveTasks, which sets such tasks apart and reports them.',
    data: { taskIds: [...new Set(refused.map(({ taskId }) => String(taskId)))] },
  });
}

const isNotPermitted = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '42501';

async function hasNextAttempts(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ tasks: string | null; waits: string | null }>(
    `SELECT to_regclass('tasker_tasks')::text AS tasks, to_regclass('tasker_core_steps')::text AS waits`,
  );
  if (rows[0]!.tasks === null) throw notTaskerDatabase();
  return rows[0]!.waits !== null;
}
