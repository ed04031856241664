import type { connect } from '../../database/connection.ts';
import { TaskerError } from '../../errors.ts';
import type { GraphSnapshot, RowProblem, SnapshotSource } from '../../resolver/index.ts';
import type { CommandContext } from '../command-context.ts';
import { databaseUrl, type InputOptions } from '../input-options.ts';
import type { Progress } from '../progress.ts';

/** A connection to the database. */
export type Connection = Awaited<ReturnType<typeof connect>>;

/** Rows of some tasks; those whose ids follow each other share a snapshot. */
export interface LoadedTasks {
  readonly snapshots: readonly GraphSnapshot[];
  readonly problems: readonly RowProblem[];
}

/** Steps of one snapshot: all that there are. */
const ALL_STEPS = 100_000_000;

/** Runs the work with a connection that is closed behind it; an abort cuts what it waits for. */
export async function withDatabase<Result>(
  context: CommandContext,
  options: InputOptions,
  work: (client: Connection) => Promise<Result>,
): Promise<Result> {
  const url = databaseUrl(context, options);
  const database = await import('../../database/connection.ts');
  const client = await database.connect(url, { signal: context.signal });
  const uncut = database.cutOnAbort(client, context.signal);
  try {
    return await work(client);
  } catch (error) {
    throw database.databaseError(error);
  } finally {
    uncut();
    await client.end();
  }
}

/** Tasks of a database. Errors: TASKER_UNKNOWN_TASK, those of `databaseSource`. */
export async function storedTasks(
  client: Connection,
  ids: readonly bigint[],
  context: CommandContext,
  progress: Progress,
): Promise<LoadedTasks> {
  const { databaseSource } = await import('../../database/snapshot/snapshot-loader.ts');
  const source = databaseSource({ clients: [client] }, { kind: 'ids', ids: [...ids] });
  return loaded(source, context, progress);
}

/** Tasks of a directory; all of them where no ids are given. Errors: as `directorySource`. */
export async function tasksOfFiles(
  directory: string,
  ids: readonly bigint[] | undefined,
  context: CommandContext,
  progress: Progress,
): Promise<LoadedTasks> {
  const { directorySource } = await import('../../resolver/sources/ndjson-source.ts');
  return loaded(directorySource(directory, ids), context, progress);
}

async function loaded(
  source: SnapshotSource,
  { signal }: CommandContext,
  progress: Progress,
): Promise<LoadedTasks> {
  const stream = await source.open({
    chunkSteps: ALL_STEPS,
    signal,
    onProgress: ({ done, total, unit }) => progress.update(done, total, unit),
  });
  const snapshots: GraphSnapshot[] = [];
  for await (const snapshot of stream) snapshots.push(snapshot);
  const { unknownTasks, problems } = stream.totals();
  const [unknown] = unknownTasks;
  if (unknown !== undefined) throw unknownTask(unknown);
  return {
    snapshots,
    problems: [...problems, ...snapshots.flatMap((snapshot) => snapshot.problems)],
  };
}

/** The snapshot that holds a task. Errors: TASKER_UNKNOWN_TASK. */
export function snapshotOf({ snapshots }: LoadedTasks, taskId: bigint): GraphSnapshot {
  const snapshot = snapshots.find(({ views }) => views.taskId.includes(taskId));
  if (snapshot === undefined) throw unknownTask(taskId);
  return snapshot;
}

function unknownTask(taskId: bigint): TaskerError {
  return new TaskerError('TASKER_UNKNOWN_TASK', `There is no task ${taskId}.`, {
    data: { taskId: String(taskId) },
    remedy: 'Check the id; it is the task_id, not that of a step.',
  });
}
