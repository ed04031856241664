import type { RowProblem, TemplateDifference } from '../../resolver/index.ts';
import { jsonText } from '../json-text.ts';
import { problemJson, problemLines } from './row-problems.ts';

/** What `tasker analyze --compare` tells. */
export interface DifferenceReport {
  readonly before: bigint;
  readonly after: bigint;
  readonly difference: TemplateDifference;
  readonly problems: readonly RowProblem[];
}

/** The report as JSON text. */
export function differenceJson(report: DifferenceReport): string {
  const { before, after, difference, problems } = report;
  const { addedSteps, removedSteps, changedSteps, addedEdges, removedEdges } = difference;
  return jsonText({
    task_id: before,
    other_task_id: after,
    added_steps: addedSteps,
    removed_steps: removedSteps,
    changed_steps: changedSteps.map(({ name, settings, addedParents, removedParents }) => ({
      name,
      settings: settings.map(({ setting, before: old, after: now }) => ({
        setting,
        before: old ?? null,
        after: now ?? null,
      })),
      added_parents: addedParents,
      removed_parents: removedParents,
    })),
    added_edges: addedEdges,
    removed_edges: removedEdges,
    row_problems: problems.map(problemJson),
  });
}

/** The report as text for people: what the second task has more (`+`), less (`-`), otherwise (`~`). */
export function differenceText(report: DifferenceReport): string {
  const { before, after, difference, problems } = report;
  const lines = [
    ...difference.removedSteps.map((name) => `- step ${name}`),
    ...difference.addedSteps.map((name) => `+ step ${name}`),
    ...difference.changedSteps.flatMap(({ name, settings }) =>
      settings.map(
        ({ setting, before: old, after: now }) =>
          `~ step ${name}: ${setting} ${String(old)} -> ${String(now)}`,
      ),
    ),
    ...difference.removedEdges.map(([from, to]) => `- edge ${from} -> ${to}`),
    ...difference.addedEdges.map(([from, to]) => `+ edge ${from} -> ${to}`),
  ];
  const head =
    lines.length === 0
      ? `Tasks ${before} and ${after} have the same graph and settings.\n`
      : `From task ${before} to task ${after}:\n`;
  const body = lines.map((line) => `${line}\n`).join('');
  return [head + body, ...problemLines(problems)].join('\n');
}
