import { instantText, parseInstant } from '../../graph/snapshot/instants.ts';
import { SATISFIED_STATES } from '../../state-machine/states.ts';
import { int4Array, int8Array, textArray, timestampArray } from '../copy/binary-arrays.ts';
import type { Queries } from '../id-block.ts';

/** The subject of an event: which rows say more about it, as of which instant. */
export interface EventSubject {
  readonly taskId: bigint | undefined;
  readonly stepId: bigint | undefined;
  /** ISO text, six digits, UTC. */
  readonly createdAt: string;
  /** State that the event's transition leads to; undefined for an event of no transition. */
  readonly toState: string | undefined;
}

/** What the rows of a task say; instants as ISO text, six digits, UTC. */
export interface TaskNames {
  readonly name: string;
  readonly createdAt: string;
  readonly correlationId: string | null;
}

/** How a task stood when it came into a state. */
export interface TaskFacts {
  readonly fromState: string | null;
  readonly context: unknown;
  readonly totalSteps: number;
  readonly completedSteps: number;
  readonly failedSteps: number;
  readonly failedNames: readonly string[];
}

/** How a step stood when it came into a state. */
export interface StepFacts {
  readonly name: string;
  readonly retryLimit: number | null;
  readonly fromState: string | null;
  /** Claims up to then, and the latest of them. */
  readonly claims: number;
  readonly claimedAt: string | null;
  /** Where the step was claimed: inputs and names of the parents. */
  readonly inputs: unknown;
  readonly parents: readonly string[];
  /** Where the step is done: its results. */
  readonly results: unknown;
}

/** What the rows say about events; the last two by the place of the event in the list. */
export interface EventFacts {
  readonly names: ReadonlyMap<bigint, TaskNames>;
  readonly tasks: ReadonlyMap<number, TaskFacts>;
  readonly steps: ReadonlyMap<number, StepFacts>;
}

const DONE = SATISFIED_STATES.map((state) => `'${state}'`).join(', ');

const TASK_NAMES = `
SELECT t.task_id::text AS task, n.name, t.created_at::text AS created_at, c.correlation_id
  FROM unnest($1::bigint[]) AS q(task)
  JOIN tasker_tasks t ON t.task_id = q.task
  JOIN tasker_named_tasks n ON n.named_task_id = t.named_task_id
  LEFT JOIN tasker_core_tasks c ON c.task_id = t.task_id`;

const TASK_FACTS = `
SELECT q.place, x.from_state, CASE WHEN q.to_state = 'in_progress' THEN t.context END AS context,
       s.total::int, s.completed::int, s.failed::int, s.names
  FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::timestamp[]) AS q(place, task, to_state, at)
  JOIN tasker_tasks t ON t.task_id = q.task
  LEFT JOIN LATERAL (
    SELECT r.from_state FROM tasker_task_transitions r
     WHERE r.task_id = q.task AND r.created_at = q.at AND r.to_state = q.to_state LIMIT 1) x ON true
  CROSS JOIN LATERAL (
    SELECT count(*) AS total, count(*) FILTER (WHERE y.to_state IN (${DONE})) AS completed,
           count(*) FILTER (WHERE y.to_state = 'error') AS failed,
           array_agg(n.name ORDER BY w.workflow_step_id)
             FILTER (WHERE y.to_state = 'error' AND q.to_state = 'error') AS names
      FROM tasker_workflow_steps w
      JOIN tasker_named_steps n ON n.named_step_id = w.named_step_id
      LEFT JOIN LATERAL (
        SELECT r.to_state FROM tasker_workflow_step_transitions r
         WHERE r.workflow_step_id = w.workflow_step_id
           -- at one instant, a task's start comes before what its steps do, its end after
           AND (r.created_at < q.at OR r.created_at = q.at
                AND (q.to_state <> 'in_progress' OR r.to_state = 'resolved_manually'))
         ORDER BY r.sort_key DESC LIMIT 1) y ON true
     WHERE w.task_id = q.task) s`;

const STEP_FACTS = `
SELECT q.place, n.name, s.retry_limit, x.from_state, x.claims::int, x.claimed_at::text AS claimed_at,
       CASE WHEN q.to_state = 'in_progress' THEN s.inputs END AS inputs,
       CASE WHEN q.to_state = 'in_progress' THEN ARRAY(
         SELECT m.name FROM tasker_workflow_step_edges e
           JOIN tasker_workflow_steps p ON p.workflow_step_id = e.from_step_id
           JOIN tasker_named_steps m ON m.named_step_id = p.named_step_id
          WHERE e.to_step_id = q.step ORDER BY p.workflow_step_id) END AS parents,
       CASE WHEN q.to_state IN (${DONE}) THEN s.results END AS results
  FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::timestamp[]) AS q(place, step, to_state, at)
  JOIN tasker_workflow_steps s ON s.workflow_step_id = q.step
  JOIN tasker_named_steps n ON n.named_step_id = s.named_step_id
  CROSS JOIN LATERAL (
    SELECT min(r.from_state) FILTER (WHERE r.created_at = q.at AND r.to_state = q.to_state) AS from_state,
           count(*) FILTER (WHERE r.to_state = 'in_progress') AS claims,
           max(r.created_at) FILTER (WHERE r.to_state = 'in_progress') AS claimed_at
      FROM tasker_workflow_step_transitions r
     WHERE r.workflow_step_id = q.step AND r.created_at <= q.at) x`;

/**
 * What the rows of tasks and steps say about events, as of the instant of each. Rows that have been
 * deleted say nothing. At most three statements, each O(events · log rows) apart from those of tasks,
 * which are O(steps of the task).
 */
export async function readEventFacts(
  client: Queries,
  subjects: readonly EventSubject[],
): Promise<EventFacts> {
  const places = [...subjects.entries()];
  const ofSteps = places.filter(([, { stepId }]) => stepId !== undefined);
  const ofTasks = places.filter(
    ([, { taskId, stepId, toState }]) =>
      taskId !== undefined && stepId === undefined && toState !== undefined,
  );
  const taskIds = new Set(subjects.flatMap(({ taskId }) => (taskId === undefined ? [] : [taskId])));
  return {
    names: await readNames(client, [...taskIds]),
    tasks: await readTasks(client, ofTasks),
    steps: await readSteps(client, ofSteps),
  };
}

type Placed = readonly [place: number, subject: EventSubject];

async function readNames(
  client: Queries,
  taskIds: readonly bigint[],
): Promise<Map<bigint, TaskNames>> {
  if (taskIds.length === 0) return new Map();
  const { rows } = await client.query<{
    task: string;
    name: string;
    created_at: string;
    correlation_id: string | null;
  }>({ name: 'tasker_event_tasks', text: TASK_NAMES, values: [int8Array(taskIds)] });
  return new Map(
    rows.map((row) => [
      BigInt(row.task),
      {
        name: row.name,
        createdAt: instantOf(row.created_at),
        correlationId: row.correlation_id,
      },
    ]),
  );
}

async function readTasks(
  client: Queries,
  placed: readonly Placed[],
): Promise<Map<number, TaskFacts>> {
  if (placed.length === 0) return new Map();
  const { rows } = await client.query<{
    place: number;
    from_state: string | null;
    context: unknown;
    total: number;
    completed: number;
    failed: number;
    names: string[] | null;
  }>({
    name: 'tasker_event_task_facts',
    text: TASK_FACTS,
    values: parametersOf(placed, ({ taskId }) => taskId),
  });
  return new Map(
    rows.map((row) => [
      row.place,
      {
        fromState: row.from_state,
        context: row.context,
        totalSteps: row.total,
        completedSteps: row.completed,
        failedSteps: row.failed,
        failedNames: row.names ?? [],
      },
    ]),
  );
}

async function readSteps(
  client: Queries,
  placed: readonly Placed[],
): Promise<Map<number, StepFacts>> {
  if (placed.length === 0) return new Map();
  const { rows } = await client.query<{
    place: number;
    name: string;
    retry_limit: number | null;
    from_state: string | null;
    claims: number;
    claimed_at: string | null;
    inputs: unknown;
    parents: string[] | null;
    results: unknown;
  }>({
    name: 'tasker_event_step_facts',
    text: STEP_FACTS,
    values: parametersOf(placed, ({ stepId }) => stepId),
  });
  return new Map(
    rows.map((row) => [
      row.place,
      {
        name: row.name,
        retryLimit: row.retry_limit,
        fromState: row.from_state,
        claims: row.claims,
        claimedAt: row.claimed_at === null ? null : instantOf(row.claimed_at),
        inputs: row.inputs,
        parents: row.parents ?? [],
        results: row.results,
      },
    ]),
  );
}

function parametersOf(
  placed: readonly Placed[],
  idOf: (subject: EventSubject) => bigint | undefined,
): Buffer[] {
  return [
    int4Array(placed.map(([place]) => place)),
    int8Array(placed.map(([, subject]) => idOf(subject))),
    textArray(placed.map(([, { toState }]) => toState)),
    timestampArray(placed.map(([, { createdAt }]) => parseInstant(createdAt))),
  ];
}

const instantOf = (text: string): string => instantText(text);
