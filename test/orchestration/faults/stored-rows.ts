import { expect } from 'vitest';

import { rowsOf, runsOf } from './engine-processes.ts';

/** Of both transition tables: the chain from row to row, and exactly one that is the most recent. */
const chainFaults = (table: string, owner: string): string => `
WITH chain AS (
  SELECT ${owner} AS owner, to_state, from_state, sort_key, most_recent,
         lag(to_state) OVER w AS before, lag(sort_key) OVER w AS sort_before,
         lead(sort_key) OVER w AS sort_after
    FROM ${table} WINDOW w AS (PARTITION BY ${owner} ORDER BY sort_key))
SELECT owner::text, from_state, to_state, sort_key, most_recent FROM chain
 WHERE coalesce(from_state, 'pending') <> coalesce(before, 'pending')
    OR sort_key <> coalesce(sort_before, 0) + 10
    OR most_recent <> (sort_after IS NULL)`;

/** What the columns of a step say against its transitions. */
const STEP_FAULTS = `
SELECT s.workflow_step_id::text AS step, s.attempts, s.processed, s.in_process, x.to_state, e.ended
  FROM tasker_workflow_steps s
  LEFT JOIN tasker_workflow_step_transitions x
    ON x.workflow_step_id = s.workflow_step_id AND x.most_recent
 CROSS JOIN LATERAL (
   SELECT count(*)::int AS ended FROM tasker_workflow_step_transitions t
    WHERE t.workflow_step_id = s.workflow_step_id AND t.from_state = 'in_progress'
      AND t.to_state IN ('complete', 'error')) e
 WHERE coalesce(s.attempts, 0) <> e.ended
    OR coalesce(s.processed, false)
       <> (coalesce(x.to_state, 'pending') IN ('complete', 'resolved_manually'))
    OR coalesce(s.in_process, false)`;

const TASK_FAULTS = `
SELECT t.task_id::text AS task, t.complete, x.to_state FROM tasker_tasks t
  LEFT JOIN tasker_task_transitions x ON x.task_id = t.task_id AND x.most_recent
 WHERE coalesce(t.complete, false) <> (coalesce(x.to_state, 'pending') = 'complete')`;

/** One event for each transition that is mapped to one. */
const EVENT_FAULTS = `
SELECT moves.made, events.stored FROM
  (SELECT (SELECT count(*) FROM tasker_workflow_step_transitions)
        + (SELECT count(*) FROM tasker_task_transitions) AS made) moves,
  (SELECT count(*) AS stored FROM tasker_core_events
    WHERE name NOT IN ('task.paused', 'task.resumed', 'engine.lease_expired')) events
 WHERE moves.made <> events.stored`;

/** Holds what is stored against the contract, row by row. */
export async function expectSoundRows(url: string): Promise<void> {
  for (const query of [
    chainFaults('tasker_workflow_step_transitions', 'workflow_step_id'),
    chainFaults('tasker_task_transitions', 'task_id'),
    STEP_FAULTS,
    TASK_FAULTS,
    EVENT_FAULTS,
  ]) {
    expect(await rowsOf(url, `${query}\n LIMIT 5`), query).toEqual([]);
  }
}

interface StepFacts {
  readonly step: string;
  readonly attempts: number;
  readonly completed: number;
}

/**
 * Every step was completed exactly once, and no run of a handler is missing among its attempts.
 *
 * @returns attempts that ended without the handler having been run
 */
export async function expectOnce(url: string, runs: string): Promise<number> {
  const steps = await rowsOf<StepFacts>(
    url,
    `SELECT s.workflow_step_id::text AS step, s.attempts,
            (SELECT count(*)::int FROM tasker_workflow_step_transitions t
              WHERE t.workflow_step_id = s.workflow_step_id AND t.to_state = 'complete') AS completed
       FROM tasker_workflow_steps s`,
  );
  const counts = runsOf(runs);
  expect(steps.filter(({ completed }) => completed !== 1)).toEqual([]);
  const uncounted = steps.filter(({ step, attempts }) => (counts.get(step) ?? 0) > attempts);
  expect(uncounted).toEqual([]);
  expect(steps.filter(({ step }) => !counts.has(step))).toEqual([]);
  return steps.reduce((sum, { step, attempts }) => sum + attempts - (counts.get(step) ?? 0), 0);
}
