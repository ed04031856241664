import { completionPercentage } from './contexts.ts';
import { formatInstant } from '../snapshot/instants.ts';
import {
  EXECUTION_STATUSES,
  HEALTH_STATUSES,
  RESULT_BITS,
  STEP_FLAGS,
} from '../snapshot/layout.ts';
import { firstTimed } from './readiness.ts';
import { scanReadyIds } from './ready-scan.ts';
import type { Rules } from '../rules/rules.ts';
import { isAnswered, type GraphSnapshot } from '../snapshot/snapshot.ts';
import { stateText } from '../snapshot/state-codes.ts';

/** The 16 columns of `get_step_readiness_status`; instants as ISO text with six digits and Z. */
export interface ReadinessRow {
  workflow_step_id: bigint;
  task_id: bigint;
  named_step_id: number;
  name: string;
  current_state: string;
  dependencies_satisfied: boolean;
  retry_eligible: boolean;
  ready_for_execution: boolean;
  last_failure_at: string | null;
  next_retry_at: string | null;
  total_parents: number;
  completed_parents: number;
  attempts: number;
  retry_limit: number;
  backoff_request_seconds: number | null;
  last_attempted_at: string | null;
}

/** The 13 columns of `get_task_execution_context`. */
export interface ContextRow {
  task_id: bigint;
  named_task_id: number;
  status: string;
  total_steps: number;
  pending_steps: number;
  in_progress_steps: number;
  completed_steps: number;
  failed_steps: number;
  ready_steps: number;
  execution_status: (typeof EXECUTION_STATUSES)[number]['status'];
  recommended_action: (typeof EXECUTION_STATUSES)[number]['action'];
  /** Numeric text: `0.0` without steps, else two decimals. */
  completion_percentage: string;
  health_status: (typeof HEALTH_STATUSES)[number];
}

/** The columns of `calculate_dependency_levels`. */
export interface LevelRow {
  workflow_step_id: bigint;
  dependency_level: number;
}

const instantOrNull = (micros: number): string | null =>
  Number.isNaN(micros) ? null : formatInstant(micros);

/** The readiness row of one step of a resolved snapshot; O(log W). */
export function readinessRow(snapshot: GraphSnapshot, task: number, step: number): ReadinessRow {
  const { views } = snapshot;
  const at = firstTimed(views, step);
  return decodeStep(snapshot, task, step, views.timedStep[at] === step ? at : -1);
}

function decodeStep(
  { views, texts }: GraphSnapshot,
  task: number,
  step: number,
  timed: number,
): ReadinessRow {
  const bits = views.bits[step] as number;
  const flags = views.flags[step] as number;
  const named = views.namedStepId[step] as number;
  const attempts = views.attempts[step] as number;
  return {
    workflow_step_id: views.stepId[step] as bigint,
    task_id: views.taskId[task] as bigint,
    named_step_id: named,
    name: texts.stepNames.get(named) ?? '',
    current_state: stateText(views.state[step] as number, texts.foreignStates),
    dependencies_satisfied: (bits & RESULT_BITS.dependenciesSatisfied) !== 0,
    retry_eligible: (bits & RESULT_BITS.retryEligible) !== 0,
    ready_for_execution: (bits & RESULT_BITS.ready) !== 0,
    last_failure_at: timed === -1 ? null : instantOrNull(views.failedAt[timed] as number),
    next_retry_at: timed === -1 ? null : instantOrNull(views.nextRetryAt[timed] as number),
    total_parents:
      (views.parentOffsets[step + 1] as number) - (views.parentOffsets[step] as number),
    completed_parents: views.completedParents[step] as number,
    attempts,
    retry_limit: views.retryLimit[step] as number,
    backoff_request_seconds:
      (flags & STEP_FLAGS.backoffNull) === 0 ? (views.backoffSeconds[step] as number) : null,
    last_attempted_at: instantOrNull(views.lastAttemptedAt[step] as number),
  };
}

/** Readiness rows of every answered task, by task, then step; decoded as they are taken. */
export function* readinessRows(snapshot: GraphSnapshot, rules: Rules): Generator<ReadinessRow> {
  const { views } = snapshot;
  let timed = 0;
  for (let task = 0; task < views.counts.tasks; task++) {
    const end = views.taskSteps[task + 1] as number;
    if (!isAnswered(views, task, rules === 'rails')) continue;
    for (let step = views.taskSteps[task] as number; step < end; step++) {
      while ((views.timedStep[timed] ?? Infinity) < step) timed++;
      yield decodeStep(snapshot, task, step, views.timedStep[timed] === step ? timed : -1);
    }
  }
}

/** The context row of one task of a resolved snapshot; O(1). */
export function contextRow({ views, texts }: GraphSnapshot, task: number): ContextRow {
  const total = (views.taskSteps[task + 1] as number) - (views.taskSteps[task] as number);
  const completed = views.completedSteps[task] as number;
  const execution = EXECUTION_STATUSES[views.executionStatus[task] as number]!;
  return {
    task_id: views.taskId[task] as bigint,
    named_task_id: views.namedTaskId[task] as number,
    status: stateText(views.taskState[task] as number, texts.foreignStates),
    total_steps: total,
    pending_steps: views.pendingSteps[task] as number,
    in_progress_steps: views.inProgressSteps[task] as number,
    completed_steps: completed,
    failed_steps: views.failedSteps[task] as number,
    ready_steps: views.readySteps[task] as number,
    execution_status: execution.status,
    recommended_action: execution.action,
    completion_percentage: completionPercentage(completed, total),
    health_status: HEALTH_STATUSES[views.healthStatus[task] as number]!,
  };
}

/** Context rows of every answered task, by task id. */
export function* contextRows(snapshot: GraphSnapshot, rules: Rules): Generator<ContextRow> {
  for (let task = 0; task < snapshot.views.counts.tasks; task++) {
    if (isAnswered(snapshot.views, task, rules === 'rails')) yield contextRow(snapshot, task);
  }
}

/** Steps of one task that have a level, by level, then id; O(n log n) in the task's steps. */
export function taskLevelRows({ views }: GraphSnapshot, task: number): LevelRow[] {
  const rows: LevelRow[] = [];
  const end = views.taskSteps[task + 1] as number;
  for (let step = views.taskSteps[task] as number; step < end; step++) {
    const level = views.level[step] as number;
    if (level < 0) continue;
    rows.push({ workflow_step_id: views.stepId[step] as bigint, dependency_level: level });
  }
  // steps stand in id order and the sort is stable
  return rows.sort((a, b) => a.dependency_level - b.dependency_level);
}

/** Level rows of every answered task, task by task. */
export function* levelRows(snapshot: GraphSnapshot, rules: Rules): Generator<LevelRow> {
  for (let task = 0; task < snapshot.views.counts.tasks; task++) {
    if (isAnswered(snapshot.views, task, rules === 'rails')) yield* taskLevelRows(snapshot, task);
  }
}

/** Ids of the steps that may run now, of answered tasks, by task, then step; O(N). */
export function readyStepIds({ views }: GraphSnapshot, rules: Rules): BigInt64Array {
  return scanReadyIds(views, rules);
}
