import { atomically, hasState, type Session } from '../database/atomically.ts';
import { writeAudit } from '../database/audit-log.ts';
import {
  readOperatedTask,
  tasksOfForeignChildren,
  writePause,
  type OperatedStep,
  type OperatedTask,
} from '../database/engine/operator-rows.ts';
import { notifyTasks } from '../database/engine/task-notices.ts';
import { TransitionLog, type MoveBatch } from '../database/engine/transition-log.ts';
import { TaskerError } from '../errors.ts';
import { formatInstant } from '../graph/snapshot/instants.ts';
import { moveKind } from '../state-machine/moves.ts';
import type { TaskState } from '../state-machine/states.ts';
import type { OperatorPlan } from './operator-plan.ts';
import { actionMetadata, type OperatorAction, type OperatorRequest } from './operator-request.ts';

/** One thing that an action changed. */
export interface OperatorChange {
  readonly taskId: bigint;
  /** Undefined for a change of the task itself. */
  readonly stepId?: bigint;
  /** Name of the task or step. */
  readonly name: string;
  /** A state; `running` or `paused` where a task was paused or resumed. */
  readonly from: string;
  /** State that was passed on the way, with a transition of its own. */
  readonly via?: 'pending';
  readonly to: string;
  /** Undefined in a dry run, and for a pause. */
  readonly transitionId?: bigint;
  /** Limit of attempts before and after, where it was raised. */
  readonly retryLimit?: { readonly from: number; readonly to: number };
}

/** What an action did. */
export interface OperatorResult {
  readonly action: OperatorAction;
  readonly taskId: bigint;
  readonly stepId?: bigint;
  /** ISO text, six digits, UTC: when it was done, for the last part where it had to be planned anew. */
  readonly at: string;
  /** Steps by id, then the task. Empty where everything was so already. */
  readonly changes: readonly OperatorChange[];
  /** Nothing was to be done; no entry was written to the journal. */
  readonly alreadyDone: boolean;
  readonly dryRun: boolean;
  /** The task afterwards. */
  readonly taskState: TaskState;
  readonly paused: boolean;
  /** Entry of the journal; undefined where nothing changed. */
  readonly auditId?: bigint;
}

/** An action on a task, or on one of its steps. */
export interface Operation {
  readonly action: OperatorAction;
  readonly taskId: bigint;
  readonly stepId?: bigint;
  readonly request: OperatorRequest;
  /**
   * Says what is to be done with the task as it is now; refuses by throwing.
   *
   * @param isBegun a part of the action was done already, and the rest is planned anew
   */
  readonly plan: (task: OperatedTask, isBegun: boolean) => Promise<OperatorPlan> | OperatorPlan;
  /** More for the entry of the journal: name and JSON text. */
  readonly details?: () => readonly (readonly [name: string, json: string])[];
}

/** How often a plan is made anew because others changed the task meanwhile. */
const ROUNDS = 8;

/** The client's transaction sees no changes of others, and somebody made one. */
const SERIALIZATION_FAILURE = '40001';

/**
 * Does an action in one transaction: transitions, columns, events, the entry in the journal and the
 * notice to the engines.
 *
 * What somebody else changed between reading and writing is planned anew from fresh rows; what was
 * done already stays, since the others cannot touch it before the transaction ends.
 *
 * Errors: those of the plan; TASKER_BAD_ARGUMENT; TASKER_UNKNOWN_TASK; TASKER_CONFLICT.
 */
export async function operate(client: Session, operation: Operation): Promise<OperatorResult> {
  const metadata = actionMetadata(operation.action, operation.request);
  const log = logOf(client);
  try {
    return await atomically(client, () => perform(client, operation, log, metadata));
  } catch (error) {
    if (!hasState(error, SERIALIZATION_FAILURE)) throw error;
    throw conflict(operation, error);
  }
}

/** By session, because each has one database: the ids that a log has drawn are used up. */
const logs = new WeakMap<Session, TransitionLog>();

function logOf(client: Session): TransitionLog {
  const log = logs.get(client) ?? new TransitionLog();
  logs.set(client, log);
  return log;
}

async function perform(
  client: Session,
  operation: Operation,
  log: TransitionLog,
  metadata: string,
): Promise<OperatorResult> {
  const changes: OperatorChange[] = [];
  let before: OperatedTask | undefined;
  for (let round = 1; round <= ROUNDS; round++) {
    const task = await readOperatedTask(client, operation.taskId);
    if (task === undefined) throw unknownTask(operation.taskId);
    before ??= task;
    const plan = await operation.plan(task, changes.length > 0);
    if (operation.request.dryRun === true) return resultOf(operation, task, planned(task, plan));
    const made = await apply(client, log, task, plan, metadata);
    changes.push(...made.changes);
    if (!made.isWhole) continue;
    changes.sort(byStep);
    if (changes.length === 0) return resultOf(operation, task, changes);
    return record(client, operation, before, resultOf(operation, task, changes), task.now);
  }
  throw conflict(operation);
}

/** Makes the moves and the pause of a plan; not whole where something was lost. */
async function apply(
  client: Session,
  log: TransitionLog,
  task: OperatedTask,
  plan: OperatorPlan,
  metadata: string,
): Promise<{ changes: OperatorChange[]; isWhole: boolean }> {
  const { taskId, now: at } = task;
  const batch: MoveBatch = {
    steps: plan.steps.map((move) => ({ ...move, taskId, metadata })),
    tasks: plan.task === undefined ? [] : [{ ...plan.task, taskId, metadata }],
    at,
  };
  const outcome = await log.apply(client, batch);
  const ids = [...outcome.steps, ...outcome.tasks];
  const changes = moveChanges(task, plan).flatMap((change, index) => {
    const transitionId = ids[index];
    return transitionId === undefined ? [] : [{ ...change, transitionId }];
  });
  if (changes.length < ids.length) return { changes, isWhole: false };
  const { paused } = plan;
  if (paused === undefined) return { changes, isWhole: true };
  const isWhole = await writePause(client, { taskId, paused, at, metadata });
  return { changes: isWhole ? [...changes, pauseChange(task, paused)] : changes, isWhole };
}

async function record(
  client: Session,
  { action, taskId, stepId, request, details }: Operation,
  before: OperatedTask,
  result: OperatorResult,
  at: number,
): Promise<OperatorResult> {
  const facts = {
    correlation_id: request.correlationId,
    before: { state: before.state, paused: before.paused },
    after: { state: result.taskState, paused: result.paused },
    changes: result.changes.map((change) => ({
      step_id: change.stepId === undefined ? undefined : String(change.stepId),
      name: change.name,
      from: change.from,
      via: change.via,
      to: change.to,
      transition_id: change.transitionId === undefined ? undefined : String(change.transitionId),
      retry_limit: change.retryLimit,
    })),
  };
  const more = (details?.() ?? []).map(([name, json]) => `,${JSON.stringify(name)}:${json}`);
  const auditId = await writeAudit(client, {
    at,
    actor: request.actor,
    action,
    reason: request.reason,
    taskId,
    stepId,
    details: `${JSON.stringify(facts).slice(0, -1)}${more.join('')}}`,
  });
  const moved = result.changes.flatMap((change) => change.stepId ?? []);
  const others = moved.length === 0 ? [] : await tasksOfForeignChildren(client, taskId, moved);
  await notifyTasks(client, [taskId, ...others]);
  return { ...result, auditId };
}

function resultOf(
  { action, taskId, stepId, request }: Operation,
  task: OperatedTask,
  changes: readonly OperatorChange[],
): OperatorResult {
  const own = changes.filter((change) => change.stepId === undefined);
  const state = own.find(({ to }) => to !== 'paused' && to !== 'running')?.to as TaskState;
  const paused = own.find(({ to }) => to === 'paused' || to === 'running');
  return {
    action,
    taskId,
    ...(stepId === undefined ? {} : { stepId }),
    at: formatInstant(task.now),
    changes,
    alreadyDone: changes.length === 0,
    dryRun: request.dryRun === true,
    taskState: state ?? task.state,
    paused: paused === undefined ? task.paused : paused.to === 'paused',
  };
}

const planned = (task: OperatedTask, plan: OperatorPlan): OperatorChange[] => [
  ...moveChanges(task, plan),
  ...(plan.paused === undefined ? [] : [pauseChange(task, plan.paused)]),
];

/** The moves of a plan in the order in which they are applied. */
function moveChanges(task: OperatedTask, plan: OperatorPlan): OperatorChange[] {
  const { taskId } = task;
  const steps = new Map<bigint, OperatedStep>(task.steps.map((step) => [step.stepId, step]));
  const changes = plan.steps.map(({ stepId, from, to, retryLimit }): OperatorChange => {
    const { name, retryLimit: limit } = steps.get(stepId) as OperatedStep;
    const { via } = moveKind('step', from, to, stepId);
    return {
      taskId,
      stepId,
      name,
      from,
      ...(via === undefined ? {} : { via }),
      to,
      ...(retryLimit === undefined ? {} : { retryLimit: { from: limit, to: retryLimit } }),
    };
  });
  if (plan.task === undefined) return changes;
  const { from, to } = plan.task;
  const { via } = moveKind('task', from, to, taskId);
  changes.push({ taskId, name: task.name, from, ...(via === undefined ? {} : { via }), to });
  return changes;
}

const pauseChange = ({ taskId, name }: OperatedTask, paused: boolean): OperatorChange => ({
  taskId,
  name,
  from: paused ? 'running' : 'paused',
  to: paused ? 'paused' : 'running',
});

/** Steps by id, then the task. */
function byStep(left: OperatorChange, right: OperatorChange): number {
  if (left.stepId === undefined || right.stepId === undefined) {
    return Number(left.stepId === undefined) - Number(right.stepId === undefined);
  }
  return left.stepId < right.stepId ? -1 : Number(left.stepId > right.stepId);
}

function unknownTask(taskId: bigint): TaskerError {
  return new TaskerError('TASKER_UNKNOWN_TASK', `There is no task ${taskId}.`, {
    data: { taskId: String(taskId) },
  });
}

function conflict({ action, taskId, stepId }: Operation, cause?: unknown): TaskerError {
  const what = stepId === undefined ? `Task ${taskId}` : `Step ${stepId} of task ${taskId}`;
  return new TaskerError(
    'TASKER_CONFLICT',
    `${what} was changed by others again and again while this was tried: nothing was done.`,
    {
      remedy: 'Try again; pausing the task first helps.',
      cause,
      data: {
        action,
        taskId: String(taskId),
        ...(stepId === undefined ? {} : { stepId: String(stepId) }),
      },
    },
  );
}
