import { formatNaive } from '../../graph/snapshot/instants.ts';
import { jsonbArray, textArray } from '../copy/binary-arrays.ts';
import type { Queries } from '../id-block.ts';

/** A run of a task: from the transition that set it in progress. */
export interface TaskRunKey {
  readonly taskId: bigint;
  /** Id of that transition's row. */
  readonly token: bigint;
}

/** A step that completed in a run, with its results as JSON decoded. */
export interface CompletedStepRow {
  readonly stepId: bigint;
  readonly name: string;
  readonly results: unknown;
}

/** The steps that completed in a run, whoever ran them, in the order of their ids. One statement. */
export async function readCompletedSteps(
  client: Queries,
  { taskId, token }: TaskRunKey,
): Promise<CompletedStepRow[]> {
  const { rows } = await client.query<{ step_id: string; name: string; results: unknown }>({
    name: 'tasker_completed_steps',
    text: `SELECT s.workflow_step_id AS step_id, n.name, s.results
             FROM tasker_workflow_steps s
             JOIN tasker_named_steps n ON n.named_step_id = s.named_step_id
             JOIN tasker_workflow_step_transitions x
               ON x.workflow_step_id = s.workflow_step_id AND x.most_recent
            WHERE s.task_id = $1 AND x.to_state = 'complete'
              AND x.created_at >= (SELECT created_at FROM tasker_task_transitions WHERE id = $2)
            ORDER BY s.workflow_step_id`,
    values: [taskId, token],
  });
  return rows.map(({ step_id: id, name, results }) => ({ stepId: BigInt(id), name, results }));
}

/**
 * Stores annotations of a run; a type that is new is created. What was stored in the same run
 * already, of the same type and with the same JSON, is not stored again.
 *
 * @param annotations type and JSON text of each
 * @param at µs since the epoch
 */
export async function storeAnnotations(
  client: Queries,
  { taskId, token }: TaskRunKey,
  annotations: readonly (readonly [type: string, json: string])[],
  at: number,
): Promise<void> {
  if (annotations.length === 0) return;
  const types = textArray(annotations.map(([type]) => type));
  const now = formatNaive(at);
  await client.query({
    name: 'tasker_annotation_types',
    text: `INSERT INTO tasker_annotation_types (name, created_at, updated_at)
           SELECT DISTINCT n, $2::timestamp, $2::timestamp FROM unnest($1::text[]) AS n
            WHERE NOT EXISTS (SELECT FROM tasker_annotation_types t WHERE t.name = n)
           ON CONFLICT DO NOTHING`,
    values: [types, now],
  });
  await client.query({
    name: 'tasker_annotations',
    text: `INSERT INTO tasker_task_annotations
             (task_id, annotation_type_id, annotation, created_at, updated_at)
           SELECT $1::bigint, t.annotation_type_id, a.json, $4::timestamp, $4::timestamp
             FROM unnest($2::text[], $3::jsonb[]) WITH ORDINALITY AS a(type, json, place)
             JOIN tasker_annotation_types t ON t.name = a.type
            WHERE NOT EXISTS (
                    SELECT FROM tasker_task_annotations o
                     WHERE o.task_id = $1::bigint AND o.annotation_type_id = t.annotation_type_id
                       AND o.annotation = a.json
                       AND o.created_at >= (SELECT created_at FROM tasker_task_transitions
                                             WHERE id = $5::bigint))
            ORDER BY a.place`,
    values: [taskId, types, jsonbArray(annotations.map(([, json]) => json)), now, token],
  });
}
