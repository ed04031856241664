import type pg from 'pg';

import { requireTaskerSchema, schemaState } from './schema-state.ts';

/** What a database holds, as far as it matters before anything is done with it. */
export interface DatabaseSurvey {
  /** The shared tables are missing; nothing else of ours is in the way. */
  readonly isEmpty: boolean;
  readonly hasTasks: boolean;
  /** The SQL functions of readiness, contexts and levels can be called. */
  readonly hasRailsFunctions: boolean;
}

/**
 * Looks what a database holds; a handful of quick statements, read-only.
 *
 * @throws TaskerError `TASKER_NOT_TASKER_DATABASE`, `TASKER_SCHEMA_VERSION`
 */
export async function surveyDatabase(client: pg.Client): Promise<DatabaseSurvey> {
  if ((await schemaState(client)).kind === 'empty') {
    return { isEmpty: true, hasTasks: false, hasRailsFunctions: false };
  }
  await requireTaskerSchema(client);
  const { rows } = await client.query<{ tasks: boolean; functions: boolean }>(
    `SELECT EXISTS (SELECT FROM tasker_tasks) AS tasks,
       to_regprocedure('get_step_readiness_status_batch(bigint[])') IS NOT NULL
       AND to_regprocedure('get_task_execution_contexts_batch(bigint[])') IS NOT NULL
       AND to_regprocedure('calculate_dependency_levels(bigint)') IS NOT NULL AS functions`,
  );
  const found = rows[0]!;
  return { isEmpty: false, hasTasks: found.tasks, hasRailsFunctions: found.functions };
}
