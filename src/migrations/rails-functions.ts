import pg from 'pg';

import { TaskerError } from '../errors.ts';
import { analyticsMetrics } from './rails-functions/analytics.ts';
import { type FunctionDefinition, TRANSACTION_CLOCK } from './rails-functions/definition.ts';
import { dependencyLevels } from './rails-functions/dependency-levels.ts';
import { slowestSteps, slowestTasks } from './rails-functions/slowest.ts';
import { stepReadiness, stepReadinessBatch } from './rails-functions/step-readiness.ts';
import { systemHealthCounts } from './rails-functions/system-health.ts';
import { taskContext, taskContextsBatch } from './rails-functions/task-context.ts';

/** The nine functions that a Rails engine calls. */
export const RAILS_FUNCTIONS: readonly FunctionDefinition[] = [
  stepReadiness,
  stepReadinessBatch,
  taskContext,
  taskContextsBatch,
  dependencyLevels,
  systemHealthCounts,
  analyticsMetrics,
  slowestSteps,
  slowestTasks,
];

// Tells our functions from those that another engine installed under the same names.
const MARK = 'tasker-core';

/**
 * Installs the SQL functions of the shared schema, with its names, arguments and columns and bodies of our own.
 *
 * All or none, inside the caller's transaction if there is one; again and again without effect. A function of the
 * same interface is replaced, whoever made it; one whose answer has other columns is replaced only if it is ours.
 *
 * @throws TaskerError `TASKER_SCHEMA_CONFLICT` naming a function that differs and is not ours
 */
export async function installRailsFunctions(client: pg.Client): Promise<void> {
  try {
    // One query text is one transaction, and joins one that is open.
    await client.query(RAILS_FUNCTIONS.map((definition) => installation(definition)).join('\n'));
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === '42P13') {
      throw new TaskerError(
        'TASKER_SCHEMA_CONFLICT',
        `A function of the database differs: ${error.message}.`,
        {
          remedy: 'Drop that function if no other engine needs it, then install again.',
          cause: error,
          data: { reason: error.message },
        },
      );
    }
    throw error;
  }
}

/** The statement that creates one function; `clock` stands in for the transaction's instant (naive UTC). */
export function createFunctionStatement(
  definition: FunctionDefinition,
  clock: string = TRANSACTION_CLOCK,
): string {
  const variables = definition.variables === undefined ? '' : `DECLARE${definition.variables}\n`;
  return `CREATE OR REPLACE FUNCTION ${definition.name}(${definition.parameters})
RETURNS TABLE (${definition.columns})
LANGUAGE plpgsql STABLE AS $function$
#variable_conflict use_column
${variables}BEGIN${definition.body(clock)}
END
$function$`;
}

function installation(definition: FunctionDefinition): string {
  const statement = createFunctionStatement(definition);
  const signature = `${definition.name}(${definition.argumentTypes})`;
  return `
DO $install$
DECLARE
  reason text;
BEGIN
  EXECUTE $statement$${statement}$statement$;
  COMMENT ON FUNCTION ${signature} IS '${MARK}: same interface as the Rails engine''s';
EXCEPTION WHEN invalid_function_definition THEN
  GET STACKED DIAGNOSTICS reason = MESSAGE_TEXT;
  IF coalesce(obj_description('${signature}'::regprocedure, 'pg_proc') LIKE '${MARK}:%', false) THEN
    DROP FUNCTION ${signature};
    EXECUTE $statement$${statement}$statement$;
    COMMENT ON FUNCTION ${signature} IS '${MARK}: same interface as the Rails engine''s';
  ELSE
    RAISE EXCEPTION '${definition.name}: %', reason USING ERRCODE = 'invalid_function_definition';
  END IF;
END
$install$;`;
}
