import type {
  RailsContextRow,
  RailsLevelRow,
  RailsReadinessRow,
} from '../../database/repositories/rails-queries.ts';
import {
  contextRows,
  levelRows,
  readinessRows,
  readyStepIds,
} from '../../graph/kernels/answer-rows.ts';
import { formatInstant, parseInstant } from '../../graph/snapshot/instants.ts';
import type { GraphSnapshot } from '../../graph/snapshot/snapshot.ts';

/** What the SQL side answered for the tasks of one snapshot. */
export interface SqlAnswers {
  readonly readiness: readonly RailsReadinessRow[];
  readonly contexts: readonly RailsContextRow[];
  readonly levels: readonly RailsLevelRow[];
  /** Ready ids by the tuned query. */
  readonly readyIds: readonly string[];
}

/** The first place where two answers differ. */
export interface Mismatch {
  readonly answer: keyof SqlAnswers;
  /** Id of the step or task. */
  readonly row: string;
  readonly column: string;
  readonly resolver: string;
  readonly sql: string;
}

/** How many rows were compared and found equal. */
export interface ComparedRows {
  readiness: number;
  contexts: number;
  levels: number;
  readyIds: number;
}

const TIMESTAMPS: ReadonlySet<string> = new Set([
  'last_failure_at',
  'next_retry_at',
  'last_attempted_at',
]);

/**
 * Compares every row and column of a resolved snapshot's answers with those of the SQL side, in
 * both directions; O(rows).
 *
 * @param withoutLevels tasks whose levels the SQL function cannot tell (a root leads into a cycle)
 * @returns the first difference, or how many rows are equal
 */
export function compareAnswers(
  snapshot: GraphSnapshot,
  sql: SqlAnswers,
  withoutLevels: ReadonlySet<bigint>,
): Mismatch | ComparedRows {
  const levelled = new Set<bigint>();
  const { views } = snapshot;
  for (let task = 0; task < views.counts.tasks; task++) {
    if (!withoutLevels.has(views.taskId[task] as bigint)) continue;
    const end = views.taskSteps[task + 1] as number;
    for (let step = views.taskSteps[task] as number; step < end; step++) {
      levelled.add(views.stepId[step] as bigint);
    }
  }
  const levels = [...levelRows(snapshot, 'rails')].filter(
    (row) => !levelled.has(row.workflow_step_id),
  );
  const ready = [...readyStepIds(snapshot, 'rails')].map((id) => ({ workflow_step_id: id }));
  const tuned = sql.readyIds.map((id) => ({ workflow_step_id: id }));
  const readiness = compareRows(
    'readiness',
    'workflow_step_id',
    readinessRows(snapshot, 'rails'),
    sql.readiness,
  );
  if (typeof readiness !== 'number') return readiness;
  const contexts = compareRows('contexts', 'task_id', contextRows(snapshot, 'rails'), sql.contexts);
  if (typeof contexts !== 'number') return contexts;
  const depths = compareRows('levels', 'workflow_step_id', levels, sql.levels);
  if (typeof depths !== 'number') return depths;
  const readyIds = compareRows('readyIds', 'workflow_step_id', ready, tuned);
  if (typeof readyIds !== 'number') return readyIds;
  return { readiness, contexts, levels: depths, readyIds };
}

function compareRows(
  answer: keyof SqlAnswers,
  key: string,
  ours: Iterable<object>,
  theirs: readonly object[],
): Mismatch | number {
  const byId = new Map<string, object>();
  for (const row of theirs) {
    const id = cell(row, key);
    if (byId.has(id)) return { answer, row: id, column: key, resolver: 'one row', sql: 'two rows' };
    byId.set(id, row);
  }
  let compared = 0;
  for (const row of ours) {
    const id = cell(row, key);
    const other = byId.get(id);
    if (other === undefined) return { answer, row: id, column: key, resolver: id, sql: 'no row' };
    const columns = new Set([...Object.keys(row), ...Object.keys(other)]);
    for (const column of columns) {
      const resolver = cell(row, column);
      const sql = cell(other, column);
      if (resolver !== sql) return { answer, row: id, column, resolver, sql };
    }
    byId.delete(id);
    compared++;
  }
  for (const id of byId.keys())
    return { answer, row: id, column: key, resolver: 'no row', sql: id };
  return compared;
}

/** A value in the one form that both sides can be compared in. */
function cell(row: object, column: string): string {
  const value = (row as Record<string, string | number | bigint | boolean | null>)[column];
  if (TIMESTAMPS.has(column) && typeof value === 'string') {
    const micros = parseInstant(value);
    return micros === undefined ? value : formatInstant(micros);
  }
  return value === undefined ? 'no such column' : String(value);
}
