import type { BlastRadius, RowProblem } from '../../resolver/index.ts';
import { jsonText } from '../json-text.ts';
import { countOf, textTable } from '../text-table.ts';
import { problemJson, problemLines } from './row-problems.ts';

/** What `tasker analyze --blast-radius` tells. */
export interface BlastReport {
  readonly starts: readonly bigint[];
  readonly radius: BlastRadius;
  readonly names: ReadonlyMap<bigint, string>;
  readonly problems: readonly RowProblem[];
}

/** The report as JSON text. */
export function blastReportJson({ starts, radius, names, problems }: BlastReport): string {
  return jsonText({
    failed_step_ids: starts,
    task_ids: radius.tasks,
    steps: radius.steps.map(({ stepId, taskId }) => ({
      workflow_step_id: stepId,
      task_id: taskId,
      name: names.get(stepId) ?? '',
    })),
    row_problems: problems.map(problemJson),
  });
}

/** The report as text for people. */
export function blastReportText({ starts, radius, names, problems }: BlastReport): string {
  const failed = starts.map((id) => `${id} (${names.get(id) ?? 'of another task'})`).join(', ');
  const what =
    starts.length === 1 ? `If step ${failed} fails for good` : `If steps ${failed} fail for good`;
  if (radius.steps.length === 0) {
    return [`${what}, every other step can still run.\n`, ...problemLines(problems)].join('\n');
  }
  const table = textTable(
    [{ title: 'step', align: 'right' }, { title: 'name' }, { title: 'task', align: 'right' }],
    radius.steps.map(({ stepId, taskId }) => [
      String(stepId),
      names.get(stepId) ?? '',
      String(taskId),
    ]),
  );
  const counts = `${countOf(radius.steps.length, 'step')} of ${countOf(radius.tasks.length, 'task')}`;
  return [`${what}, ${counts} can no longer run.\n`, table, ...problemLines(problems)].join('\n');
}
