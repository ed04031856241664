import { TaskerError } from '../errors.ts';
import type { EventName } from '../events/catalog.ts';
import type { Machine, TargetOf, TransitionRule } from './machine.ts';
import { isWorkflowState, type StepState, type TaskState, type WorkflowState } from './states.ts';
import { STEP_MACHINE, type StepMachine } from './step-machine.ts';
import { TASK_MACHINE, type TaskMachine } from './task-machine.ts';

/** What has a state machine. */
export type Subject = 'task' | 'step';

/** The machine of each subject. */
export const MACHINES = { task: TASK_MACHINE, step: STEP_MACHINE } as const;

/** One transition that the machine allows. */
export interface Transition<From extends WorkflowState, To extends WorkflowState> {
  readonly subject: Subject;
  readonly from: From;
  readonly to: To;
  readonly event: EventName;
}

/**
 * The transition of a step between two states that are known when the program is compiled, or not:
 * a pair that the machine does not allow does not compile where `from` is known.
 *
 * Errors: TASKER_INVALID_TRANSITION names both states and what is allowed. O(1).
 */
export function stepTransition<
  From extends StepState,
  To extends (StepState extends From ? StepState : TargetOf<StepMachine, From>),
>(from: From, to: To): Transition<From, To> {
  return { subject: 'step', from, to, event: ruleOf('step', from, to).event };
}

/** The transition of a task; as {@link stepTransition}. */
export function taskTransition<
  From extends TaskState,
  To extends (TaskState extends From ? TaskState : TargetOf<TaskMachine, From>),
>(from: From, to: To): Transition<From, To> {
  return { subject: 'task', from, to, event: ruleOf('task', from, to).event };
}

/** States that may follow `from`; none for a final state. O(1). */
function allowedTargets(subject: Subject, from: WorkflowState): WorkflowState[] {
  return Object.keys(MACHINES[subject][from]) as WorkflowState[];
}

/** True where the machine allows the transition. O(1). */
export function isAllowed(subject: Subject, from: WorkflowState, to: WorkflowState): boolean {
  return Object.hasOwn(MACHINES[subject][from], to);
}

/**
 * The machine's rule for a transition.
 * * Errors: TASKER_INVALID_TRANSITION. O(1).
 */
export function ruleOf(subject: Subject, from: WorkflowState, to: WorkflowState): TransitionRule {
  const machine: Machine = MACHINES[subject];
  const rule =
    isWorkflowState(from) && Object.hasOwn(machine[from], to) ? machine[from][to] : undefined;
  if (rule === undefined) throw invalidTransition(subject, from, to);
  return rule;
}

/** The error for a transition that the machine does not allow; with the id of the task or step, where known. */
export function invalidTransition(
  subject: Subject,
  from: WorkflowState,
  to: WorkflowState,
  id?: bigint,
): TaskerError {
  const allowed = isWorkflowState(from) ? allowedTargets(subject, from) : [];
  const what = id === undefined ? `A ${subject}` : `${subject === 'task' ? 'Task' : 'Step'} ${id}`;
  const then =
    allowed.length === 0
      ? `${from} is final`
      : `from ${from} it may go to ${allowed.join(', ')} only`;
  return new TaskerError(
    'TASKER_INVALID_TRANSITION',
    `${what} cannot go from ${from} to ${to}: ${then}.`,
    { data: { subject, from, to, allowed, ...(id === undefined ? {} : { id: String(id) }) } },
  );
}
