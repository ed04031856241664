import type pg from 'pg';

/** Lengths of earlier attempts of a task's steps, by name of the step, and what runs now. */
export interface StepDurations {
  /** Seconds of completed attempts, the latest first. */
  readonly seen: ReadonlyMap<string, readonly number[]>;
  /** Seconds since each step in progress was started, by the database's clock. */
  readonly running: ReadonlyMap<bigint, number>;
}

// an attempt lasts from the latest in_progress before the completion to the completion
const SEEN = `
  SELECT named.name, seen.seconds
  FROM tasker_named_steps named
  CROSS JOIN LATERAL (
    SELECT extract(epoch FROM ended.created_at - begun.created_at)::double precision AS seconds
    FROM tasker_workflow_steps step
    JOIN tasker_workflow_step_transitions ended
      ON ended.workflow_step_id = step.workflow_step_id
      AND ended.most_recent AND ended.to_state = 'complete'
    CROSS JOIN LATERAL (
      SELECT earlier.created_at
      FROM tasker_workflow_step_transitions earlier
      WHERE earlier.workflow_step_id = step.workflow_step_id
        AND earlier.to_state = 'in_progress' AND earlier.sort_key < ended.sort_key
      ORDER BY earlier.sort_key DESC
      LIMIT 1
    ) begun
    WHERE step.named_step_id = named.named_step_id AND ended.created_at >= begun.created_at
    ORDER BY step.workflow_step_id DESC
    LIMIT $2::bigint
  ) seen
  WHERE named.named_step_id IN (
    SELECT named_step_id FROM tasker_workflow_steps WHERE task_id = $1::bigint
  )`;

const RUNNING = `
  SELECT step.workflow_step_id AS id,
    greatest(0, extract(epoch FROM timezone('UTC', now()) - begun.created_at))::double precision
      AS seconds
  FROM tasker_workflow_steps step
  JOIN tasker_workflow_step_transitions begun
    ON begun.workflow_step_id = step.workflow_step_id
    AND begun.most_recent AND begun.to_state = 'in_progress'
  WHERE step.task_id = $1::bigint`;

/**
 * How long the steps of a task took in all tasks so far, and how long those in progress have been
 * running. Read-only.
 *
 * @param most completed steps of each name that are looked at, the latest ones
 */
export async function stepDurations(
  client: pg.Client,
  taskId: bigint,
  most: number,
): Promise<StepDurations> {
  const lengths = await client.query<{ name: string; seconds: number }>(SEEN, [
    String(taskId),
    String(most),
  ]);
  const seen = new Map<string, number[]>();
  for (const { name, seconds } of lengths.rows) {
    const known = seen.get(name);
    if (known === undefined) seen.set(name, [seconds]);
    else known.push(seconds);
  }
  const begun = await client.query<{ id: string; seconds: number }>(RUNNING, [String(taskId)]);
  return { seen, running: new Map(begun.rows.map(({ id, seconds }) => [BigInt(id), seconds])) };
}
