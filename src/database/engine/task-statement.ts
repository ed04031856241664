import { moveKind } from '../../state-machine/moves.ts';
import { eventMetadata } from '../event-store/event-log.ts';
import { IDS_PER_NOTICE, TASK_CHANNEL } from './task-notices.ts';

/** Which parts a statement has; a part that no task needs is left out. */
export interface TaskStatementShape {
  /** Some step is bypassed. */
  readonly bypassed: boolean;
  /** Some step has inputs of its own. */
  readonly inputs: boolean;
  /** Engines are told. */
  readonly notify: boolean;
}

/** Parameters of a statement with their types, in order. */
const TASK_PARAMETERS = {
  all: ['at timestamp', 'fleet text', 'named_task integer', 'template_hash text'],
  /** One element for each task. */
  tasks: [
    'task_id bigint[]',
    'first_step bigint[]',
    'context jsonb[]',
    'identity_hash text[]',
    'requested_at timestamp[]',
    'initiator text[]',
    'source_system text[]',
    'reason text[]',
    'tags jsonb[]',
    'bypass_steps text[]',
    'priority integer[]',
    'correlation_id text[]',
    'parent_task_id bigint[]',
    'run_at timestamp[]',
    'trace_context text[]',
  ],
  /** One element for each step of the template. */
  steps: [
    'named_step integer[]',
    'retry_limit integer[]',
    'retryable boolean[]',
    'skippable boolean[]',
  ],
  /** One element for each edge: positions. */
  edges: ['parent integer[]', 'child integer[]'],
  /** One element for each bypassed step. */
  bypassed: [
    'bypass_task bigint[]',
    'bypass_step bigint[]',
    'bypass_id bigint[]',
    'bypass_event uuid[]',
    'bypass_metadata jsonb[]',
  ],
  /** One element for each step with inputs of its own. */
  inputs: ['input_step bigint[]', 'input_value jsonb[]'],
} as const;

/** The move by which a step is bypassed. */
const BYPASS = moveKind('step', 'pending', 'resolved_manually');

/** The parameters of a statement of this shape, in order. */
export function taskParametersOf(shape: TaskStatementShape): string[] {
  return [
    ...TASK_PARAMETERS.all,
    ...TASK_PARAMETERS.tasks,
    ...TASK_PARAMETERS.steps,
    ...TASK_PARAMETERS.edges,
    ...(shape.bypassed ? TASK_PARAMETERS.bypassed : []),
    ...(shape.inputs ? TASK_PARAMETERS.inputs : []),
  ];
}

/**
 * The statement that creates N tasks of one template: the tasks whose identity is not taken, and for
 * these their steps and edges, expanded from the template on the server. It answers which were made.
 * Sessions that create the same identities meet them in one order, so that none waits in a circle.
 *
 * A bypassed step is resolved by hand from the first moment: transition row, columns and event are
 * those of its move from pending.
 */
export function taskStatement(shape: TaskStatementShape): string {
  const parameters = taskParametersOf(shape);
  const of = (name: string): string => {
    const at = parameters.findIndex((text) => text.startsWith(`${name} `));
    return `$${at + 1}::${(parameters[at] as string).slice(name.length + 1)}`;
  };
  const rows = (texts: readonly string[], alias: string, prefix = ''): string => {
    const names = texts.map((text) => text.slice(0, text.indexOf(' ')));
    const columns = names.map((name) => name.slice(prefix.length));
    return `unnest(${names.map(of).join(', ')}) AS ${alias}(${columns.join(', ')})`;
  };
  const at = of('at');
  const bypassed = shape.bypassed ? 'b.step IS NOT NULL' : 'false';
  const parts = [
    `draft AS MATERIALIZED (SELECT * FROM ${rows(TASK_PARAMETERS.tasks, 'd')})`,
    `made AS (
  INSERT INTO tasker_tasks
    (task_id, named_task_id, requested_at, initiator, source_system, reason, bypass_steps, tags,
     context, identity_hash, created_at, updated_at)
  SELECT d.task_id, ${of('named_task')}, d.requested_at, d.initiator, d.source_system, d.reason,
         d.bypass_steps::json, d.tags, d.context, d.identity_hash, ${at}, ${at}
    FROM draft d
   ORDER BY d.identity_hash COLLATE "C"
  ON CONFLICT (identity_hash) DO NOTHING
  RETURNING task_id
)`,
    `task AS MATERIALIZED (SELECT d.* FROM draft d JOIN made m ON m.task_id = d.task_id)`,
    `core AS (
  INSERT INTO tasker_core_tasks
    (task_id, fleet, priority, correlation_id, parent_task_id, run_at, template_hash, trace_context)
  SELECT t.task_id, ${of('fleet')}, t.priority, t.correlation_id, t.parent_task_id, t.run_at,
         ${of('template_hash')}, t.trace_context
    FROM task t
)`,
    ...(shape.bypassed
      ? [
          `bypass AS MATERIALIZED (
  SELECT b.* FROM ${rows(TASK_PARAMETERS.bypassed, 'b', 'bypass_')} JOIN made m ON m.task_id = b.task
)`,
        ]
      : []),
    `step AS (
  INSERT INTO tasker_workflow_steps
    (workflow_step_id, task_id, named_step_id, retryable, retry_limit, skippable, in_process,
     processed, processed_at, attempts, inputs, results, created_at, updated_at)
  SELECT t.first_step + s.place - 1, t.task_id, s.named_step, s.retryable, s.retry_limit,
         s.skippable, false, ${bypassed}, ${shape.bypassed ? `CASE WHEN ${bypassed} THEN ${at} END` : 'NULL'}, 0,
         ${shape.inputs ? 'coalesce(i.value, t.context)' : 't.context'}, '{}', ${at}, ${at}
    FROM task t
   CROSS JOIN unnest(${TASK_PARAMETERS.steps.map((text) => of(text.slice(0, text.indexOf(' ')))).join(', ')})
         WITH ORDINALITY AS s(named_step, retry_limit, retryable, skippable, place)${
           shape.bypassed ? '\n    LEFT JOIN bypass b ON b.step = t.first_step + s.place - 1' : ''
         }${
           shape.inputs
             ? `\n    LEFT JOIN ${rows(TASK_PARAMETERS.inputs, 'i', 'input_')} ON i.step = t.first_step + s.place - 1`
             : ''
         }
)`,
    `edge AS (
  INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
  SELECT t.first_step + e.parent, t.first_step + e.child, 'provides', ${at}, ${at}
    FROM task t CROSS JOIN ${rows(TASK_PARAMETERS.edges, 'e')}
)`,
    ...(shape.bypassed
      ? [
          `resolved AS (
  INSERT INTO tasker_workflow_step_transitions
    (id, workflow_step_id, from_state, to_state, sort_key, most_recent, metadata, created_at, updated_at)
  SELECT b.id, b.step, '${BYPASS.from}', '${BYPASS.to}', 10, true, b.metadata, ${at}, ${at} FROM bypass b
)`,
          `event_row AS (
  INSERT INTO tasker_core_events
    (event_id, name, task_id, step_id, occurred_at, correlation_id, payload)
  SELECT b.event, '${BYPASS.events[0]}', b.task, b.step, ${at}, ${eventMetadata('b.metadata')}
    FROM bypass b ORDER BY b.step
)`,
        ]
      : []),
    ...(shape.notify
      ? [
          `notice AS MATERIALIZED (
  SELECT pg_notify('${TASK_CHANNEL}', string_agg(n.task_id::text, ',')) AS sent
    FROM (SELECT task_id, (row_number() OVER (ORDER BY task_id) - 1) / ${IDS_PER_NOTICE} AS page FROM made) n
   GROUP BY n.page
)`,
        ]
      : []),
  ];
  const told = shape.notify ? `, (SELECT count(n.sent) FROM notice n) AS notices` : '';
  return `WITH ${parts.join(',\n')}
SELECT (SELECT string_agg(m.task_id::text, ',') FROM made m) AS made${told}`;
}
