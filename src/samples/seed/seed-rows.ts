import { WORKFLOW_STATES } from '../../state-machine/states.ts';
import { CopyRows, prepareJsonb, prepareText } from '../../database/copy/copy-rows.ts';
import type { SimulatedStep, SimulatedTask, TaskSimulation } from './seed-simulation.ts';
import type { SeedRange, SeedTable } from '../../database/seed/seed-tables.ts';
import type { StoredWorkflow } from '../../database/seed/seed-workflow.ts';

/** How one table is written: its columns, and its rows of one range of tasks as COPY chunks. */
export interface SeedWriter {
  readonly columns: readonly string[];
  readonly rows: (
    simulation: TaskSimulation,
    range: SeedRange,
  ) => Generator<Buffer, void, undefined>;
}

const STAMPS = ['created_at', 'updated_at'];
const TRANSITION_COLUMNS = ['id', 'to_state', 'from_state', 'sort_key', 'most_recent'];

/** Writers of all tables. The passes share nothing but the simulation: each plays its tasks again. */
export const SEED_WRITERS: Readonly<Record<SeedTable, SeedWriter>> = {
  tasker_tasks: {
    columns: [
      'task_id',
      'named_task_id',
      'complete',
      'requested_at',
      'initiator',
      'source_system',
      'reason',
      'bypass_steps',
      'tags',
      'context',
      'identity_hash',
      ...STAMPS,
    ],
    rows: taskRows,
  },
  tasker_workflow_steps: {
    columns: [
      'workflow_step_id',
      'task_id',
      'named_step_id',
      'retryable',
      'retry_limit',
      'in_process',
      'processed',
      'processed_at',
      'attempts',
      'last_attempted_at',
      'backoff_request_seconds',
      'inputs',
      'results',
      'skippable',
      ...STAMPS,
    ],
    rows: stepRows,
  },
  tasker_workflow_step_edges: {
    columns: ['id', 'from_step_id', 'to_step_id', 'name', ...STAMPS],
    rows: edgeRows,
  },
  tasker_task_transitions: {
    columns: [...TRANSITION_COLUMNS, 'task_id', ...STAMPS, 'metadata'],
    rows: taskTransitionRows,
  },
  // Its metadata is left to the column's default, an empty object, which costs the server no parsing.
  tasker_workflow_step_transitions: {
    columns: [...TRANSITION_COLUMNS, 'workflow_step_id', ...STAMPS],
    rows: stepTransitionRows,
  },
};

const COMPLETE = WORKFLOW_STATES.indexOf('complete');
const RESOLVED = WORKFLOW_STATES.indexOf('resolved_manually');
const IN_PROGRESS = WORKFLOW_STATES.indexOf('in_progress');
const ERROR = WORKFLOW_STATES.indexOf('error');

const STATE_FIELDS = WORKFLOW_STATES.map(prepareText);
const INITIATOR = prepareText('seed');
const SOURCE_SYSTEM = prepareText('tasker-core');
const REASON = prepareText('sample data');
const NO_STEPS = prepareText('[]');
const NO_TAGS = prepareJsonb('[]');
const EDGE_NAME = prepareText('provides');
const EMPTY = prepareJsonb('{}');
const DONE = prepareJsonb('{"status": "done"}');
const FAILED = prepareJsonb(
  '{"error": "injected failure", "backtrace": [], "error_class": "InjectedFailure"}',
);

function* taskRows(
  simulation: TaskSimulation,
  range: SeedRange,
): Generator<Buffer, void, undefined> {
  const out = new CopyRows();
  const contexts = new PerWorkflow(contextOf);
  for (let index = range.from; index < range.to; index += 1) {
    const task = simulation.play(index);
    const id = range.ids.tasker_tasks++;
    const due = out.row(13);
    if (due !== undefined) yield due;
    out.int8(id);
    out.int4(task.workflow.namedTaskId);
    out.bool(stateOf(task) === COMPLETE);
    out.timestamp(task.createdAt);
    out.prepared(INITIATOR);
    out.prepared(SOURCE_SYSTEM);
    out.prepared(REASON);
    out.prepared(NO_STEPS);
    out.prepared(NO_TAGS);
    out.prepared(contexts.of(task.workflow));
    out.text(identityOf(task, id));
    out.timestamp(task.createdAt);
    out.timestamp(lastChange(task) ?? task.createdAt);
  }
  yield out.finish();
}

function* stepRows(
  simulation: TaskSimulation,
  range: SeedRange,
): Generator<Buffer, void, undefined> {
  const out = new CopyRows();
  const contexts = new PerWorkflow(contextOf);
  for (let index = range.from; index < range.to; index += 1) {
    const { workflow, steps, createdAt } = simulation.play(index);
    const taskId = range.ids.tasker_tasks++;
    const context = contexts.of(workflow);
    for (let position = 0; position < workflow.parents.length; position += 1) {
      const step = steps[position];
      const template = workflow.workflow.steps[position];
      const namedStepId = workflow.namedStepIds[position];
      if (step === undefined || template === undefined || namedStepId === undefined) continue;
      const state = stateOf(step);
      const done = state === COMPLETE || state === RESOLVED;
      const due = out.row(16);
      if (due !== undefined) yield due;
      out.int8(range.ids.tasker_workflow_steps++);
      out.int8(taskId);
      out.int4(namedStepId);
      out.bool(template.retryable);
      out.int4(template.retryLimit);
      out.bool(state === IN_PROGRESS);
      out.bool(done);
      out.timestamp(done ? (lastChange(step) ?? null) : null);
      out.int4(step.attempts);
      out.timestamp(step.attempts === 0 ? null : step.lastAttemptedAt);
      out.int4(step.backoffSeconds === 0 ? null : step.backoffSeconds);
      out.prepared(context);
      out.prepared(resultsOf(step, state));
      out.bool(template.skippable);
      out.timestamp(createdAt);
      out.timestamp(lastChange(step) ?? createdAt);
    }
  }
  yield out.finish();
}

function* edgeRows(
  simulation: TaskSimulation,
  range: SeedRange,
): Generator<Buffer, void, undefined> {
  const out = new CopyRows();
  for (let index = range.from; index < range.to; index += 1) {
    const { workflow, createdAt } = simulation.play(index);
    const first = range.ids.tasker_workflow_steps;
    range.ids.tasker_workflow_steps += workflow.parents.length;
    for (const [position, parents] of workflow.parents.entries()) {
      for (const parent of parents) {
        const due = out.row(6);
        if (due !== undefined) yield due;
        out.int8(range.ids.tasker_workflow_step_edges++);
        out.int8(first + parent);
        out.int8(first + position);
        out.prepared(EDGE_NAME);
        out.timestamp(createdAt);
        out.timestamp(createdAt);
      }
    }
  }
  yield out.finish();
}

function* taskTransitionRows(
  simulation: TaskSimulation,
  range: SeedRange,
): Generator<Buffer, void, undefined> {
  const out = new CopyRows();
  const started = new PerWorkflow(({ parents }) =>
    prepareJsonb(
      `{"initialization_completed": true, "step_dependencies_established": ${parents.length}}`,
    ),
  );
  for (let index = range.from; index < range.to; index += 1) {
    const task = simulation.play(index);
    const taskId = range.ids.tasker_tasks++;
    for (let change = 0; change < task.count; change += 1) {
      const isStart = change === 0 && task.states[0] === IN_PROGRESS;
      const due = out.row(9);
      if (due !== undefined) yield due;
      out.int8(range.ids.tasker_task_transitions++);
      writeChange(out, task, change, taskId);
      out.prepared(isStart ? started.of(task.workflow) : EMPTY);
    }
  }
  yield out.finish();
}

function* stepTransitionRows(
  simulation: TaskSimulation,
  range: SeedRange,
): Generator<Buffer, void, undefined> {
  const out = new CopyRows();
  for (let index = range.from; index < range.to; index += 1) {
    const { workflow, steps } = simulation.play(index);
    for (let position = 0; position < workflow.parents.length; position += 1) {
      const stepId = range.ids.tasker_workflow_steps++;
      const step = steps[position];
      if (step === undefined) continue;
      for (let change = 0; change < step.count; change += 1) {
        const due = out.row(8);
        if (due !== undefined) yield due;
        out.int8(range.ids.tasker_workflow_step_transitions++);
        writeChange(out, step, change, stepId);
      }
    }
  }
  yield out.finish();
}

/** The columns of a transition from the state on; sort keys are 10, 20, … as the engines write them. */
function writeChange(
  out: CopyRows,
  changes: SimulatedTask | SimulatedStep,
  change: number,
  ownerId: number,
): void {
  const isLast = change === changes.count - 1;
  const time = changes.times[change] as number;
  out.prepared(stateField(changes.states[change] as number));
  // What nobody has touched is pending without a row saying so.
  out.prepared(stateField(change === 0 ? 0 : (changes.states[change - 1] as number)));
  out.int4((change + 1) * 10);
  out.bool(isLast);
  out.int8(ownerId);
  out.timestamp(time);
  // An older row was last changed when the next one took its flag.
  out.timestamp(isLast ? time : (changes.times[change + 1] as number));
}

function stateField(state: number): Buffer {
  return STATE_FIELDS[state] as Buffer;
}

function stateOf(changes: SimulatedTask | SimulatedStep): number {
  return changes.count === 0 ? 0 : (changes.states[changes.count - 1] as number);
}

function lastChange(changes: SimulatedTask | SimulatedStep): number | undefined {
  return changes.count === 0 ? undefined : changes.times[changes.count - 1];
}

function resultsOf(step: SimulatedStep, state: number): Buffer {
  if (state === COMPLETE) return DONE;
  const failedBefore = step.attempts > 0 || state === ERROR;
  return failedBefore ? FAILED : EMPTY;
}

function contextOf({ workflow }: StoredWorkflow): Buffer {
  return prepareJsonb(JSON.stringify({ sample: `${workflow.namespace}.${workflow.name}` }));
}

/** A version 4 UUID; the id takes part, so that seeding twice with one seed gives no two equal ones. */
function identityOf({ identity }: SimulatedTask, id: number): string {
  const words = [
    identity[0] as number,
    identity[1] as number,
    (identity[2] as number) ^ Math.floor(id / 0x1_0000_0000),
    (identity[3] as number) ^ id,
  ];
  const hex = words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  const variant = '89ab'.charAt((words[2] as number) & 3);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** A field that is prepared once for each workflow. */
class PerWorkflow {
  readonly #fields = new Map<StoredWorkflow, Buffer>();
  readonly #prepare: (workflow: StoredWorkflow) => Buffer;

  constructor(prepare: (workflow: StoredWorkflow) => Buffer) {
    this.#prepare = prepare;
  }

  of(workflow: StoredWorkflow): Buffer {
    const known = this.#fields.get(workflow);
    if (known !== undefined) return known;
    const field = this.#prepare(workflow);
    this.#fields.set(workflow, field);
    return field;
  }
}
