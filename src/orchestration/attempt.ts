import { STEP_FLAGS } from '../graph/snapshot/layout.ts';
import type { ResidentRow } from '../graph/resident/resident-view.ts';
import type { StepTemplate } from '../templates/task-template.ts';
import type { ActiveTask } from './active-task.ts';
import type { Failure } from '../policies/failure.ts';

/** How an attempt ended. */
export type AttemptEnd =
  | {
      readonly kind: 'completed';
      /** JSON text; null where the handler returned nothing. */
      readonly results: string | null;
      readonly seconds: number;
    }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly seconds: number };

/** One attempt of a step, from its claim until its end is stored. */
export interface Attempt {
  /** Replaced when the task is read anew. */
  task: ActiveTask;
  readonly stepId: bigint;
  /** Position in the task. */
  readonly position: number;
  readonly template: StepTemplate;
  /** From 1. */
  readonly number: number;
  /** As stored. */
  readonly retryLimit: number;
  readonly retryable: boolean;
  /** Id of the transition row of the claim, once that is stored: the fencing token. */
  token: bigint | undefined;
  /** When the claim was made, µs since the epoch. */
  readonly claimedAt: number;
  readonly controller: AbortController;
  end: AttemptEnd | undefined;
  /** What its end stores as the step's results: JSON text, null for none. */
  stored: string | null;
  /** A statement that carried its end was refused: it goes by itself. */
  alone: boolean;
}

/** A new attempt of a step, from the step's row. */
export function newAttempt(
  facts: Pick<Attempt, 'task' | 'stepId' | 'position' | 'template' | 'claimedAt'> & {
    readonly row: ResidentRow;
  },
): Attempt {
  const { row, ...rest } = facts;
  return {
    ...rest,
    number: row.attempts + 1,
    retryLimit: row.retryLimit,
    retryable: (row.flags & STEP_FLAGS.notRetryable) === 0,
    token: undefined,
    controller: new AbortController(),
    end: undefined,
    stored: null,
    alone: false,
  };
}
