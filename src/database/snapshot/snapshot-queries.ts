import { TaskerError } from '../../errors.ts';
import { STEP_COLUMNS } from './snapshot-rows.ts';

/** Which tasks to load. */
export type TaskSelection =
  | { readonly kind: 'all' }
  /** Tasks whose current state is none of complete, cancelled, resolved_manually. */
  | { readonly kind: 'unfinished' }
  | { readonly kind: 'ids'; readonly ids: readonly bigint[] }
  | { readonly kind: 'namespace'; readonly name: string }
  /** Tasks of a named task, in any namespace and version unless told otherwise. */
  | {
      readonly kind: 'named';
      readonly name: string;
      readonly namespace?: string;
      readonly version?: string;
    };

const FINISHED = `('complete', 'cancelled', 'resolved_manually')`;

/**
 * Refuses what is no id: ids become part of statements, and types do not hold back a caller in
 * plain JavaScript.
 *
 * Errors: TASKER_BAD_ARGUMENT names the place and the value.
 */
export function requireIds(ids: readonly bigint[]): void {
  const at = ids.findIndex((id) => typeof id !== 'bigint' || BigInt.asIntN(64, id) !== id);
  if (at === -1) return;
  const value = String(ids[at]).slice(0, 200);
  throw new TaskerError('TASKER_BAD_ARGUMENT', `ids[${at}] is ${value}, not a 64-bit bigint.`, {
    data: { field: `ids[${at}]`, value },
  });
}

/** Ids as an array literal: digits only, safe in any statement. */
export function idArray(ids: Iterable<bigint>): string {
  return `'{${[...ids].join(',')}}'::bigint[]`;
}

/**
 * A page of tasks by ascending id, with their current states.
 *
 * @param restriction a condition over `t` (tasker_tasks) and `tt` (its current transition)
 */
export function taskPageQuery(
  restriction: string,
  after: bigint | undefined,
  limit: number,
): string {
  const further = after === undefined ? '' : `AND t.task_id > ${after}`;
  // said once more for the joined side, or each page would scan the transitions from the first one on
  const joined = after === undefined ? '' : `AND tt.task_id > ${after}`;
  return `SELECT t.task_id::bigint, t.named_task_id::int, tt.to_state::text
    FROM tasker_tasks t
    LEFT JOIN tasker_task_transitions tt ON tt.task_id = t.task_id AND tt.most_recent = true ${joined}
    WHERE ${restriction} ${further} ORDER BY t.task_id LIMIT ${limit}`;
}

/** Condition of a selection; `namedTasks` are the named-task ids that its names stand for. */
export function taskRestriction(selection: TaskSelection, namedTasks: readonly number[]): string {
  switch (selection.kind) {
    case 'all':
      return 'true';
    case 'unfinished':
      return `t.complete = false AND (tt.to_state IS NULL OR tt.to_state NOT IN ${FINISHED})`;
    case 'ids':
      return `t.task_id = ANY(${idArray(selection.ids)})`;
    case 'namespace':
    case 'named':
      return `t.named_task_id = ANY('{${namedTasks.join(',')}}'::int[])`;
  }
}

/** Steps of tasks, by task, then step; a limit cuts very large pages. */
export function stepQuery(tasks: string, limit: number | undefined): string {
  return `SELECT ${STEP_COLUMNS} FROM tasker_workflow_steps s
    WHERE ${tasks} ORDER BY s.task_id, s.workflow_step_id ${limit === undefined ? '' : `LIMIT ${limit}`}`;
}

/** Edges into steps. */
export function edgeQuery(children: (column: string) => string): string {
  return `SELECT e.to_step_id::bigint, e.from_step_id::bigint FROM tasker_workflow_step_edges e
    WHERE ${children('e.to_step_id')}`;
}

/** Current states of steps; an index alone answers it. */
export function stepStateQuery(steps: (column: string) => string): string {
  return `SELECT t.workflow_step_id::bigint, t.to_state::text FROM tasker_workflow_step_transitions t
    WHERE t.most_recent = true AND ${steps('t.workflow_step_id')}`;
}

/** When the steps that are in error fell into it; an index alone answers it. */
export function failureQuery(steps: (column: string) => string): string {
  return `SELECT t.workflow_step_id::bigint, t.created_at::timestamp FROM tasker_workflow_step_transitions t
    WHERE t.most_recent = true AND t.to_state = 'error' AND ${steps('t.workflow_step_id')}`;
}

/** Stored next attempts. */
export function nextAttemptQuery(steps: (column: string) => string): string {
  return `SELECT w.step_id, w.next_attempt_at FROM tasker_core_steps w
    WHERE w.next_attempt_at IS NOT NULL AND ${steps('w.step_id')}`;
}
