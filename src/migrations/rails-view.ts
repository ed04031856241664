/** Name of the one view that a Tasker database holds. */
export const RAILS_VIEW = 'tasker_step_dag_relationships';

/** Columns of the view: name and type, in order. */
export const RAILS_VIEW_COLUMNS: readonly (readonly [name: string, type: string])[] = [
  ['workflow_step_id', 'bigint'],
  ['task_id', 'bigint'],
  ['named_step_id', 'integer'],
  ['parent_step_ids', 'jsonb'],
  ['child_step_ids', 'jsonb'],
  ['parent_count', 'bigint'],
  ['child_count', 'bigint'],
  ['is_root_step', 'boolean'],
  ['is_leaf_step', 'boolean'],
  ['min_depth_from_root', 'integer'],
];

/**
 * The statement that creates the view.
 *
 * The depth of a step is found by walking upwards from that step, not downwards from all roots: a
 * query for one task then touches only that task's ancestors. `UNION` keeps one row a step and
 * depth, so many paths to one ancestor cost nothing, and the cap of 50 ends the walk on a cycle.
 */
export const CREATE_RAILS_VIEW = `
CREATE VIEW ${RAILS_VIEW} AS
SELECT step.workflow_step_id,
       step.task_id,
       step.named_step_id,
       incoming.step_ids AS parent_step_ids,
       outgoing.step_ids AS child_step_ids,
       incoming.edge_count AS parent_count,
       outgoing.edge_count AS child_count,
       incoming.edge_count = 0 AS is_root_step,
       outgoing.edge_count = 0 AS is_leaf_step,
       depth.shortest AS min_depth_from_root
  FROM tasker_workflow_steps step
 CROSS JOIN LATERAL (
         SELECT count(*) AS edge_count,
                coalesce(jsonb_agg(edge.from_step_id ORDER BY edge.from_step_id), '[]') AS step_ids
           FROM tasker_workflow_step_edges edge
          WHERE edge.to_step_id = step.workflow_step_id
       ) incoming
 CROSS JOIN LATERAL (
         SELECT count(*) AS edge_count,
                coalesce(jsonb_agg(edge.to_step_id ORDER BY edge.to_step_id), '[]') AS step_ids
           FROM tasker_workflow_step_edges edge
          WHERE edge.from_step_id = step.workflow_step_id
       ) outgoing
 CROSS JOIN LATERAL (
         WITH RECURSIVE ancestor (step_id, distance) AS (
           SELECT step.workflow_step_id, 0
            UNION
           SELECT edge.from_step_id, ancestor.distance + 1
             FROM ancestor
             JOIN tasker_workflow_step_edges edge ON edge.to_step_id = ancestor.step_id
            WHERE ancestor.distance < 50
         )
         SELECT min(ancestor.distance) AS shortest
           FROM ancestor
          WHERE NOT EXISTS (
                  SELECT 1
                    FROM tasker_workflow_step_edges edge
                   WHERE edge.to_step_id = ancestor.step_id
                )
       ) depth`.trim();
