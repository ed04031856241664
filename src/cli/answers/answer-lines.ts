import { completionPercentage } from '../../graph/kernels/contexts.ts';
import {
  EXECUTION_STATUSES,
  HEALTH_STATUSES,
  RESULT_BITS,
  STEP_FLAGS,
} from '../../graph/snapshot/layout.ts';
import type { Rules } from '../../graph/rules/rules.ts';
import { isAnswered, type GraphSnapshot } from '../../graph/snapshot/snapshot.ts';
import { stateText } from '../../graph/snapshot/state-codes.ts';
import { IdWords } from './id-words.ts';
import { instantJson } from './instant-text.ts';

/** Characters that a piece of text should hold: large enough to write, small enough to stay cheap. */
const PIECE = 1 << 18;

/** What readiness lines tell about their order. */
export interface IdOrder {
  /** Id of the latest line. */
  latest: number | bigint;
  /** Every line so far had a greater id than the one before. */
  ascending: boolean;
}

/** An order that no line has been seen of. */
export function unseenOrder(): IdOrder {
  return { latest: -(2n ** 63n), ascending: true };
}

/**
 * Readiness rows of every answered task as JSON lines, by task, then step, in pieces of about 256
 * kB; keys and forms are those of the recorded answers in `test/vectors`.
 *
 * Written by hand, a row takes about a microsecond; `order` notes whether ids ever fall.
 */
export function* readinessLines(
  { views, texts }: GraphSnapshot,
  rules: Rules,
  order: IdOrder,
): Generator<string> {
  const { bits, flags, state, attempts, retryLimit, backoffSeconds, completedParents } = views;
  const { timedStep, failedAt, nextRetryAt, lastAttemptedAt, namedStepId, parentOffsets } = views;
  const stepIds = new IdWords(views.stepId);
  const taskIds = new IdWords(views.taskId);
  const names = new Map<number, string>();
  const states: string[] = [];
  let timed = 0;
  let piece = '';
  for (let task = 0; task < views.counts.tasks; task++) {
    if (!isAnswered(views, task, rules === 'rails')) continue;
    const taskId = `,"task_id":${taskIds.at(task)},"named_step_id":`;
    const end = views.taskSteps[task + 1] as number;
    for (let step = views.taskSteps[task] as number; step < end; step++) {
      while ((timedStep[timed] ?? Infinity) < step) timed++;
      const isTimed = timedStep[timed] === step;
      const id = stepIds.at(step);
      if (id <= order.latest) order.ascending = false;
      order.latest = id;
      const named = namedStepId[step] as number;
      let name = names.get(named);
      if (name === undefined) {
        name = `${named},"name":${JSON.stringify(texts.stepNames.get(named) ?? '')},"current_state":`;
        names.set(named, name);
      }
      const code = state[step] as number;
      const current = (states[code] ??= JSON.stringify(stateText(code, texts.foreignStates)));
      const result = bits[step] as number;
      const backoff =
        ((flags[step] as number) & STEP_FLAGS.backoffNull) === 0 ? backoffSeconds[step] : 'null';
      const parents = (parentOffsets[step + 1] as number) - (parentOffsets[step] as number);
      piece += `{"workflow_step_id":${id}${taskId}${name}${current},"dependencies_satisfied":${
        (result & RESULT_BITS.dependenciesSatisfied) !== 0
      },"retry_eligible":${(result & RESULT_BITS.retryEligible) !== 0},"ready_for_execution":${
        (result & RESULT_BITS.ready) !== 0
      },"last_failure_at":${
        isTimed ? instantJson(failedAt[timed] as number) : 'null'
      },"next_retry_at":${
        isTimed ? instantJson(nextRetryAt[timed] as number) : 'null'
      },"total_parents":${parents},"completed_parents":${completedParents[step]},"attempts":${
        attempts[step]
      },"retry_limit":${retryLimit[step]},"backoff_request_seconds":${backoff},"last_attempted_at":${instantJson(
        lastAttemptedAt[step] as number,
      )}}\n`;
      if (piece.length >= PIECE) {
        yield piece;
        piece = '';
      }
    }
  }
  if (piece !== '') yield piece;
}

/** Context rows of every answered task as JSON lines, by task id, in pieces. */
export function* contextLines({ views, texts }: GraphSnapshot, rules: Rules): Generator<string> {
  const taskIds = new IdWords(views.taskId);
  let piece = '';
  for (let task = 0; task < views.counts.tasks; task++) {
    if (!isAnswered(views, task, rules === 'rails')) continue;
    const total = (views.taskSteps[task + 1] as number) - (views.taskSteps[task] as number);
    const completed = views.completedSteps[task] as number;
    const execution = EXECUTION_STATUSES[views.executionStatus[task] as number]!;
    const status = JSON.stringify(stateText(views.taskState[task] as number, texts.foreignStates));
    piece += `{"task_id":${taskIds.at(task)},"named_task_id":${views.namedTaskId[task]},"status":${status},"total_steps":${total},"pending_steps":${views.pendingSteps[task]},"in_progress_steps":${views.inProgressSteps[task]},"completed_steps":${completed},"failed_steps":${views.failedSteps[task]},"ready_steps":${views.readySteps[task]},"execution_status":"${execution.status}","recommended_action":"${execution.action}","completion_percentage":"${completionPercentage(completed, total)}","health_status":"${HEALTH_STATUSES[views.healthStatus[task] as number]}"}\n`;
    if (piece.length >= PIECE) {
      yield piece;
      piece = '';
    }
  }
  if (piece !== '') yield piece;
}

/**
 * `[step id, level]` of every step that has a level as JSON lines, task by task, inside a task by
 * level, then id, in pieces. O(steps + levels).
 */
export function* levelLines({ views }: GraphSnapshot, rules: Rules): Generator<string> {
  const { level, taskSteps } = views;
  const stepIds = new IdWords(views.stepId);
  let piece = '';
  for (let task = 0; task < views.counts.tasks; task++) {
    if (!isAnswered(views, task, rules === 'rails')) continue;
    for (const step of byLevel(level, taskSteps[task] as number, taskSteps[task + 1] as number)) {
      piece += `[${stepIds.at(step)},${level[step]}]\n`;
      if (piece.length < PIECE) continue;
      yield piece;
      piece = '';
    }
  }
  if (piece !== '') yield piece;
}

/** Steps `first` to `end - 1` that have a level, by level; a counting sort, stable in the step. */
function byLevel(level: Int32Array, first: number, end: number): Uint32Array {
  let deepest = -1;
  let levelled = 0;
  for (let step = first; step < end; step++) {
    const at = level[step] as number;
    if (at > deepest) deepest = at;
    if (at >= 0) levelled++;
  }
  const starts = new Uint32Array(deepest + 2);
  for (let step = first; step < end; step++) {
    const at = level[step] as number;
    if (at >= 0) starts[at + 1] = (starts[at + 1] as number) + 1;
  }
  for (let at = 1; at <= deepest; at++) {
    starts[at] = (starts[at] as number) + (starts[at - 1] as number);
  }
  const ordered = new Uint32Array(levelled);
  for (let step = first; step < end; step++) {
    const at = level[step] as number;
    if (at < 0) continue;
    const place = starts[at] as number;
    ordered[place] = step;
    starts[at] = place + 1;
  }
  return ordered;
}
