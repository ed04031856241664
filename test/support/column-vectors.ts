import { isDeepStrictEqual } from 'node:util';
import { fileURLToPath } from 'node:url';

import { criticalPath } from '../../src/graph/analysis/critical-path.ts';
import { earliestSchedule } from '../../src/graph/analysis/earliest-schedule.ts';
import { TASK_FLAGS } from '../../src/graph/snapshot/layout.ts';
import type { ContextRow, LevelRow, ReadinessRow } from '../../src/graph/kernels/answer-rows.ts';
import type { RowProblem } from '../../src/graph/snapshot/row-problem.ts';
import type { Rules } from '../../src/graph/rules/rules.ts';
import { StateTexts } from '../../src/graph/snapshot/state-codes.ts';
import { Scratch } from '../../src/graph/snapshot/topological-order.ts';
import { rowsSource, type RowsInput } from '../../src/resolver/sources/rows-source.ts';
import { createResolver } from '../../src/resolver/resolver.ts';
import { answersOf, snapshotOf, type Answers } from './answers.ts';
import type { RowsCase } from './arbitraries.ts';
import { GOLDEN_SETS, goldenRows, type GoldenSet } from './golden.ts';
import { oracleMicros } from './oracle-instants.ts';
import { askOracle } from './oracle.ts';
import { damagedCases, goldenCase, randomCases } from './vector-cases.ts';

/*
 * The conformance corpus for the bindings: columns and the answers to them as lines of words, which
 * every language reads with a split. test/vectors/columns/README.md describes the format.
 */

type Word = string | number | bigint | boolean | null;

/** What is expected under one rule set. */
type Expected = Pick<Answers, 'readiness' | 'contexts' | 'levels'>;

const RULES: readonly Rules[] = ['rails', 'engine'];

/** File names below `test/vectors/columns`, each with what writes its text. */
export const COLUMN_VECTORS: Record<string, () => Promise<string>> = {
  'random.txt': () => fileOf(randomCases(), (drawn, rules) => oracleAnswer(drawn, rules)),
  'damaged.txt': () => fileOf(damagedCases(), kernelAnswer),
  'golden.txt': goldenText,
};

/** Where a file of {@link COLUMN_VECTORS} stands. */
export function columnVectorFile(name: string): string {
  return fileURLToPath(new URL(`../vectors/columns/${name}`, import.meta.url));
}

/** The golden sets: under `rails` what the Rails engine's SQL answered, under `engine` the oracle. */
async function goldenText(): Promise<string> {
  const sets = new Map<RowsCase, GoldenSet>();
  for (const set of GOLDEN_SETS) sets.set(await goldenCase(set), set);
  return fileOf([...sets.keys()], (drawn, rules) =>
    rules === 'engine' ? oracleAnswer(drawn, rules) : recordedAnswer(sets.get(drawn)!),
  );
}

async function recordedAnswer(set: GoldenSet): Promise<Expected> {
  const levels = await goldenRows<[number, number]>(set, 'expected_levels');
  return {
    readiness: await goldenRows<ReadinessRow>(set, 'expected_readiness'),
    contexts: await goldenRows<ContextRow>(set, 'expected_contexts'),
    levels: levels.map(([id, level]) => ({
      workflow_step_id: BigInt(id),
      dependency_level: level,
    })),
  };
}

async function oracleAnswer({ input, nowMicros }: RowsCase, rules: Rules): Promise<Expected> {
  return askOracle(input, rules, nowMicros);
}

/** The oracle is for rows that do not contradict each other. */
async function kernelAnswer({ input, nowMicros }: RowsCase, rules: Rules): Promise<Expected> {
  await using resolver = createResolver({ backend: 'inline', rules });
  return await answersOf(rowsSource(input), { resolver, rules, nowMicros });
}

async function fileOf(
  cases: readonly RowsCase[],
  answer: (drawn: RowsCase, rules: Rules) => Promise<Expected>,
): Promise<string> {
  const lines: string[] = [];
  for (const [at, drawn] of cases.entries()) {
    const states = new StateTexts();
    lines.push(`case ${at}`, `now ${drawn.nowMicros}`, ...inputLines(drawn.input, states));
    const foreign = states.foreign.map((text) => `"${encodeURIComponent(text)}"`);
    lines.push(['foreign_states', ...foreign].join(' '));
    for (const rules of RULES) {
      const expected = await answer(drawn, rules);
      await requireKernels(drawn, rules, expected);
      lines.push(`rules ${rules}`, ...answerLines(expected, states));
      lines.push(...(await cycleLines(drawn, rules)));
    }
    lines.push(...(await problemLines(drawn.input)), ...(await pathLines(drawn.input)), 'end');
  }
  return `${lines.join('\n')}\n`;
}

/** Throws where the kernels answer otherwise: ids and times as text, so that golden rows compare. */
async function requireKernels(drawn: RowsCase, rules: Rules, expected: Expected): Promise<void> {
  const plain = ({ readiness, contexts, levels }: Expected): unknown =>
    [readiness, contexts, sorted(levels)].map((rows) => rows.map((row) => printable(row)));
  const answered = await kernelAnswer(drawn, rules);
  if (!isDeepStrictEqual(plain(answered), plain(expected)))
    throw new Error(`the kernels do not answer what is expected under ${rules}`);
}

const sorted = (rows: readonly LevelRow[]): LevelRow[] =>
  rows.toSorted((a, b) => Number(a.workflow_step_id - b.workflow_step_id));

const printable = (row: object): unknown[] =>
  Object.values(row).map((value: unknown) =>
    typeof value === 'string' && /^\d{4,6}-\d\d-/.test(value) ? oracleMicros(value) : String(value),
  );

function column(name: string, values: readonly Word[]): string {
  return [name, ...values.map((value) => wordOf(value))].join(' ');
}

function wordOf(value: Word): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (value === Infinity) return 'inf';
  return value === -Infinity ? '-inf' : String(value);
}

const instant = (text: string | null | undefined): number | null => oracleMicros(text);

/** Columns of the input; state texts get their codes in the order in which the rows name them. */
function inputLines(input: RowsInput, states: StateTexts): string[] {
  const steps = firstOf(input);
  const state = input.steps.map((): number | null => null);
  const since = input.steps.map((): number | null => null);
  for (const row of input.stepTransitions ?? []) {
    const at = steps.get(String(row.workflow_step_id));
    if (!row.most_recent || at === undefined) continue;
    state[at] = states.code(row.to_state);
    since[at] = instant(row.created_at);
  }
  const taskState = input.tasks.map((): number | null => null);
  for (const row of input.taskTransitions ?? []) {
    const at = input.tasks.findIndex((task) => String(task.task_id) === String(row.task_id));
    if (row.most_recent && at !== -1) taskState[at] = states.code(row.to_state);
  }
  const ofTasks = (name: keyof RowsInput['tasks'][number]): string =>
    column(
      `tasks.${name}`,
      input.tasks.map((row) => row[name]),
    );
  const ofSteps = (name: keyof RowsInput['steps'][number]): string =>
    column(
      `steps.${name}`,
      input.steps.map((row) => row[name] ?? null),
    );
  const ofInstants = (name: 'last_attempted_at' | 'next_attempt_at'): string =>
    column(
      `steps.${name}`,
      input.steps.map((row) => instant(row[name])),
    );
  return [
    ofTasks('task_id'),
    ofTasks('named_task_id'),
    column('tasks.state', taskState),
    ofSteps('workflow_step_id'),
    ofSteps('task_id'),
    ofSteps('named_step_id'),
    column('steps.state', state),
    column('steps.transitioned_at', since),
    ofSteps('attempts'),
    ofSteps('retry_limit'),
    ofSteps('retryable'),
    ofSteps('in_process'),
    ofSteps('processed'),
    ofSteps('skippable'),
    ofSteps('backoff_request_seconds'),
    ofInstants('last_attempted_at'),
    ofInstants('next_attempt_at'),
    column(
      'edges.from_step_id',
      input.edges.map((row) => row.from_step_id),
    ),
    column(
      'edges.to_step_id',
      input.edges.map((row) => row.to_step_id),
    ),
  ];
}

/** The row that a step's transition belongs to: of a step in two tasks, the one in the lesser task. */
function firstOf({ tasks, steps }: RowsInput): Map<string, number> {
  const known = new Set(tasks.map((row) => String(row.task_id)));
  const found = new Map<string, number>();
  for (const [at, row] of steps.entries()) {
    const id = String(row.workflow_step_id);
    const before = found.get(id);
    if (before === undefined) found.set(id, at);
    else if (known.has(String(row.task_id))) {
      const other = steps[before]!;
      const isStray = !known.has(String(other.task_id));
      if (isStray || BigInt(row.task_id) < BigInt(other.task_id)) found.set(id, at);
    }
  }
  return found;
}

function answerLines({ readiness, contexts, levels }: Expected, states: StateTexts): string[] {
  const code = (text: string): number => states.code(text);
  const columns = <Row extends object>(
    table: string,
    rows: readonly Row[],
    read: { [Name in keyof Row]?: (value: Row[Name]) => Word },
    names: readonly (keyof Row & string)[],
  ): string[] =>
    names.map((name) => {
      const values = rows.map((row) => (read[name] ?? ((value): Word => value as Word))(row[name]));
      return column(`${table}.${name}`, values);
    });
  return [
    ...columns(
      'readiness',
      readiness,
      {
        current_state: code,
        last_failure_at: instant,
        next_retry_at: instant,
        last_attempted_at: instant,
      },
      READINESS,
    ),
    ...columns('contexts', contexts, { status: code }, CONTEXTS),
    ...columns('levels', sorted(levels), {}, ['workflow_step_id', 'dependency_level']),
  ];
}

/** All columns but the name, which the bindings do not see. */
const READINESS: readonly (keyof ReadinessRow)[] = [
  'workflow_step_id',
  'task_id',
  'named_step_id',
  'current_state',
  'dependencies_satisfied',
  'retry_eligible',
  'ready_for_execution',
  'last_failure_at',
  'next_retry_at',
  'total_parents',
  'completed_parents',
  'attempts',
  'retry_limit',
  'backoff_request_seconds',
  'last_attempted_at',
];
const CONTEXTS: readonly (keyof ContextRow)[] = [
  'task_id',
  'named_task_id',
  'status',
  'total_steps',
  'pending_steps',
  'in_progress_steps',
  'completed_steps',
  'failed_steps',
  'ready_steps',
  'execution_status',
  'recommended_action',
  'completion_percentage',
  'health_status',
];

/** `cycle TASK STEP…` for each cycle, in the order in which the kernels find them. */
async function cycleLines({ input, nowMicros }: RowsCase, rules: Rules): Promise<string[]> {
  const snapshot = await snapshotOf(input);
  await using resolver = createResolver({ backend: 'inline', rules });
  const { cycles } = await resolver.resolve(snapshot, { nowMicros });
  const { taskId, stepId } = snapshot.views;
  return cycles.map(({ task, path }) =>
    column('cycle', [taskId[task]!, ...[...path].map((step) => stepId[step]!)]),
  );
}

/** `problem CODE TABLE ID TASK REFUSED MESSAGE` for each row that contradicts another, by message. */
async function problemLines(input: RowsInput): Promise<string[]> {
  const whole = { chunkSteps: Infinity, signal: undefined, onProgress: undefined };
  const stream = await rowsSource(input).open(whole);
  const found: RowProblem[] = [];
  for await (const { problems } of stream) found.push(...problems);
  found.push(...stream.totals().problems);
  const lines = found.map(({ code, table, id, taskId, refused, message }) => {
    const words = [code, table, id, taskId ?? null, refused].map((word) => wordOf(word));
    return { message, line: ['problem', ...words, message].join(' ') };
  });
  return lines.toSorted((a, b) => (a.message < b.message ? -1 : 1)).map(({ line }) => line);
}

/** `critical_path TASK SECONDS STEP…` for each task without a cycle; each step takes a second. */
async function pathLines(input: RowsInput): Promise<string[]> {
  const { views } = await snapshotOf(input);
  const lines: string[] = [];
  for (let task = 0; task < views.counts.tasks; task++) {
    // of a task that stands in the input twice, nobody says which one is meant
    if (((views.taskFlags[task] as number) & TASK_FLAGS.refused) !== 0) continue;
    const steps = views.taskSteps[task + 1]! - views.taskSteps[task]!;
    const schedule = earliestSchedule(views, task, new Float64Array(steps).fill(1), new Scratch());
    if (schedule === undefined) continue;
    const path = [...criticalPath(views, schedule)].map((step) => views.stepId[step]!);
    lines.push(column('critical_path', [views.taskId[task]!, schedule.seconds, ...path]));
  }
  return lines;
}
