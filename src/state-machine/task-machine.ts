import type { Machine, TaskColumn } from './machine.ts';

/** The machine of a task. A task without a transition row is pending. */
export const TASK_MACHINE = {
  pending: {
    in_progress: { event: 'task.start_requested' },
    error: { event: 'task.failed' },
    cancelled: { event: 'task.cancelled' },
  },
  in_progress: {
    complete: {
      event: 'task.completed',
      guards: ['steps_satisfied'],
      writes: { complete: 'true' },
    },
    error: { event: 'task.failed' },
    cancelled: { event: 'task.cancelled' },
    pending: { event: 'task.initialize_requested' },
  },
  error: {
    pending: { event: 'task.retry_requested' },
    resolved_manually: { event: 'task.resolved_manually' },
  },
  complete: {
    cancelled: { event: 'task.cancelled' },
  },
  resolved_manually: {
    cancelled: { event: 'task.cancelled' },
  },
  cancelled: {},
} as const satisfies Machine<TaskColumn>;

/** The machine of a task as a type. */
export type TaskMachine = typeof TASK_MACHINE;
