import type { OperatedStep, OperatedTask } from '../database/engine/operator-rows.ts';
import type { StepMove, TaskMove } from '../database/engine/transition-log.ts';
import { TaskerError } from '../errors.ts';
import { MOVE_KINDS } from '../state-machine/moves.ts';
import {
  WORKFLOW_STATES,
  type StepState,
  type TaskState,
  type WorkflowState,
} from '../state-machine/states.ts';
import type { Subject } from '../state-machine/transition.ts';
import type { OperatorAction } from './operator-request.ts';

/** A move of a step that is to be made, with what it changes in the limits. */
export type PlannedStep = Omit<StepMove, 'taskId' | 'metadata'>;

/** A move of the task that is to be made. */
export type PlannedTask = Omit<TaskMove, 'taskId' | 'metadata'>;

/** What an action does to a task as it is now; nothing where what it wants is so already. */
export interface OperatorPlan {
  readonly steps: readonly PlannedStep[];
  readonly task?: PlannedTask;
  /** Whether the task is to be paused afterwards; undefined: as it is. */
  readonly paused?: boolean;
}

/** States in which a task can go on. */
const OPEN = ['pending', 'in_progress', 'error'] as const satisfies TaskState[];

/** States from which the machine, or an operator by way of `pending`, comes to `to`. */
const statesBefore = (subject: Subject, to: WorkflowState): WorkflowState[] =>
  WORKFLOW_STATES.filter((from) =>
    MOVE_KINDS[subject].some((kind) => kind.from === from && kind.to === to),
  );

/** From which states of a task, or of a step, each action leads anywhere. */
const ACTION_STATES: Readonly<Record<OperatorAction, readonly WorkflowState[]>> = {
  'task.cancel': statesBefore('task', 'cancelled'),
  'task.pause': OPEN,
  'task.resume': OPEN,
  'task.redrive': OPEN,
  'task.resolve': statesBefore('task', 'resolved_manually'),
  'task.hand_back': OPEN,
  'step.cancel': statesBefore('step', 'cancelled'),
  'step.retry': statesBefore('step', 'pending'),
  'step.resolve': statesBefore('step', 'resolved_manually'),
};

/** The actions that a state allows, in the order of the table. */
export function actionsFor(subject: Subject, state: WorkflowState): OperatorAction[] {
  return (Object.keys(ACTION_STATES) as OperatorAction[]).filter(
    (action) => action.startsWith(`${subject}.`) && ACTION_STATES[action].includes(state),
  );
}

/** All unfinished steps, then the task. */
export function planCancelTask(task: OperatedTask): OperatorPlan {
  if (task.state !== 'cancelled') requireTask(task, 'task.cancel');
  return {
    steps: task.steps
      .filter(({ state }) => ACTION_STATES['step.cancel'].includes(state))
      .map((step) => stepMove(step, 'cancelled')),
    ...(task.state === 'cancelled' ? {} : { task: taskMove(task, 'cancelled') }),
  };
}

export function planPause(task: OperatedTask, paused: boolean): OperatorPlan {
  requireTask(task, paused ? 'task.pause' : 'task.resume');
  if (paused && !task.ours) throw notOurs(task);
  return { steps: [], ...(task.paused === paused ? {} : { paused }) };
}

/** All failed steps with the template's attempts once more, and the task where it had failed. */
export function planRedrive(task: OperatedTask): OperatorPlan {
  requireTask(task, 'task.redrive');
  return {
    steps: task.steps.filter(({ state }) => state === 'error').map(retryMove),
    ...goOn(task),
  };
}

export function planResolveTask(task: OperatedTask): OperatorPlan {
  if (task.state === 'resolved_manually') return { steps: [] };
  requireTask(task, 'task.resolve');
  return { steps: [], task: taskMove(task, 'resolved_manually') };
}

/** The task as a Rails engine wants it, and held back from the engines of this package. */
export function planHandBack(task: OperatedTask): OperatorPlan {
  requireTask(task, 'task.hand_back');
  return {
    steps: [],
    ...(task.state === 'pending' ? {} : { task: taskMove(task, 'pending') }),
    ...(task.paused || !task.ours ? {} : { paused: true }),
  };
}

export function planCancelStep(step: OperatedStep): OperatorPlan {
  if (step.state === 'cancelled') return { steps: [] };
  requireStep(step, 'step.cancel');
  return { steps: [stepMove(step, 'cancelled')] };
}

/** The step with the template's attempts once more, and the task where it had failed. */
export function planRetryStep(task: OperatedTask, step: OperatedStep): OperatorPlan {
  if (!(OPEN as readonly string[]).includes(task.state)) {
    throw refusal('step', step, 'step.retry', `its task ${task.taskId} is ${task.state}`);
  }
  if (step.state !== 'pending') requireStep(step, 'step.retry');
  return { steps: step.state === 'pending' ? [] : [retryMove(step)], ...goOn(task) };
}

/** What else the resolution of a step depends on. */
export interface ResolveStepFacts {
  /** JSON text of the results that the operator gives; undefined: they stay. */
  readonly results: string | undefined;
  /** A pending step of the task waits for this one alone. */
  readonly freesChild: boolean;
  /** The step was resolved by this very action, which is planned anew. */
  readonly isOwn: boolean;
}

/**
 * The step, and a failed task with it where that leaves no failed step or lets another step run:
 * an engine takes it up again and finishes it, or finds that it is blocked by something else.
 */
export function planResolveStep(
  task: OperatedTask,
  step: OperatedStep,
  { results, freesChild, isOwn }: ResolveStepFacts,
): OperatorPlan {
  const isResolved = step.state === 'resolved_manually';
  if (isResolved && results !== undefined && !isOwn) {
    throw refusal('step', step, 'step.resolve', 'it is so already, and its results stay');
  }
  if (!isResolved) requireStep(step, 'step.resolve');
  const othersFailed = task.steps.some(
    ({ state, stepId }) => state === 'error' && stepId !== step.stepId,
  );
  return {
    steps: isResolved
      ? []
      : [{ ...stepMove(step, 'resolved_manually'), ...(results === undefined ? {} : { results }) }],
    ...(othersFailed && !freesChild ? {} : goOn(task)),
  };
}

const stepMove = ({ stepId, state, token }: OperatedStep, to: StepState): PlannedStep => ({
  stepId,
  from: state,
  to,
  token,
});

/** Made only with the moves of the steps that the plan has. */
const taskMove = ({ state, token }: OperatedTask, to: TaskState): PlannedTask => ({
  from: state,
  to,
  token,
  dependent: true,
});

const goOn = (task: OperatedTask): Pick<OperatorPlan, 'task'> =>
  task.state === 'error' ? { task: taskMove(task, 'in_progress') } : {};

/** Largest value of the column. */
const INTEGER_MAX = 2 ** 31 - 1;

/** As many attempts again as the template gives; a limit of 0 counts as 1. */
function retryMove(step: OperatedStep): PlannedStep {
  const more = Math.max(step.templateRetryLimit, 1);
  return {
    ...stepMove(step, 'pending'),
    retryLimit: Math.min(Math.max(step.attempts, 0) + more, INTEGER_MAX),
    retryable: step.templateRetryable,
  };
}

function requireTask(task: OperatedTask, action: OperatorAction): void {
  if (!ACTION_STATES[action].includes(task.state)) throw refusal('task', task, action);
}

function requireStep(step: OperatedStep, action: OperatorAction): void {
  if (!ACTION_STATES[action].includes(step.state)) throw refusal('step', step, action);
}

const DONE_WORDS: Readonly<Record<string, string>> = {
  cancel: 'cancelled',
  pause: 'paused',
  resume: 'resumed',
  redrive: 'redriven',
  resolve: 'resolved by hand',
  hand_back: 'handed back',
  retry: 'retried',
};

/** To pause it would make it a task of this package. */
function notOurs({ taskId, name, state }: OperatedTask): TaskerError {
  return new TaskerError(
    'TASKER_INVALID_TRANSITION',
    `Task ${taskId} (${name}) cannot be paused: it belongs to a Rails engine, and no engine of this package runs it.`,
    {
      remedy: 'Hold it back in the Rails application, or cancel it.',
      data: { subject: 'task', id: String(taskId), action: 'task.pause', state },
    },
  );
}

/** The refusal of an action in the state as it is; names what the state allows. */
function refusal(
  subject: Subject,
  owner: OperatedTask | OperatedStep,
  action: OperatorAction,
  why?: string,
): TaskerError {
  const { state } = owner;
  const id = 'steps' in owner ? owner.taskId : owner.stepId;
  const words = (name: string): string => DONE_WORDS[name.slice(subject.length + 1)] ?? name;
  const allowed = why === undefined ? actionsFor(subject, state) : [];
  const may =
    allowed.length === 0
      ? `nothing can be done with it any more`
      : `it can only be ${allowed.map(words).join(', ')}`;
  const name = subject === 'task' ? 'Task' : 'Step';
  const because = why === undefined ? `it is ${state}, and ${may}` : why;
  return new TaskerError(
    'TASKER_INVALID_TRANSITION',
    `${name} ${id} (${owner.name}) cannot be ${words(action)}: ${because}.`,
    { data: { subject, id: String(id), action, state, allowed } },
  );
}
