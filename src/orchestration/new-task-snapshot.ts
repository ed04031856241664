import type { StoredTemplate } from '../database/engine/template-catalog.ts';
import type { SnapshotViews } from '../graph/snapshot/layout.ts';
import { rowsSource } from '../resolver/sources/rows-source.ts';
import type { TaskTemplate } from '../templates/task-template.ts';

/**
 * The snapshot of one task of a template that nothing has happened to yet. Its ids are written over
 * for each task: all else is the same for all of them. O(steps + edges), once a template.
 */
export async function newTaskSnapshot(
  stored: StoredTemplate<TaskTemplate>,
): Promise<SnapshotViews> {
  const { template, namedTaskId, namedStepIds } = stored;
  const { parentOffsets, parents } = template.graph;
  const edges = template.steps.flatMap((_, child) =>
    [...parents.subarray(parentOffsets[child], parentOffsets[child + 1])].map((parent) => ({
      from_step_id: parent + 1,
      to_step_id: child + 1,
    })),
  );
  const source = rowsSource({
    now: '2000-01-01T00:00:00Z',
    tasks: [{ task_id: 1, named_task_id: namedTaskId }],
    steps: template.steps.map((step, at) => ({
      workflow_step_id: at + 1,
      task_id: 1,
      named_step_id: namedStepIds[at] as number,
      attempts: 0,
      retry_limit: step.retryLimit,
      retryable: step.retryable,
      in_process: false,
      processed: false,
      skippable: step.skippable,
    })),
    edges,
    namedSteps: template.steps.map((step, at) => ({
      named_step_id: namedStepIds[at] as number,
      name: step.name,
    })),
  });
  const stream = await source.open({
    chunkSteps: template.steps.length + 1,
    signal: undefined,
    onProgress: undefined,
  });
  for await (const { views } of stream) return views;
  throw new Error('a template without a task');
}

/** Gives the snapshot's one task and its steps their ids; the steps' follow each other. O(steps). */
export function renumber(views: SnapshotViews, taskId: bigint, firstStepId: bigint): void {
  views.taskId[0] = taskId;
  for (let step = 0; step < views.counts.steps; step++) {
    views.stepId[step] = firstStepId + BigInt(step);
  }
}
