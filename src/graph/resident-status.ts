import type { EXECUTION_STATUSES, HEALTH_STATUSES } from './layout.ts';
import type { ResidentData } from './resident-data.ts';
import { RESIDENT_TASK, TASK, TASK_BITS } from './resident-words.ts';

/** Counts and status of one resident task, as an execution context has them. */
export interface ResidentTaskStatus {
  readonly totalSteps: number;
  readonly pendingSteps: number;
  readonly inProgressSteps: number;
  readonly completedSteps: number;
  readonly failedSteps: number;
  readonly readySteps: number;
  readonly executionStatus: (typeof EXECUTION_STATUSES)[number]['status'];
  readonly healthStatus: (typeof HEALTH_STATUSES)[number];
}

/**
 * Status of a task from the counts that every change keeps up. O(1).
 *
 * Source: contract readiness §3; the `engine` rows of decisions, Rules.
 */
export function statusOf(data: ResidentData, task: number): ResidentTaskStatus {
  const at = task << TASK_BITS;
  const field = (name: keyof typeof TASK): number => data.tasks[at + TASK[name]] as number;
  const counts = {
    totalSteps: field('steps'),
    pendingSteps: field('pending'),
    inProgressSteps: field('inProgress'),
    completedSteps: field('completed'),
    failedSteps: field('failed'),
    readySteps: field('ready'),
  };
  const { totalSteps, completedSteps, failedSteps, readySteps } = counts;
  const engine = data.rules === 'engine';
  const complete = totalSteps === completedSteps && (engine || totalSteps > 0);
  // the steps of a cyclic task are all unreachable under `engine`
  const cyclic = (field('flags') & RESIDENT_TASK.cyclic) !== 0;
  const alive = cyclic ? 0 : totalSteps - completedSteps - field('deadEnds');
  const exhausted = field('exhausted') > 0;
  let executionStatus: ResidentTaskStatus['executionStatus'] = 'waiting_for_dependencies';
  if (readySteps > 0) executionStatus = 'has_ready_steps';
  else if (counts.inProgressSteps > 0) executionStatus = 'processing';
  else if (!engine && exhausted) executionStatus = 'blocked_by_failures';
  else if (complete) executionStatus = 'all_complete';
  else if (engine && alive === 0) executionStatus = 'blocked_by_failures';
  let healthStatus: ResidentTaskStatus['healthStatus'] = failedSteps > 0 ? 'recovering' : 'healthy';
  const stuck = engine
    ? executionStatus === 'blocked_by_failures'
    : failedSteps > 0 && readySteps === 0 && exhausted;
  if (stuck) healthStatus = 'blocked';
  return { ...counts, executionStatus, healthStatus };
}
