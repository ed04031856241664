import type { RowProblem } from '../../resolver/index.ts';

/** A row problem as JSON. */
export function problemJson({ code, table, id, taskId, refused, message }: RowProblem): object {
  return { code, table, id, task_id: taskId ?? null, refused, message };
}

/** Row problems as a part of a text; no part where there are none. */
export function problemLines(problems: readonly RowProblem[]): string[] {
  if (problems.length === 0) return [];
  return [problems.map(({ code, message }) => `${code} ${message}\n`).join('')];
}
