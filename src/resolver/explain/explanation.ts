import type { Rules } from '../../graph/rules/rules.ts';

/** A step that has to do with the one that is explained. */
export interface StepReference {
  readonly workflow_step_id: bigint;
  readonly task_id: bigint;
  /** Null for a step of another task: its name is not loaded. */
  readonly name: string | null;
  readonly state: string;
  /** True for a step of another task. */
  readonly foreign: boolean;
}

/** One thing that keeps a step from running. */
export type BlockingReason =
  | {
      readonly code: 'parent_not_done';
      readonly parent: StepReference;
      /** False when the parent can never finish unless somebody intervenes. */
      readonly can_finish: boolean;
    }
  | {
      readonly code: 'waiting';
      /** Asked for by the handler, after a failure, or as the engine stored it. */
      readonly wait: 'explicit' | 'failure' | 'stored';
      /** ISO text, six digits and Z. */
      readonly until: string;
      /** Seconds from now; null for a wait without end. */
      readonly seconds_left: number | null;
    }
  | { readonly code: 'attempts_exhausted'; readonly attempts: number; readonly retry_limit: number }
  | { readonly code: 'not_retryable' }
  | { readonly code: 'processed' }
  | { readonly code: 'in_process' }
  | { readonly code: 'state_not_runnable'; readonly state: string }
  | {
      readonly code: 'cycle';
      /** Step ids along the edges; an edge leads from the last to the first. */
      readonly path: readonly bigint[];
      /** False when the step is kept back only because its task holds the circle. */
      readonly on_cycle: boolean;
    }
  | {
      readonly code: 'unreachable';
      /** From the step's parent up to the ancestor that is the cause. */
      readonly chain: readonly StepReference[];
      /** Path of the circle that the cause stands on, or null. */
      readonly cycle: readonly bigint[] | null;
    }
  | {
      readonly code: 'task_set_apart';
      /** The rows that contradict each other. */
      readonly problems: readonly { readonly code: string; readonly message: string }[];
    };

/** What is to be expected of a step. */
export type StepOutlook =
  /** It may run now. */
  | 'ready'
  /** It can still become ready by itself. */
  | 'waiting'
  /** It can never run unless somebody intervenes. */
  | 'stuck'
  | 'running'
  | 'done';

/** Why a step is not running, or that it may. Instants are ISO text with six digits and Z. */
export interface StepExplanation {
  readonly workflow_step_id: bigint;
  readonly task_id: bigint;
  readonly name: string;
  readonly rules: Rules;
  readonly now: string;
  readonly current_state: string;
  readonly ready: boolean;
  readonly outlook: StepOutlook;
  readonly attempts: number;
  readonly retry_limit: number;
  readonly total_parents: number;
  readonly completed_parents: number;
  /** Everything that keeps it from running; empty exactly when it is ready. */
  readonly reasons: readonly BlockingReason[];
  /** The same in words. */
  readonly sentence: string;
}
