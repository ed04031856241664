import { executionOf, healthOf, TASK_VERDICTS, taskFacts } from '../rules/task-status.ts';
import { EXECUTION_STATUSES, HEALTH_STATUSES } from '../snapshot/layout.ts';
import { taskHandle } from './handles.ts';
import type { ResidentStore } from './store.ts';
import { REPORTED_SHIFT, RESIDENT_TASK, TASK, TASK_BITS } from './words.ts';

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

/** A task whose status is another one than was last told of it. */
export interface StatusChange {
  /** The task's handle. */
  readonly task: number;
  readonly taskId: bigint;
  readonly executionStatus: ResidentTaskStatus['executionStatus'];
}

/** Verdict on a task from the counts that every change keeps up, see `TASK_VERDICTS`. O(1). */
function verdictOn({ rules, tasks }: ResidentStore, task: number): number {
  const at = task << TASK_BITS;
  const total = tasks[at + TASK.steps] as number;
  const completed = tasks[at + TASK.completed] as number;
  const cyclic = ((tasks[at + TASK.flags] as number) & RESIDENT_TASK.cyclic) !== 0;
  const facts = taskFacts(
    total,
    tasks[at + TASK.inProgress] as number,
    completed,
    tasks[at + TASK.failed] as number,
    tasks[at + TASK.ready] as number,
    tasks[at + TASK.exhausted] as number,
    // the steps of a cyclic task are all unreachable under `engine`
    cyclic ? total - completed : (tasks[at + TASK.deadEnds] as number),
  );
  return TASK_VERDICTS[rules][facts] as number;
}

/** Status of a task as a position in `EXECUTION_STATUSES`. O(1). */
export function statusCodeOf(store: ResidentStore, task: number): number {
  return executionOf(verdictOn(store, task));
}

/** Counts and status of a task. O(1). */
export function statusOf(store: ResidentStore, task: number): ResidentTaskStatus {
  const at = task << TASK_BITS;
  const field = (name: keyof typeof TASK): number => store.tasks[at + TASK[name]] as number;
  const counts = {
    totalSteps: field('steps'),
    pendingSteps: field('pending'),
    inProgressSteps: field('inProgress'),
    completedSteps: field('completed'),
    failedSteps: field('failed'),
    readySteps: field('ready'),
  };
  const verdict = verdictOn(store, task);
  return {
    ...counts,
    executionStatus: EXECUTION_STATUSES[executionOf(verdict)]!.status,
    healthStatus: HEALTH_STATUSES[healthOf(verdict)]!,
  };
}

/** Tasks whose status is another one than was last told, and tells it. O(tasks changed). */
export function tellStatusChanges(store: ResidentStore): StatusChange[] {
  const told: StatusChange[] = [];
  const { tasks } = store;
  for (const record of store.changedTasks) {
    const flags = tasks[record + TASK.flags] as number;
    if ((flags & RESIDENT_TASK.changed) === 0) continue; // gone, or told already
    const task = record >>> TASK_BITS;
    const code = statusCodeOf(store, task);
    const before = flags >>> REPORTED_SHIFT;
    const bits = flags & ((1 << REPORTED_SHIFT) - 1) & ~RESIDENT_TASK.changed;
    tasks[record + TASK.flags] = bits | ((code + 1) << REPORTED_SHIFT);
    if (before === code + 1) continue;
    told.push({
      task: taskHandle(store, task),
      taskId: store.taskId[task] as bigint,
      executionStatus: EXECUTION_STATUSES[code]!.status,
    });
  }
  store.changedTasks = [];
  return told;
}
