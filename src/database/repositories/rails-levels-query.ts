import type pg from 'pg';

import { bigintArray, type RailsLevelRow } from './rails-queries.ts';

/**
 * Dependency levels of the listed tasks by the SQL function, which takes one task at a time: one
 * statement calls it for each, so that no round trip is counted against it. In no particular order.
 */
export async function railsDependencyLevelsOf(
  client: pg.Client,
  taskIds: readonly bigint[],
): Promise<RailsLevelRow[]> {
  const text = `SELECT levels.workflow_step_id, levels.dependency_level
    FROM unnest($1::bigint[]) AS task(id), LATERAL calculate_dependency_levels(task.id) AS levels`;
  return (await client.query<RailsLevelRow>(text, [bigintArray(taskIds)])).rows;
}
