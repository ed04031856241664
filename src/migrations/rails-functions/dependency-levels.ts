import type { FunctionDefinition } from './definition.ts';

/**
 * Length of the longest path from a root to each step that a root reaches, along edges inside the task.
 *
 * Kahn's algorithm over arrays (A. B. Kahn, "Topological sorting of large networks", 1962), O(steps + edges), where
 * a recursive query would walk every path and never return from a cycle. Steps are numbered 1..n in the order of
 * their ids; the children of step i are `children[first_child[i] .. first_child[i + 1] - 1]`. The first pass finds
 * what the roots reach and counts its incoming edges, so that an unreached parent holds nobody back; the second
 * settles a step when the last of those edges is used up. Steps left over stand on or behind a cycle.
 */
export const dependencyLevels: FunctionDefinition = {
  name: 'calculate_dependency_levels',
  argumentTypes: 'bigint',
  parameters: 'input_task_id bigint',
  columns: 'workflow_step_id bigint, dependency_level integer',
  variables: `
  ids bigint[];
  roots integer[];
  children integer[];
  first_child integer[];
  waiting integer[];
  levels integer[];
  queue integer[];
  head integer;
  reached integer;
  at_step integer;
  child integer;
  place integer;`,
  body: () => `
  SELECT array_agg(step.workflow_step_id ORDER BY step.workflow_step_id) INTO ids
  FROM tasker_workflow_steps AS step
  WHERE step.task_id = input_task_id;
  IF ids IS NULL THEN
    RETURN;
  END IF;

  WITH numbered AS MATERIALIZED (
    SELECT listed.id, listed.position::integer AS position FROM unnest(ids) WITH ORDINALITY AS listed(id, position)
  ), grouped AS MATERIALIZED (
    SELECT parent.position, array_agg(child_step.position) AS targets
    FROM numbered AS parent
    JOIN tasker_workflow_step_edges AS edge ON edge.from_step_id = parent.id
    JOIN numbered AS child_step ON child_step.id = edge.to_step_id
    GROUP BY parent.position
  ), laid_out AS MATERIALIZED (
    SELECT numbered.position, grouped.targets,
           1 + coalesce(sum(cardinality(grouped.targets)) OVER (
             ORDER BY numbered.position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS first_place
    FROM numbered LEFT JOIN grouped ON grouped.position = numbered.position
  )
  SELECT (SELECT array_agg(target.position ORDER BY laid_out.position)
          FROM laid_out CROSS JOIN LATERAL unnest(laid_out.targets) AS target(position)),
         (SELECT array_agg(laid_out.first_place::integer ORDER BY laid_out.position) FROM laid_out),
         (SELECT array_agg(numbered.position ORDER BY numbered.position)
          FROM numbered
          WHERE NOT EXISTS (SELECT FROM tasker_workflow_step_edges AS edge WHERE edge.to_step_id = numbered.id))
  INTO children, first_child, roots;
  IF roots IS NULL THEN
    RETURN;
  END IF;

  children := coalesce(children, '{}');
  first_child := first_child || (cardinality(children) + 1);
  waiting := array_fill(0, ARRAY[cardinality(ids)]);
  levels := array_fill(NULL::integer, ARRAY[cardinality(ids)]);

  queue := roots;
  head := 1;
  WHILE head <= cardinality(queue) LOOP
    at_step := queue[head];
    head := head + 1;
    FOR place IN first_child[at_step] .. first_child[at_step + 1] - 1 LOOP
      child := children[place];
      IF waiting[child] = 0 THEN
        queue := queue || child;
      END IF;
      waiting[child] := waiting[child] + 1;
    END LOOP;
  END LOOP;
  reached := cardinality(queue);

  queue := roots;
  head := 1;
  FOREACH at_step IN ARRAY roots LOOP
    levels[at_step] := 0;
  END LOOP;
  WHILE head <= cardinality(queue) LOOP
    at_step := queue[head];
    head := head + 1;
    FOR place IN first_child[at_step] .. first_child[at_step + 1] - 1 LOOP
      child := children[place];
      levels[child] := greatest(levels[child], levels[at_step] + 1);
      waiting[child] := waiting[child] - 1;
      IF waiting[child] = 0 THEN
        queue := queue || child;
      END IF;
    END LOOP;
  END LOOP;

  IF cardinality(queue) < reached THEN
    RAISE EXCEPTION 'task % has steps that depend on each other in a circle: % of them cannot be given a level',
      input_task_id, reached - cardinality(queue)
      USING HINT = 'Remove one edge of the circle from tasker_workflow_step_edges.',
            ERRCODE = 'data_exception';
  END IF;

  RETURN QUERY
  SELECT settled.id, settled.level
  FROM unnest(ids, levels) AS settled(id, level)
  WHERE settled.level IS NOT NULL
  ORDER BY settled.level, settled.id;`,
};
