/** States of a task and of a step; the two machines share their names. The first one is where both begin. */
export const WORKFLOW_STATES = [
  'pending',
  'in_progress',
  'complete',
  'error',
  'cancelled',
  'resolved_manually',
] as const;

/** Name of a state. */
export type WorkflowState = (typeof WORKFLOW_STATES)[number];

/** State of a task. */
export type TaskState = WorkflowState;

/** State of a workflow step. */
export type StepState = WorkflowState;

/** State of a task or step that has no current transition row: nothing is written when one is created. */
export const INITIAL_STATE = 'pending' satisfies WorkflowState;

/** States that let the children of a step run. */
export const SATISFIED_STATES = [
  'complete',
  'resolved_manually',
] as const satisfies WorkflowState[];

/** True for the name of a state; stored rows may hold any text. */
export function isWorkflowState(text: string): text is WorkflowState {
  return (WORKFLOW_STATES as readonly string[]).includes(text);
}
