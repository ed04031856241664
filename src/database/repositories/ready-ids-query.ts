import type pg from 'pg';

import { TRANSACTION_CLOCK } from '../../migrations/rails-functions/definition.ts';
import { bigintArray } from './rails-queries.ts';

/**
 * The ids of the steps that may run now, by the fastest plain SQL we know: the other fair opponent of the resolver.
 *
 * It answers only this one question. A step's own columns and state sort most steps out before any edge is read, and
 * `NOT EXISTS` stops at the first parent that is not done. The session must have `jit = off` (as `connect` sets it).
 */
export function readyIdsStatement(
  selection: 'all' | 'listed',
  clock: string = TRANSACTION_CLOCK,
): string {
  return `
SELECT step.workflow_step_id
FROM tasker_workflow_steps AS step
LEFT JOIN tasker_workflow_step_transitions AS latest
  ON latest.workflow_step_id = step.workflow_step_id AND latest.most_recent = true
WHERE (latest.id IS NULL OR latest.to_state IN ('pending', 'error'))
  AND NOT step.processed AND NOT step.in_process AND step.retryable
  AND coalesce(step.attempts, 0) < coalesce(step.retry_limit, 3)
  AND (step.backoff_request_seconds IS NULL OR step.last_attempted_at IS NULL
       OR step.last_attempted_at + make_interval(secs => step.backoff_request_seconds) <= ${clock})
  AND (latest.id IS NULL OR latest.to_state <> 'error'
       OR latest.created_at + make_interval(
            secs => least(power(2::float8, least(greatest(coalesce(step.attempts, 1), -60), 5)), 30)) <= ${clock})
  AND NOT EXISTS (
    SELECT FROM tasker_workflow_step_edges AS edge
    WHERE edge.to_step_id = step.workflow_step_id
      AND NOT EXISTS (
        SELECT FROM tasker_workflow_step_transitions AS parent
        WHERE parent.workflow_step_id = edge.from_step_id
          AND parent.most_recent = true
          AND parent.to_state IN ('complete', 'resolved_manually')))${
            selection === 'listed' ? '\n  AND step.task_id = ANY ($1::bigint[])' : ''
          }`;
}

/** Runs {@link readyIdsStatement} for the listed tasks, or for all; the ids come in no particular order, as text. */
export async function readyStepIds(
  client: pg.Client,
  taskIds?: readonly bigint[],
): Promise<string[]> {
  const { rows } = await client.query<[string]>({
    text: readyIdsStatement(taskIds === undefined ? 'all' : 'listed'),
    values: taskIds === undefined ? [] : [bigintArray(taskIds)],
    rowMode: 'array',
  });
  return rows.map(([id]) => id);
}
