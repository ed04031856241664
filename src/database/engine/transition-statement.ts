import { type MoveKind, MOVE_KINDS } from '../../state-machine/moves.ts';
import type { ColumnWrite } from '../../state-machine/machine.ts';
import { SATISFIED_STATES } from '../../state-machine/states.ts';
import type { Subject } from '../../state-machine/transition.ts';
import { EVENT_TRANSACTION, eventMetadata } from '../event-store/event-log.ts';

/**
 * Which parts a statement has; a part that no move needs is left out. Each part costs the server
 * some 20 µs, and there is a prepared statement for every shape that occurs.
 */
export interface StatementShape {
  /** Some step has a row that gives way. */
  readonly stepFlips: boolean;
  /** Some step has no row yet. */
  readonly stepFirsts: boolean;
  /** Some step's results, waits or limits are written. */
  readonly stepRows: boolean;
  /** Guards are to be checked for some step. */
  readonly guards: boolean;
  readonly taskFlips: boolean;
  readonly taskFirsts: boolean;
  /** Some task does something else than start: guards may have to be checked, and its row written. */
  readonly taskEnds: boolean;
  /** Some step waits, has waited, or some move goes by `pending`. */
  readonly retries: boolean;
}

/** Parameters of a statement, in order. */
const PARAMETERS = {
  /** The instant of all moves. */
  all: ['at timestamp'],
  // how many of the moves change a row that is there
  flips: ['flips bigint'],
  steps: [
    'step_owner bigint[]',
    'step_task bigint[]',
    'step_token bigint[]',
    'step_id bigint[]',
    'step_kind smallint[]',
    'step_metadata jsonb[]',
    'step_dependent boolean[]',
    'step_event uuid[]',
    'step_place integer[]',
  ],
  stepRows: [
    'step_results jsonb[]',
    'step_results_given boolean[]',
    'step_retryable boolean[]',
    'step_retry_limit integer[]',
    'step_backoff integer[]',
    'step_next_attempt timestamp[]',
  ],
  stepVias: ['step_via_id bigint[]', 'step_via_event uuid[]'],
  guards: ['step_guarded boolean[]'],
  tasks: [
    'task_owner bigint[]',
    'task_task bigint[]',
    'task_token bigint[]',
    'task_id bigint[]',
    'task_kind smallint[]',
    'task_metadata jsonb[]',
    'task_dependent boolean[]',
    'task_event uuid[]',
    'task_place integer[]',
  ],
  taskVias: ['task_via_id bigint[]', 'task_via_event uuid[]'],
} as const;

const TABLES = {
  step: { transitions: 'tasker_workflow_step_transitions', owner: 'workflow_step_id' },
  task: { transitions: 'tasker_task_transitions', owner: 'task_id' },
} as const;

const DONE = SATISFIED_STATES.map((state) => `'${state}'`).join(', ');

/** Whether the statement moves steps, or tasks. */
const moves = (subject: Subject, shape: StatementShape): boolean =>
  shape[`${subject}Flips`] || shape[`${subject}Firsts`];

/** Parameters of what a statement of this shape says of each move. */
function columnsOf(subject: Subject, shape: StatementShape): string[] {
  if (!moves(subject, shape)) return [];
  return [
    ...PARAMETERS[`${subject}s`],
    ...(subject === 'step' && shape.stepRows ? PARAMETERS.stepRows : []),
    ...(subject === 'step' && shape.guards ? PARAMETERS.guards : []),
    ...(shape.retries ? PARAMETERS[`${subject}Vias`] : []),
  ];
}

/** Names of the parameters of a statement of this shape, in order, with their types. */
export function parametersOf(shape: StatementShape): string[] {
  return [
    ...PARAMETERS.all,
    ...(shape.stepFlips && (shape.stepFirsts || moves('task', shape)) ? PARAMETERS.flips : []),
    ...columnsOf('step', shape),
    ...columnsOf('task', shape),
  ];
}

/**
 * The statement that makes N moves of steps and tasks: the current rows give way (compare-and-set on
 * their ids), the new ones and the events are written, and the columns of the steps and tasks that
 * the machines name. It answers which moves were lost.
 *
 * Moves of what has no row yet only insert; whoever comes second loses. Those that depend on others
 * are made only when every row that was to give way did.
 *
 * It is written for nested loops over indexes (see the lanes' settings): what is looked up among the
 * moves themselves is asked for by IN, which the server answers by a hash table of its own.
 *
 * The guards end in OFFSET 0, which leaves the server one way to answer them: step by step, by the
 * indexes. Without it, a table that nobody has analysed yet looks so small that all of it is hashed
 * for every statement, however large it grows.
 */
export function transitionStatement(shape: StatementShape): string {
  const parameters = parametersOf(shape);
  const parameter = (name: string): string => {
    const at = parameters.findIndex((text) => text.startsWith(`${name} `));
    return `$${at + 1}::${(parameters[at] as string).slice(name.length + 1)}`;
  };
  const subjects = (['step', 'task'] as const).filter((subject) => moves(subject, shape));
  const parts = subjects.flatMap((subject) => movesOf(subject, shape, parameter));
  if (moves('step', shape)) {
    parts.push(updateOf('step', shape, parameter));
    if (shape.retries) parts.push(...waitsOf().slice(shape.stepRows ? 0 : 1));
  }
  if (shape.taskEnds) parts.push(updateOf('task', shape, parameter));
  parts.push(eventsOf(subjects, shape, parameter));
  const lost = (['step', 'task'] as const).map((subject) =>
    moves(subject, shape)
      ? `ARRAY(SELECT m.place FROM ${subject}_move m
         WHERE m.place NOT IN (SELECT d.place FROM ${subject}_done d)) AS lost_${subject}s`
      : `'{}'::integer[] AS lost_${subject}s`,
  );
  return `WITH ${parts.join(',\n')}\nSELECT ${lost.join(',\n       ')}`;
}

function movesOf(
  subject: Subject,
  shape: StatementShape,
  parameter: (name: string) => string,
): string[] {
  const { transitions, owner } = TABLES[subject];
  const columns = columnsOf(subject, shape).map((text) => text.slice(0, text.indexOf(' ')));
  const names = columns.map((name) => name.slice(subject.length + 1));
  const kinds = MOVE_KINDS[subject];
  const state = (read: (kind: MoveKind) => string, kind = 'm.kind'): string =>
    `(ARRAY[${kinds.map((known) => `'${read(known)}'`).join(',')}])[${kind} + 1]`;
  const at = parameter('at');
  const guard =
    subject === 'task' ? (shape.taskEnds ? taskGuard(shape) : '') : shape.guards ? stepGuard() : '';
  const passed =
    shape.stepFlips && (subject === 'task' || shape.stepFirsts)
      ? `
     AND (NOT m.dependent OR (SELECT count(*) FROM step_flipped) = ${parameter('flips')})`
      : '';
  const conditions = subject === 'task' ? `${passed}${guard}` : guard;
  // a task cannot complete without having started
  const firstGuard = subject === 'task' ? '' : guard;
  const insert = `INSERT INTO ${transitions}
    (id, ${owner}, from_state, to_state, sort_key, most_recent, metadata, created_at, updated_at)`;
  const parts = [
    `${subject}_move AS MATERIALIZED (
  SELECT ${names.join(', ')}
    FROM unnest(${columns.map(parameter).join(', ')}) AS m(${names.join(', ')})
)`,
  ];
  const done: string[] = [];
  if (shape[`${subject}Flips`]) {
    parts.push(`${subject}_flipped AS (
  UPDATE ${transitions} t SET most_recent = false, updated_at = ${at}
    FROM ${subject}_move m
   WHERE t.id = m.token AND t.${owner} = m.owner AND t.most_recent AND t.to_state = ${state((kind) => kind.from)}${conditions}
  RETURNING m.*, t.sort_key
)`);
    done.push(`SELECT * FROM ${subject}_flipped`);
  }
  if (shape[`${subject}Firsts`]) {
    parts.push(`${subject}_first AS (
  ${insert}
  SELECT m.id, m.owner, 'pending', ${state((kind) => kind.to)}, 10, true, m.metadata, ${at}, ${at}
    FROM ${subject}_move m
   WHERE m.token IS NULL${passed}${firstGuard}
  ON CONFLICT DO NOTHING
  RETURNING id
)`);
    done.push(
      `SELECT m.*, 0 FROM ${subject}_move m WHERE (m.id IN (SELECT id FROM ${subject}_first)) IS TRUE`,
    );
  }
  parts.push(`${subject}_done AS MATERIALIZED (
  ${done.join('\n   UNION ALL\n  ')}
)`);
  if (!shape[`${subject}Flips`]) return parts;
  const direct = `SELECT m.id, m.owner, ${state((kind) => kind.from)}, ${state((kind) => kind.to)}, m.sort_key + 10, true, m.metadata, ${at}, ${at}
    FROM ${subject}_flipped m`;
  const byPending = `SELECT m.via_id, m.owner, ${state((kind) => kind.from)}, 'pending', m.sort_key + 10, false, m.metadata, ${at}, ${at}
    FROM ${subject}_flipped m WHERE m.via_id IS NOT NULL
   UNION ALL
  SELECT m.id, m.owner, ${state((kind) => kind.via ?? kind.from)}, ${state((kind) => kind.to)},
         m.sort_key + CASE WHEN m.via_id IS NULL THEN 10 ELSE 20 END, true, m.metadata, ${at}, ${at}
    FROM ${subject}_flipped m`;
  parts.push(`${subject}_next AS (
  ${insert}
  ${shape.retries ? byPending : direct}
)`);
  return parts;
}

/** Every parent of the step is done. */
function stepGuard(): string {
  const guarded = kindsWith('step', (kind) => kind.guards.includes('parents_satisfied'));
  return `
     AND NOT (m.guarded AND m.kind IN (${guarded}) AND EXISTS (
       SELECT FROM tasker_workflow_step_edges e
         LEFT JOIN tasker_workflow_step_transitions p
                ON p.workflow_step_id = e.from_step_id AND p.most_recent
        WHERE e.to_step_id = m.owner AND (p.to_state IN (${DONE})) IS NOT TRUE
       OFFSET 0))`;
}

/**
 * Every step of the task is done; those that this statement finishes are not seen by its own
 * snapshot and counted apart.
 */
function taskGuard(shape: StatementShape): string {
  const guarded = kindsWith('task', (kind) => kind.guards.includes('steps_satisfied'));
  const finishing = kindsWith('step', (kind) =>
    (SATISFIED_STATES as readonly string[]).includes(kind.to),
  );
  const finished = moves('step', shape)
    ? `
          AND s.workflow_step_id NOT IN (SELECT d.owner FROM step_done d WHERE d.kind IN (${finishing}))`
    : '';
  return `
     AND NOT (m.kind IN (${guarded}) AND EXISTS (
       SELECT FROM tasker_workflow_steps s
        WHERE s.task_id = m.owner
          AND NOT EXISTS (SELECT FROM tasker_workflow_step_transitions c
                           WHERE c.workflow_step_id = s.workflow_step_id AND c.most_recent
                             AND c.to_state IN (${DONE})
                          OFFSET 0)${finished}
       OFFSET 0))`;
}

function kindsWith(subject: Subject, test: (kind: MoveKind) => boolean): string {
  return (
    MOVE_KINDS[subject]
      .filter(test)
      .map(({ code }) => code)
      .join(', ') || '-1'
  );
}

/** The columns that the machine's table names, each by the kinds that write it. */
function updateOf(
  subject: Subject,
  shape: StatementShape,
  parameter: (name: string) => string,
): string {
  const table = subject === 'step' ? 'tasker_workflow_steps' : 'tasker_tasks';
  const key = subject === 'step' ? 'workflow_step_id' : 'task_id';
  const kinds = MOVE_KINDS[subject];
  const columns = [...new Set(kinds.flatMap((kind) => Object.keys(kind.writes)))];
  const at = parameter('at');
  const sets = columns.flatMap((column) => {
    const cases = Object.entries(Object.groupBy(kinds, (kind) => kind.writes[column] ?? 'keep'))
      .filter(([write]) => write !== 'keep')
      .map(([write, writers]) => ({
        codes: writers.map(({ code }) => code).join(', '),
        value: valueOf(write as ColumnWrite, column, at, shape),
      }))
      .filter(({ value }) => value !== undefined);
    if (cases.length === 0) return [];
    const whens = cases.map(({ codes, value }) => `WHEN d.kind IN (${codes}) THEN ${value}`);
    return [`${column} = CASE ${whens.join(' ')} ELSE w.${column} END`];
  });
  const writing = kindsWith(subject, (kind) => Object.keys(kind.writes).length > 0);
  return `${subject}_row AS (
  UPDATE ${table} w SET ${[...sets, `updated_at = ${at}`].join(',\n       ')}
    FROM ${subject}_done d
   WHERE w.${key} = d.owner AND d.kind IN (${writing})
)`;
}

function valueOf(
  write: ColumnWrite,
  column: string,
  at: string,
  shape: StatementShape,
): string | undefined {
  const given = column === 'backoff_request_seconds' ? 'd.backoff' : `d.${column}`;
  switch (write) {
    case 'increment':
      return `coalesce(w.${column}, 0) + 1`;
    case 'now':
      return at;
    case 'true':
    case 'false':
      return write;
    case 'null':
      return 'NULL';
    case 'given':
      return shape.stepRows ? given : 'NULL';
    case 'given_or_kept':
      if (!shape.stepRows) return undefined;
      if (column === 'results')
        return `CASE WHEN d.results_given THEN d.results ELSE w.results END`;
      return `coalesce(${given}, w.${column})`;
  }
}

/** Exact waits: one row while a failed step waits, none once it goes on. */
function waitsOf(): [write: string, clear: string] {
  const failing = kindsWith('step', (kind) => kind.to === 'error');
  const leaving = kindsWith('step', (kind) => kind.from === 'error');
  return [
    `step_wait AS (
  INSERT INTO tasker_core_steps (step_id, next_attempt_at)
  SELECT d.owner, d.next_attempt FROM step_done d
   WHERE d.kind IN (${failing}) AND d.next_attempt IS NOT NULL
  ON CONFLICT (step_id) DO UPDATE SET next_attempt_at = excluded.next_attempt_at
)`,
    `step_unwait AS (
  DELETE FROM tasker_core_steps w USING step_done d
   WHERE w.step_id = d.owner AND d.kind IN (${leaving})
)`,
  ];
}

function eventsOf(
  subjects: readonly Subject[],
  shape: StatementShape,
  parameter: (name: string) => string,
): string {
  const rows = subjects.flatMap((subject) => {
    const step = subject === 'step' ? 'd.owner' : 'NULL::bigint';
    const name = (at: 0 | -1): string =>
      `(ARRAY[${MOVE_KINDS[subject].map((kind) => `'${kind.events.at(at)}'`).join(',')}])[d.kind + 1]`;
    const last = `SELECT d.event, ${name(-1)} AS name, d.task, ${step} AS step, d.metadata, d.place, 1 AS part
    FROM ${subject}_done d`;
    if (!shape.retries) return [last];
    return [
      last,
      `SELECT d.via_event, ${name(0)}, d.task, ${step}, d.metadata, d.place, 0
    FROM ${subject}_done d WHERE d.via_event IS NOT NULL`,
    ];
  });
  return `event_row AS (
  INSERT INTO tasker_core_events
    (xid, event_id, name, task_id, step_id, occurred_at, correlation_id, payload)
  SELECT ${EVENT_TRANSACTION}, e.event, e.name, e.task, e.step, ${parameter('at')},
         ${eventMetadata('e.metadata')}
    FROM (${rows.join('\n   UNION ALL\n  ')}) e
   ORDER BY e.place, e.part
)`;
}
