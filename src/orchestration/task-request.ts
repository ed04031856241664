import type { Queries } from '../database/id-block.ts';
import type { TaskerEntityManager } from '../database/repositories/orm.ts';
import type { TaskIdentity } from './task-identity.ts';

/** A task to be created. */
export interface TaskRequest<Context = unknown> {
  /** What the steps' handlers see: a JSON object that is not empty and fits the template's schema. */
  readonly context: Context;
  /** Tasks of a higher one go first; a whole number of 32 bits. Default 0. */
  readonly priority?: number | undefined;
  /** No step runs before; an ISO instant. Default: at once. */
  readonly runAt?: string | undefined;
  /** What makes another request the same task. Default `always`: nothing. */
  readonly identity?: TaskIdentity | undefined;
  /** At most 100 letters, digits, `_` and `-`. Default: a new one, `tsk_…`. */
  readonly correlationId?: string | undefined;
  /** These three: at most 128 characters. Default `unknown`. */
  readonly initiator?: string | undefined;
  readonly sourceSystem?: string | undefined;
  readonly reason?: string | undefined;
  /** Default none. */
  readonly tags?: readonly string[] | undefined;
  /** Skippable steps that count as resolved from the beginning. Default none. */
  readonly bypassSteps?: readonly string[] | undefined;
  /** ISO instant. Default: now. */
  readonly requestedAt?: string | undefined;
  /** A task that exists. */
  readonly parentTaskId?: bigint | undefined;
  /** The trace that the task belongs to, as a `traceparent` header has it; at most 1,024 characters. */
  readonly traceContext?: string | undefined;
}

/** How tasks are created. */
export interface CreateTaskOptions {
  /**
   * When the identity is another task's: `return` that one (default), or refuse with
   * `TASKER_DUPLICATE_TASK`.
   */
  readonly onDuplicate?: 'return' | 'error' | undefined;
  /** A session with a transaction of the caller: the task exists if and only if that commits. */
  readonly client?: Queries | undefined;
  /** An entity manager inside `em.transactional`: the same. */
  readonly em?: TaskerEntityManager | undefined;
  /** Tells engines, which else find the task at their next poll. Default true. */
  readonly notify?: boolean | undefined;
  /**
   * Checks no foreign keys and fires no triggers of others: about twice as fast for very many tasks,
   * whose rows are right by construction. Outside of a caller's transaction only; the database user
   * must be allowed to set `session_replication_role`. Default false.
   */
  readonly trusted?: boolean | undefined;
}

/** The answer to a request. */
export interface CreatedTask {
  readonly taskId: bigint;
  /** False for a task that was there already under the same identity. */
  readonly created: boolean;
  /** First of the steps' ids, which follow each other in the template's order; of a new task only. */
  readonly firstStepId: bigint | undefined;
  /** What the request has, or the new id; undefined for a task that was there already. */
  readonly correlationId: string | undefined;
}
