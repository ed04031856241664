import { TaskerError } from '../../errors.ts';
import { formatInstant } from '../../graph/snapshot/instants.ts';
import {
  RESULT_BITS,
  STEP_FLAGS,
  TASK_FLAGS,
  type SnapshotViews,
} from '../../graph/snapshot/layout.ts';
import { firstTimed } from '../../graph/kernels/readiness.ts';
import { engineRetryLimit, failureWaitMicros, type Rules } from '../../graph/rules/rules.ts';
import type { GraphSnapshot } from '../../graph/snapshot/snapshot.ts';
import { STATE_CODES, stateText } from '../../graph/snapshot/state-codes.ts';
import { parentsOf, taskDoom, type TaskDoom } from './explain-doom.ts';
import { explanationSentence } from './explain-sentence.ts';
import type { BlockingReason, StepExplanation, StepOutlook, StepReference } from './explanation.ts';

/**
 * Explains why a step is not running.
 *
 * `snapshot` must have been resolved under the same rules at the same instant. Every condition that
 * fails is a reason of its own, so that a reader sees what remains when one is dealt with. Parents
 * in other tasks are judged by their own row. O(steps + edges) of the task; reads only.
 *
 * @param task number of the task in the snapshot
 * @param step number of the step in the snapshot
 * @param nowMicros the clock, µs since the epoch
 * Errors: TASKER_BAD_ARGUMENT when the step is not one of the task's.
 */
export function explainStep(
  snapshot: GraphSnapshot,
  task: number,
  step: number,
  rules: Rules,
  nowMicros: number,
): StepExplanation {
  const { views, texts } = snapshot;
  const { taskSteps, state, bits } = views;
  if (!(step >= (taskSteps[task] ?? Infinity) && step < (taskSteps[task + 1] ?? 0))) {
    throw new TaskerError(
      'TASKER_BAD_ARGUMENT',
      `Step number ${step} is not one of task number ${task}.`,
      {
        data: { task, step },
      },
    );
  }
  const doom = taskDoom(views, task, rules);
  const reasons = reasonsOf({ snapshot, task, step, rules, nowMicros, doom });
  const limit = views.retryLimit[step] as number;
  const named = views.namedStepId[step] as number;
  const facts = {
    workflow_step_id: views.stepId[step] as bigint,
    task_id: views.taskId[task] as bigint,
    name: texts.stepNames.get(named) ?? '',
    rules,
    now: formatInstant(nowMicros),
    current_state: stateText(state[step] as number, texts.foreignStates),
    ready: reasons.length === 0 && ((bits[step] as number) & RESULT_BITS.ready) !== 0,
    outlook: outlookOf(state[step] as number, reasons, doom.isDoomed(step)),
    attempts: views.attempts[step] as number,
    retry_limit: rules === 'engine' ? engineRetryLimit(limit) : limit,
    total_parents:
      (views.parentOffsets[step + 1] as number) - (views.parentOffsets[step] as number),
    completed_parents: views.completedParents[step] as number,
    reasons,
  };
  return { ...facts, sentence: explanationSentence(facts) };
}

interface Subject {
  readonly snapshot: GraphSnapshot;
  readonly task: number;
  readonly step: number;
  readonly rules: Rules;
  readonly nowMicros: number;
  readonly doom: TaskDoom;
}

function outlookOf(
  code: number,
  reasons: readonly BlockingReason[],
  isDoomed: boolean,
): StepOutlook {
  if (code >= STATE_CODES.complete) return 'done';
  if (reasons.length === 0) return 'ready';
  if (reasons.some(({ code: reason }) => reason === 'task_set_apart' || reason === 'cycle'))
    return 'stuck';
  if (code === STATE_CODES.in_progress) return 'running';
  return isDoomed ? 'stuck' : 'waiting';
}

function reasonsOf(subject: Subject): BlockingReason[] {
  const { snapshot, step } = subject;
  const code = snapshot.views.state[step] as number;
  const state = stateText(code, snapshot.texts.foreignStates);
  if (code >= STATE_CODES.complete) return [{ code: 'state_not_runnable', state }];
  return [
    ...setApartReasons(subject),
    ...ownReasons(subject, state),
    ...waitReasons(subject),
    ...ancestorReasons(subject),
  ];
}

/** What takes the whole task out of the answers. */
function setApartReasons({ snapshot, task, step, rules, doom }: Subject): BlockingReason[] {
  const { views, problems } = snapshot;
  const taskId = views.taskId[task] as bigint;
  const reasons: BlockingReason[] = [];
  if (((views.taskFlags[task] as number) & TASK_FLAGS.refused) !== 0) {
    const contradictions = problems
      .filter((problem) => problem.refused && problem.taskId === taskId)
      .map(({ code, message }) => ({ code, message }));
    reasons.push({ code: 'task_set_apart', problems: contradictions });
  }
  const own = doom.cycleThrough(step);
  if (own !== undefined) {
    reasons.push({ code: 'cycle', path: idsOf(views, own), on_cycle: true });
  } else if (rules === 'engine' && doom.tangled !== undefined) {
    const onCycle = doom.chainToCause(doom.tangled).at(-1) as number;
    const path = doom.cycleThrough(onCycle) ?? [onCycle];
    reasons.push({ code: 'cycle', path: idsOf(views, path), on_cycle: false });
  }
  return reasons;
}

/** What stands in the step's own row: readiness R1, R2, R4, R5, R6. */
function ownReasons(
  { snapshot: { views }, step, rules }: Subject,
  state: string,
): BlockingReason[] {
  const reasons: BlockingReason[] = [];
  const code = views.state[step] as number;
  const flags = views.flags[step] as number;
  const attempts = views.attempts[step] as number;
  const stored = views.retryLimit[step] as number;
  const limit = rules === 'engine' ? engineRetryLimit(stored) : stored;
  if (code !== STATE_CODES.pending && code !== STATE_CODES.error) {
    reasons.push({ code: 'state_not_runnable', state });
  }
  if (attempts >= limit) reasons.push({ code: 'attempts_exhausted', attempts, retry_limit: limit });
  const mayTryFirst = rules === 'engine' && code === STATE_CODES.pending;
  if ((flags & STEP_FLAGS.notRetryable) !== 0 && !mayTryFirst) {
    reasons.push({ code: 'not_retryable' });
  }
  if ((flags & STEP_FLAGS.processed) !== 0) reasons.push({ code: 'processed' });
  if ((flags & STEP_FLAGS.inProcess) !== 0) reasons.push({ code: 'in_process' });
  return reasons;
}

/** Waits that are not over: readiness R7 and R8, or the stored next attempt. */
function waitReasons({ snapshot: { views }, step, rules, nowMicros }: Subject): BlockingReason[] {
  const at = firstTimed(views, step);
  if (views.timedStep[at] !== step) return [];
  const flags = views.flags[step] as number;
  const stored = rules === 'engine' ? (views.nextAttemptAt[at] as number) : Number.NaN;
  const explicit =
    (flags & STEP_FLAGS.backoffNull) === 0
      ? (views.lastAttemptedAt[step] as number) + (views.backoffSeconds[step] as number) * 1_000_000
      : Number.NaN;
  const attemptsNull = (flags & STEP_FLAGS.attemptsNull) !== 0;
  const failure =
    (views.failedAt[at] as number) +
    failureWaitMicros(views.attempts[step] as number, attemptsNull);
  const waits: [wait: 'explicit' | 'failure' | 'stored', end: number][] = Number.isNaN(stored)
    ? [
        ['explicit', explicit],
        ['failure', failure],
      ]
    : [['stored', stored]];
  return waits
    .filter(([, end]) => end > nowMicros)
    .map(([wait, end]) => ({
      code: 'waiting',
      wait,
      until: formatInstant(end),
      seconds_left: Number.isFinite(end) ? (end - nowMicros) / 1e6 : null,
    }));
}

/** Parents that are not done, and the ancestor because of which they never will be. */
function ancestorReasons({ snapshot, task, step, doom }: Subject): BlockingReason[] {
  const { views } = snapshot;
  const open = parentsOf(views, step).filter(
    (parent) => (views.state[parent] as number) < STATE_CODES.complete,
  );
  const reasons: BlockingReason[] = open.map((parent) => ({
    code: 'parent_not_done',
    parent: referenceTo(snapshot, task, parent),
    can_finish: !doom.isDoomed(parent),
  }));
  const running = views.state[step] === STATE_CODES.in_progress;
  if (
    running ||
    doom.cycleThrough(step) !== undefined ||
    !open.some((parent) => doom.isDoomed(parent))
  ) {
    return reasons;
  }
  const chain = doom.chainToCause(step).slice(1);
  const cause = chain.at(-1);
  const cycle = cause === undefined ? undefined : doom.cycleThrough(cause);
  reasons.push({
    code: 'unreachable',
    chain: chain.map((node) => referenceTo(snapshot, task, node)),
    cycle: cycle === undefined ? null : idsOf(views, cycle),
  });
  return reasons;
}

function referenceTo({ views, texts }: GraphSnapshot, task: number, node: number): StepReference {
  const foreign =
    node < (views.taskSteps[task] as number) || node >= (views.taskSteps[task + 1] as number);
  const named = foreign ? undefined : views.namedStepId[node];
  return {
    workflow_step_id: views.stepId[node] as bigint,
    task_id: foreign ? taskOf(views, node) : (views.taskId[task] as bigint),
    name: named === undefined ? null : (texts.stepNames.get(named) ?? ''),
    state: stateText(views.state[node] as number, texts.foreignStates),
    foreign,
  };
}

/** Task id of a step of another task: of a ghost, or of a step that shares the snapshot. */
function taskOf(views: SnapshotViews, node: number): bigint {
  if (node >= views.counts.steps) return views.ghostTaskId[node - views.counts.steps] as bigint;
  let low = 0;
  let high = views.counts.tasks;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((views.taskSteps[middle + 1] as number) <= node) low = middle + 1;
    else high = middle;
  }
  return views.taskId[low] as bigint;
}

const idsOf = (views: SnapshotViews, steps: readonly number[]): bigint[] =>
  steps.map((step) => views.stepId[step] as bigint);
