import { databaseSource } from '../../database/snapshot/snapshot-loader.ts';
import { railsDependencyLevelsOf } from '../../database/repositories/rails-levels-query.ts';
import {
  railsStepReadinessBatch,
  railsTaskContexts,
} from '../../database/repositories/rails-queries.ts';
import { readyStepIds } from '../../database/repositories/ready-ids-query.ts';
import { TASK_FLAGS } from '../../graph/snapshot/layout.ts';
import { isAnswered, type GraphSnapshot } from '../../graph/snapshot/snapshot.ts';
import type { Resolver } from '../../resolver/index.ts';
import type { CommandContext } from '../command-context.ts';
import type { Progress } from '../progress.ts';
import type { DemoClient } from './demo-database.ts';
import {
  compareAnswers,
  type ComparedRows,
  type Mismatch,
  type SqlAnswers,
} from './compare-answers.ts';

/** What the check found, and the snapshots, for the timing that follows. */
export interface CheckReport {
  readonly snapshots: readonly GraphSnapshot[];
  /** Ids of the answered tasks of each snapshot. */
  readonly taskIds: readonly (readonly bigint[])[];
  /** Those of them that the levels function can take. */
  readonly levelTaskIds: readonly (readonly bigint[])[];
  readonly nowMicros: number;
  /** Rows compared for each backend. */
  readonly compared: ComparedRows;
  readonly cycles: number;
  readonly tasksSetApart: number;
  /** The first difference and the backend that shows it; the check ends there. */
  readonly mismatch: { readonly backend: string; readonly at: Mismatch } | undefined;
}

/**
 * Compares every answer of every resolver with the SQL side, chunk by chunk, all inside of one
 * transaction: both see the same rows at the same instant, whoever else writes to the database.
 *
 * Output sections are filled with garbage before each resolution, so that no backend can profit
 * from the answers of another.
 */
export async function checkAnswers(
  context: CommandContext,
  progress: Progress,
  client: DemoClient,
  resolvers: readonly Resolver[],
): Promise<CheckReport> {
  progress.phase('comparing every answer with SQL');
  let done = 0;
  let total: number | undefined;
  const stream = await databaseSource({ clients: [client] }).open({
    chunkSteps: 65_536,
    signal: context.signal,
    onProgress: (loaded) => {
      total = loaded.total;
    },
  });
  const snapshots: GraphSnapshot[] = [];
  const taskIds: bigint[][] = [];
  const levelTaskIds: bigint[][] = [];
  const compared: ComparedRows = { readiness: 0, contexts: 0, levels: 0, readyIds: 0 };
  const report = { snapshots, taskIds, levelTaskIds, compared };
  const nowMicros = stream.now ?? 0;
  let cycles = 0;
  let tasksSetApart = 0;
  for await (const snapshot of stream) {
    context.signal.throwIfAborted();
    // the first resolution finds the circles, which the SQL levels cannot survive
    const { cycles: found } = await resolvers[0]!.resolve(snapshot, { nowMicros });
    cycles += found.length;
    const tasks = tasksOf(snapshot);
    tasksSetApart += snapshot.views.counts.tasks - tasks.answered.length;
    snapshots.push(snapshot);
    taskIds.push(tasks.answered);
    levelTaskIds.push(tasks.answered.filter((id) => !tasks.cyclic.has(id)));
    const sql = await askSql(client, tasks.answered, levelTaskIds.at(-1)!);
    let rows: ComparedRows | undefined;
    for (const resolver of resolvers) {
      spoilOutputs(snapshot);
      const { backend } = await resolver.resolve(snapshot, { nowMicros, signal: context.signal });
      const outcome = compareAnswers(snapshot, sql, tasks.cyclic);
      if ('answer' in outcome) {
        return { ...report, nowMicros, cycles, tasksSetApart, mismatch: { backend, at: outcome } };
      }
      rows = outcome;
    }
    if (rows !== undefined) {
      for (const key of Object.keys(rows) as (keyof ComparedRows)[]) compared[key] += rows[key];
    }
    done += snapshot.views.counts.tasks;
    progress.update(done, total, 'tasks');
  }
  return { ...report, nowMicros, cycles, tasksSetApart, mismatch: undefined };
}

function tasksOf({ views }: GraphSnapshot): { answered: bigint[]; cyclic: Set<bigint> } {
  const answered: bigint[] = [];
  const cyclic = new Set<bigint>();
  for (let task = 0; task < views.counts.tasks; task++) {
    if (!isAnswered(views, task, true)) continue;
    const id = views.taskId[task] as bigint;
    answered.push(id);
    if (((views.taskFlags[task] as number) & TASK_FLAGS.cycleReachable) !== 0) cyclic.add(id);
  }
  return { answered, cyclic };
}

async function askSql(
  client: DemoClient,
  taskIds: readonly bigint[],
  levelTaskIds: readonly bigint[],
): Promise<SqlAnswers> {
  return {
    readiness: await railsStepReadinessBatch(client, taskIds),
    contexts: await railsTaskContexts(client, taskIds),
    levels: await railsDependencyLevelsOf(client, levelTaskIds),
    readyIds: await readyStepIds(client, taskIds),
  };
}

function spoilOutputs({ views }: GraphSnapshot): void {
  views.bits.fill(0xff);
  views.completedParents.fill(0xff_ff_ff);
  views.level.fill(-99);
  views.nextRetryAt.fill(-1);
  for (const counts of [
    views.pendingSteps,
    views.inProgressSteps,
    views.completedSteps,
    views.failedSteps,
    views.readySteps,
  ]) {
    counts.fill(0xff_ff);
  }
  views.executionStatus.fill(0);
  views.healthStatus.fill(0);
}
