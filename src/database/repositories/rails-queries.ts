import type pg from 'pg';

/** A row of the readiness functions as node-postgres gives it: bigint and timestamps are text. */
export interface RailsReadinessRow {
  readonly workflow_step_id: string;
  readonly task_id: string;
  readonly named_step_id: number;
  readonly name: string;
  readonly current_state: string;
  readonly dependencies_satisfied: boolean;
  readonly retry_eligible: boolean;
  readonly ready_for_execution: boolean;
  readonly last_failure_at: string | null;
  readonly next_retry_at: string | null;
  readonly total_parents: number;
  readonly completed_parents: number;
  readonly attempts: number;
  readonly retry_limit: number;
  readonly backoff_request_seconds: number | null;
  readonly last_attempted_at: string | null;
}

/** A row of the context functions; counts and the percentage are text, as bigint and numeric are. */
export interface RailsContextRow {
  readonly task_id: string;
  readonly named_task_id: number;
  readonly status: string;
  readonly total_steps: string;
  readonly pending_steps: string;
  readonly in_progress_steps: string;
  readonly completed_steps: string;
  readonly failed_steps: string;
  readonly ready_steps: string;
  readonly execution_status: string;
  readonly recommended_action: string;
  readonly completion_percentage: string;
  readonly health_status: string;
}

/** A row of the levels function. */
export interface RailsLevelRow {
  readonly workflow_step_id: string;
  readonly dependency_level: number;
}

/**
 * Readiness of the steps of one task by the SQL function, in no particular order; `stepIds` narrows the answer.
 *
 * The calls of this file need the functions of the Rails engine or those of `installRailsFunctions`. They are what a
 * client without this package's resolver would do, and what the resolver is compared with.
 */
export async function railsStepReadiness(
  client: pg.Client,
  taskId: bigint,
  stepIds?: readonly bigint[],
): Promise<RailsReadinessRow[]> {
  const text = 'SELECT * FROM get_step_readiness_status($1::bigint, $2::bigint[])';
  const values = [String(taskId), stepIds === undefined ? null : bigintArray(stepIds)];
  return (await client.query<RailsReadinessRow>(text, values)).rows;
}

/** Readiness of every step of the listed tasks by the SQL batch function, in no particular order. */
export async function railsStepReadinessBatch(
  client: pg.Client,
  taskIds: readonly bigint[],
): Promise<RailsReadinessRow[]> {
  const text = 'SELECT * FROM get_step_readiness_status_batch($1::bigint[])';
  return (await client.query<RailsReadinessRow>(text, [bigintArray(taskIds)])).rows;
}

/** Execution context of one task by the SQL function; undefined when there is no such task. */
export async function railsTaskContext(
  client: pg.Client,
  taskId: bigint,
): Promise<RailsContextRow | undefined> {
  const text = 'SELECT * FROM get_task_execution_context($1::bigint)';
  return (await client.query<RailsContextRow>(text, [String(taskId)])).rows[0];
}

/** Execution contexts of the listed tasks by the SQL batch function, by task id. */
export async function railsTaskContexts(
  client: pg.Client,
  taskIds: readonly bigint[],
): Promise<RailsContextRow[]> {
  const text = 'SELECT * FROM get_task_execution_contexts_batch($1::bigint[])';
  return (await client.query<RailsContextRow>(text, [bigintArray(taskIds)])).rows;
}

/** Dependency levels of one task by the SQL function, by level and step; raises when a root leads into a cycle. */
export async function railsDependencyLevels(
  client: pg.Client,
  taskId: bigint,
): Promise<RailsLevelRow[]> {
  const text = 'SELECT * FROM calculate_dependency_levels($1::bigint)';
  return (await client.query<RailsLevelRow>(text, [String(taskId)])).rows;
}

/** Array literal: cheaper to write than node-postgres' own, which quotes every element. */
export function bigintArray(ids: readonly bigint[]): string {
  return `{${ids.join(',')}}`;
}
