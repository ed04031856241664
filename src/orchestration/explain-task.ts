import { databaseSource } from '../database/snapshot/snapshot-loader.ts';
import { TaskerError } from '../errors.ts';
import { createResolver, explainStep, type StepExplanation } from '../resolver/index.ts';

/** Why a task is where it is. */
export interface TaskExplanation {
  readonly task_id: bigint;
  /** Every step that is not over, in the order of creation. Empty for a task that is. */
  readonly steps: readonly StepExplanation[];
  /** The same in words, a line for each step. */
  readonly text: string;
}

/**
 * Explains each step of a task that is not over, by the engine's rules, at the time of the database.
 * Reads the task alone, in one consistent snapshot; O(steps × (steps + edges)) of the task.
 *
 * Errors: TASKER_UNKNOWN_TASK; TASKER_DATABASE_UNREACHABLE.
 */
export async function explainTask(url: string, taskId: bigint): Promise<TaskExplanation> {
  const source = databaseSource({ url }, { kind: 'ids', ids: [taskId] });
  const stream = await source.open({
    chunkSteps: 65_536,
    signal: undefined,
    onProgress: undefined,
  });
  await using resolver = createResolver({ backend: 'inline', rules: 'engine' });
  const steps: StepExplanation[] = [];
  let isThere = false;
  for await (const snapshot of stream) {
    const { views } = snapshot;
    const task = views.taskId.subarray(0, views.counts.tasks).indexOf(taskId);
    if (task === -1) continue;
    isThere = true;
    const { nowMicros } = await resolver.resolve(
      snapshot,
      stream.now === undefined ? {} : { nowMicros: stream.now },
    );
    const [first, end] = [views.taskSteps[task] as number, views.taskSteps[task + 1] as number];
    for (let step = first; step < end; step++) {
      const explanation = explainStep(snapshot, task, step, 'engine', nowMicros);
      if (explanation.outlook !== 'done') steps.push(explanation);
    }
  }
  if (!isThere) {
    throw new TaskerError('TASKER_UNKNOWN_TASK', `There is no task ${taskId}.`, {
      data: { taskId: String(taskId) },
    });
  }
  const text = steps.map(({ sentence }) => sentence).join('\n');
  return { task_id: taskId, steps, text };
}
