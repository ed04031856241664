import type { EventName } from '../events/catalog.ts';
import type { WorkflowState } from './states.ts';

/** A condition that the statement of a transition checks; false makes the transition lose. */
export type Guard =
  /** Every parent, of whatever task, is complete or resolved by hand. */
  | 'parents_satisfied'
  /** Every step of the task is complete or resolved by hand; a task without steps passes. */
  | 'steps_satisfied';

/**
 * What a transition does to a column of the task's or step's row.
 *
 * - `increment`: one more, null counting as 0;
 * - `now`: the instant of the transition;
 * - `given`: what the caller hands over, null included;
 * - `given_or_kept`: the same where the caller hands something over.
 */
export type ColumnWrite =
  | 'increment'
  | 'now'
  | 'true'
  | 'false'
  | 'null'
  | 'given'
  | 'given_or_kept';

/** Columns of a step's row that transitions write. */
export type StepColumn =
  | 'attempts'
  | 'last_attempted_at'
  | 'processed'
  | 'processed_at'
  | 'in_process'
  | 'results'
  | 'backoff_request_seconds'
  | 'retryable'
  | 'retry_limit';

/** Columns of a task's row that transitions write. */
export type TaskColumn = 'complete';

/** One allowed transition. */
export interface TransitionRule<Column extends string = string> {
  /** Stored by the same statement. */
  readonly event: EventName;
  readonly guards?: readonly Guard[];
  readonly writes?: Readonly<Partial<Record<Column, ColumnWrite>>>;
}

/** A state machine: from each state the states that may follow, a final state having none. */
export type Machine<Column extends string = string> = {
  readonly [From in WorkflowState]: Readonly<
    Partial<Record<WorkflowState, TransitionRule<Column>>>
  >;
};

/** States that may follow `From`. */
export type TargetOf<M, From extends keyof M> = keyof M[From] & WorkflowState;
