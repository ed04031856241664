import type { ResidentTaskStatus } from '../graph/resident/status.ts';

/** What is to become of a task whose steps stand as they do. */
export type TaskVerdict =
  /** It goes on: something runs, is ready, waits for an instant or for another task. */
  | { readonly kind: 'active' }
  | { readonly kind: 'complete' }
  /** Nothing of it can run any more. */
  | { readonly kind: 'blocked'; readonly reason: string };

/**
 * The decision table under the engine's rules. Every combination of step states has a verdict, and
 * an `active` task always has something that will wake it: a running attempt, a ready step, a timer
 * of the resident graph, or a parent in another task.
 */
export function verdictOf(status: ResidentTaskStatus): TaskVerdict {
  switch (status.executionStatus) {
    case 'all_complete':
      return { kind: 'complete' };
    case 'blocked_by_failures':
      return { kind: 'blocked', reason: reasonOf(status) };
    case 'has_ready_steps':
    case 'processing':
    case 'waiting_for_dependencies':
      return { kind: 'active' };
  }
}

function reasonOf({
  totalSteps,
  completedSteps,
  failedSteps,
  pendingSteps,
}: ResidentTaskStatus): string {
  const cancelled = totalSteps - completedSteps - failedSteps - pendingSteps;
  const parts = [
    failedSteps > 0 ? `${failedSteps} failed` : '',
    cancelled > 0 ? `${cancelled} cancelled` : '',
    pendingSteps > 0 ? `${pendingSteps} out of reach` : '',
  ].filter((part) => part !== '');
  return `${completedSteps} of ${totalSteps} steps complete, ${parts.join(', ')}`;
}
