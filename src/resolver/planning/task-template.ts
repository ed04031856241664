import { STEP_FLAGS } from '../../graph/snapshot/layout.ts';
import type { GraphSnapshot } from '../../graph/snapshot/snapshot.ts';
import type { TemplateGraph, TemplateStep } from '../../graph/analysis/template-difference.ts';
import { taskNumber } from './analysis-question.ts';

/**
 * The graph of a task by the names of its steps, for `templateDifference`, with the settings that its
 * rows hold: `retry_limit` (null for none), `retryable`, `skippable`. Of several steps of one name, the
 * second is called `name #2`, in the order of their ids. Edges from other tasks are left out.
 *
 * Errors: TASKER_UNKNOWN_TASK. O(tasks + steps + edges).
 */
export function templateOfTask(snapshot: GraphSnapshot, taskId: bigint): TemplateGraph {
  const { views, texts } = snapshot;
  const { taskSteps, parentOffsets, parents, namedStepId, flags, retryLimit } = views;
  const task = taskNumber(snapshot, taskId);
  const first = taskSteps[task] as number;
  const end = taskSteps[task + 1] as number;
  const steps: TemplateStep[] = [];
  const edges: [string, string][] = [];
  const used = new Map<string, number>();
  for (let step = first; step < end; step++) {
    const name = texts.stepNames.get(namedStepId[step] as number) ?? '';
    const times = (used.get(name) ?? 0) + 1;
    used.set(name, times);
    const bits = flags[step] as number;
    steps.push({
      name: times === 1 ? name : `${name} #${times}`,
      settings: {
        retry_limit: (bits & STEP_FLAGS.retryLimitNull) !== 0 ? null : (retryLimit[step] as number),
        retryable: (bits & STEP_FLAGS.notRetryable) === 0,
        skippable: (bits & STEP_FLAGS.skippable) !== 0,
      },
    });
  }
  for (let step = first; step < end; step++) {
    const last = parentOffsets[step + 1] as number;
    for (let edge = parentOffsets[step] as number; edge < last; edge++) {
      const parent = steps[(parents[edge] as number) - first];
      if (parent !== undefined)
        edges.push([parent.name, (steps[step - first] as TemplateStep).name]);
    }
  }
  return { steps, edges };
}
