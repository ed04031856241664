import type { Session } from '../database/atomically.ts';
import {
  readResolvedStepFacts,
  type OperatedStep,
  type OperatedTask,
} from '../database/engine/operator-rows.ts';
import { taskOfStep } from '../database/repositories/step-task-query.ts';
import { TaskerError } from '../errors.ts';
import {
  planCancelStep,
  planCancelTask,
  planHandBack,
  planPause,
  planRedrive,
  planResolveStep,
  planResolveTask,
  planRetryStep,
  type OperatorPlan,
} from './operator-plan.ts';
import {
  requireId,
  resultsText,
  type OperatorAction,
  type OperatorRequest,
} from './operator-request.ts';
import { operate, type OperatorResult } from './operator-transaction.ts';

// Every action is one transaction of its own, or a part of the one that the client's session has open.
// Errors of all of them: TASKER_BAD_ARGUMENT for a request that cannot be taken;
// TASKER_UNKNOWN_TASK, TASKER_NOT_FOUND for a step; TASKER_INVALID_TRANSITION naming the state and what it
// allows; TASKER_CONFLICT when others keep changing the task.

/**
 * Cancels all unfinished steps, then the task; a handler that runs is told to stop by its engine, and
 * what it still returns is dropped. A task that is cancelled already is told so.
 *
 * A completed task, or one resolved by hand, can be cancelled too: the machine allows it.
 * Errors: TASKER_BAD_ARGUMENT, TASKER_UNKNOWN_TASK, TASKER_CONFLICT. O(steps).
 */
export async function cancelTask(
  client: Session,
  taskId: bigint,
  request: OperatorRequest,
): Promise<OperatorResult> {
  return onTask(client, 'task.cancel', taskId, request, planCancelTask);
}

/**
 * Holds a task back: no engine of this package claims a step of it any more, running steps finish.
 *
 * Errors: TASKER_BAD_ARGUMENT, TASKER_UNKNOWN_TASK; TASKER_INVALID_TRANSITION for a finished task,
 * and for one that belongs to a Rails engine: without a row in `tasker_core_tasks`.
 */
export async function pauseTask(
  client: Session,
  taskId: bigint,
  request: OperatorRequest,
): Promise<OperatorResult> {
  return onTask(client, 'task.pause', taskId, request, (task) => planPause(task, true));
}

/**
 * Lets a paused task go on, also one that was handed back to a Rails engine.
 *
 * Errors: as {@link pauseTask}.
 */
export async function resumeTask(
  client: Session,
  taskId: bigint,
  request: OperatorRequest,
): Promise<OperatorResult> {
  return onTask(client, 'task.resume', taskId, request, (task) => planPause(task, false));
}

/**
 * Gives every failed step as many attempts again as its template says, waits cleared, attempts kept;
 * a failed task is in progress again. A paused task stays paused.
 *
 * Errors: TASKER_BAD_ARGUMENT, TASKER_UNKNOWN_TASK, TASKER_CONFLICT; TASKER_INVALID_TRANSITION for a
 * finished task. O(steps).
 */
export async function redriveTask(
  client: Session,
  taskId: bigint,
  request: OperatorRequest,
): Promise<OperatorResult> {
  return onTask(client, 'task.redrive', taskId, request, planRedrive);
}

/**
 * Declares a failed task resolved; its steps stay as they are.
 *
 * Errors: TASKER_BAD_ARGUMENT, TASKER_UNKNOWN_TASK, TASKER_CONFLICT; TASKER_INVALID_TRANSITION
 * unless it has failed.
 */
export async function resolveTaskByHand(
  client: Session,
  taskId: bigint,
  request: OperatorRequest,
): Promise<OperatorResult> {
  return onTask(client, 'task.resolve', taskId, request, planResolveTask);
}

/**
 * Hands a task to a Rails engine: it becomes `pending`, and paused, so that no engine of this package
 * takes it up again before {@link resumeTask}. Running steps finish.
 *
 * Errors: TASKER_BAD_ARGUMENT, TASKER_UNKNOWN_TASK, TASKER_CONFLICT; TASKER_INVALID_TRANSITION for a
 * finished task.
 */
export async function handBackTask(
  client: Session,
  taskId: bigint,
  request: OperatorRequest,
): Promise<OperatorResult> {
  return onTask(client, 'task.hand_back', taskId, request, planHandBack);
}

/**
 * Cancels a step, a running one too: its handler is told to stop by its engine, and what it still
 * returns is dropped. Steps that depend on it never run.
 *
 * Errors: TASKER_BAD_ARGUMENT, TASKER_NOT_FOUND, TASKER_CONFLICT; TASKER_INVALID_TRANSITION for a
 * finished step.
 */
export async function cancelStep(
  client: Session,
  stepId: bigint,
  request: OperatorRequest,
): Promise<OperatorResult> {
  return onStep(client, 'step.cancel', stepId, request, (_, step) => planCancelStep(step));
}

/**
 * Gives a failed step as many attempts again as its template says, waits cleared, attempts kept; a
 * failed task is in progress again.
 *
 * Errors: TASKER_BAD_ARGUMENT, TASKER_NOT_FOUND, TASKER_CONFLICT; TASKER_INVALID_TRANSITION unless the
 * step has failed and its task is unfinished.
 */
export async function retryStep(
  client: Session,
  stepId: bigint,
  request: OperatorRequest,
): Promise<OperatorResult> {
  return onStep(client, 'step.retry', stepId, request, planRetryStep);
}

/** What {@link resolveStepByHand} takes. */
export interface ResolveStepRequest extends OperatorRequest {
  /** The step's results from now on, anything with a JSON form; left out, they stay. */
  readonly results?: unknown;
}

/**
 * Declares a step done by hand: its children may run. The journal keeps results that are replaced.
 *
 * A failed task is in progress again when no failed step is left or another step can now run: an engine
 * completes it, or finds what else blocks it. With other failed steps and nothing to run it stays
 * failed, until the last of them is resolved or tried again.
 *
 * Errors: TASKER_BAD_ARGUMENT, TASKER_NOT_FOUND, TASKER_CONFLICT; TASKER_INVALID_TRANSITION for a step
 * that runs or is finished, also for one resolved already when `results` are given.
 */
export async function resolveStepByHand(
  client: Session,
  stepId: bigint,
  request: ResolveStepRequest,
): Promise<OperatorResult> {
  const results = request.results === undefined ? undefined : resultsText(request.results);
  let replaced: string | null = null;
  const plan = async (
    task: OperatedTask,
    step: OperatedStep,
    isOwn: boolean,
  ): Promise<OperatorPlan> => {
    const facts = await readResolvedStepFacts(client, stepId);
    const { freesChild } = facts;
    const planned = planResolveStep(task, step, { results, freesChild, isOwn });
    if (planned.steps.length > 0) replaced = facts.results;
    return planned;
  };
  return onStep(client, 'step.resolve', stepId, request, plan, () =>
    results === undefined || replaced === null ? [] : [['results_replaced', replaced]],
  );
}

function onTask(
  client: Session,
  action: OperatorAction,
  taskId: bigint,
  request: OperatorRequest,
  plan: (task: OperatedTask) => OperatorPlan,
): Promise<OperatorResult> {
  return operate(client, { action, taskId: requireId('taskId', taskId), request, plan });
}

async function onStep(
  client: Session,
  action: OperatorAction,
  stepId: bigint,
  request: OperatorRequest,
  plan: (
    task: OperatedTask,
    step: OperatedStep,
    isBegun: boolean,
  ) => Promise<OperatorPlan> | OperatorPlan,
  details: () => readonly (readonly [name: string, json: string])[] = () => [],
): Promise<OperatorResult> {
  const taskId = await taskOfStep(client, requireId('stepId', stepId));
  if (taskId === undefined) throw unknownStep(stepId);
  return operate(client, {
    action,
    taskId,
    stepId,
    request,
    details,
    plan: (task, isBegun) => {
      const step = task.steps.find((known) => known.stepId === stepId);
      if (step === undefined) throw unknownStep(stepId);
      return plan(task, step, isBegun);
    },
  });
}

function unknownStep(stepId: bigint): TaskerError {
  return new TaskerError('TASKER_NOT_FOUND', `There is no workflow step ${stepId}.`, {
    remedy: 'Check the id; it is the workflow_step_id of the step, not of its task.',
    data: { workflow_step_id: String(stepId) },
  });
}
