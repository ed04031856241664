import { firstTimed } from '../kernels/readiness.ts';
import { resolveTaskRange } from '../kernels/resolve.ts';
import { type Outcome, refusal, slotOf, stepHandle, taskHandle } from './handles.ts';
import { changeStep, completeStep, resultBitsOf } from './settle.ts';
import {
  PARENTS_SHIFT,
  REPORTED_SHIFT,
  RESIDENT_TASK,
  type ResidentStore,
  TASK,
  TASK_BITS,
  WORD,
} from './store.ts';
import { type StepChange, waitEnd } from '../rules/own-row.ts';
import { TASK_VERDICTS, executionOf, healthOf, taskFacts } from '../rules/task-status.ts';
import {
  EXECUTION_STATUSES,
  HEALTH_STATUSES,
  RESULT_BITS,
  STEP_FLAGS,
  type SnapshotViews,
} from '../snapshot/layout.ts';
import { isAnswered } from '../snapshot/snapshot.ts';
import { STATE_CODES } from '../snapshot/state-codes.ts';
import { Scratch } from '../snapshot/topological-order.ts';

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

const DEAD_END = RESULT_BITS.dead | RESULT_BITS.unreachable;

/** How attempts ended, or what else changed, in one call. */
export interface SettleBatch {
  /** Handles of steps that are complete. */
  readonly completed?: ArrayLike<number>;
  /** Rows that changed otherwise; they are written after the completions. */
  readonly changed?: readonly { readonly step: number; readonly change: StepChange }[];
}

/** What a {@link SettleBatch} brought about. */
export interface SettleReport {
  /** Handles of the steps that are ready now and were not before, in the order in which they became so. */
  readonly newlyReady: number[];
  /** Tasks whose status is another one than was last told, whatever changed it. */
  readonly tasks: StatusChange[];
  /** Handles of steps that can never complete any more and could before (`engine` only). */
  readonly deadEnds: number[];
  /** What was not carried out, with its place in `completed`, or in `changed` behind that. */
  readonly refused: { readonly at: number; readonly outcome: 'stale' | 'unknown' }[];
}

/** Carries out a batch on a store whose reports begin anew, see `ResidentGraph.settleBatch`. */
export function settleBatchOf(
  store: ResidentStore,
  { completed = [], changed = [] }: SettleBatch,
): SettleReport {
  const refused: { at: number; outcome: 'stale' | 'unknown' }[] = [];
  const deadEnds: number[] = (store.deadEnds = []);
  const settleOne = (at: number, step: number, change: StepChange | undefined): void => {
    const slot = slotOf(store, step);
    let outcome: Outcome;
    if (slot < 0) outcome = refusal(slot);
    else if (change === undefined) outcome = completeStep(store, slot);
    else outcome = changeStep(store, slot, change);
    if (outcome !== 'ok') refused.push({ at, outcome });
  };
  try {
    for (let at = 0; at < completed.length; at++) settleOne(at, completed[at] as number, undefined);
    for (const [at, { step, change }] of changed.entries())
      settleOne(completed.length + at, step, change);
  } finally {
    store.deadEnds = undefined;
  }
  const newlyReady = [...new Set(store.newlyReady.subarray(0, store.newlyReadyCount))]
    .filter((slot) => ((store.words[slot] as number) & WORD.ready) !== 0)
    .map((slot) => stepHandle(store, slot));
  const dead = deadEnds.length === 0 ? deadEnds : [...new Set(deadEnds)];
  return {
    newlyReady,
    tasks: tellStatusChanges(store),
    deadEnds: dead
      .filter((slot) => (resultBitsOf(store, slot) & DEAD_END) !== 0)
      .map((slot) => stepHandle(store, slot)),
    refused,
  };
}

/** One thing that is resident otherwise than a fresh resolution has it. */
export interface ResidentDifference {
  readonly taskId: bigint;
  /** Undefined for what the task as a whole differs in. */
  readonly stepId: bigint | undefined;
  /**
   * What differs: a field of the row; `resultBits` (see `RESULT_BITS`); `openParents`; `waitsUntil`;
   * `executionStatus`; or `present`, for a step that only one of both has.
   */
  readonly what:
    | 'present'
    | 'state'
    | 'attempts'
    | 'retryLimit'
    | 'flags'
    | 'openParents'
    | 'waitsUntil'
    | 'resultBits'
    | 'executionStatus';
  readonly resident: number | string | boolean;
  readonly fresh: number | string | boolean;
}

/**
 * Compares the tasks of a snapshot that are resident with a fresh resolution of it, at the resident
 * graph's clock and by its rules. Writes the snapshot's outputs. O(steps + edges) of the snapshot.
 */
export function differencesFrom(store: ResidentStore, views: SnapshotViews): ResidentDifference[] {
  const { rules } = store;
  const parameters = { rules, nowMicros: store.now, contexts: true, levels: false };
  const { tasks } = views.counts;
  resolveTaskRange(views, parameters, 0, tasks, new Scratch());
  const found: ResidentDifference[] = [];
  for (let task = 0; task < tasks; task++) {
    const record = store.findTask(views.taskId[task] as bigint);
    if (record !== -1) compareTask(store, views, task, record, found);
  }
  return found;
}

function compareTask(
  store: ResidentStore,
  views: SnapshotViews,
  task: number,
  record: number,
  found: ResidentDifference[],
): void {
  const taskId = views.taskId[task] as bigint;
  const at = record << TASK_BITS;
  const first = store.tasks[at + TASK.first] as number;
  const end = first + (store.tasks[at + TASK.steps] as number);
  const answered = isAnswered(views, task, store.rules === 'rails');
  const known = new Set<bigint>();
  const last = views.taskSteps[task + 1] as number;
  for (let step = views.taskSteps[task] as number; step < last; step++) {
    const stepId = views.stepId[step] as bigint;
    known.add(stepId);
    const slot = store.findStep(stepId);
    const differ = (
      what: ResidentDifference['what'],
      resident: number | boolean,
      fresh: number | boolean,
    ): void => {
      if (!Object.is(resident, fresh)) found.push({ taskId, stepId, what, resident, fresh });
    };
    if (slot < first || slot >= end) {
      differ('present', false, true);
      continue;
    }
    differ('state', store.state[slot] as number, views.state[step] as number);
    differ('attempts', store.attempts[slot] as number, views.attempts[step] as number);
    differ('retryLimit', store.retryLimit[slot] as number, views.retryLimit[step] as number);
    differ('flags', store.flags[slot] as number, views.flags[step] as number);
    differ(
      'openParents',
      (store.words[slot] as number) >>> PARENTS_SHIFT,
      openParents(views, step),
    );
    if (answered) {
      compareAnswers(store, views, step, slot, record, differ);
    }
  }
  for (let slot = first; slot < end; slot++) {
    const stepId = store.stepId[slot] as bigint;
    if (known.has(stepId)) continue;
    found.push({ taskId, stepId, what: 'present', resident: true, fresh: false });
  }
  if (startsLater(store, record)) return;
  const resident = EXECUTION_STATUSES[statusCodeOf(store, record)]!.status;
  const fresh = EXECUTION_STATUSES[views.executionStatus[task] as number]!.status;
  if (resident !== fresh)
    found.push({ taskId, stepId: undefined, what: 'executionStatus', resident, fresh });
}

function compareAnswers(
  store: ResidentStore,
  views: SnapshotViews,
  step: number,
  slot: number,
  record: number,
  differ: (what: ResidentDifference['what'], resident: number, fresh: number) => void,
): void {
  // a start of the task's own is known here only: what it holds back is ready otherwise
  const later = startsLater(store, record) ? RESULT_BITS.ready | RESULT_BITS.waiting : 0;
  const kept = ~(RESULT_BITS.onCycle | later);
  differ('resultBits', resultBitsOf(store, slot) & kept, (views.bits[step] as number) & kept);
  const waits = ((views.bits[step] as number) & RESULT_BITS.waiting) !== 0;
  if (waits) differ('waitsUntil', waitEnd(store, slot), freshWaitEnd(store, views, step));
}

/** The row's own wait end by the snapshot's instants, through the one rule for it. */
function freshWaitEnd({ rules }: ResidentStore, views: SnapshotViews, step: number): number {
  const explicit = ((views.flags[step] as number) & STEP_FLAGS.backoffNull) === 0;
  const seconds = views.backoffSeconds[step] as number;
  let failedAt = NaN;
  let nextAttemptAt = NaN;
  const timed = firstTimed(views, step);
  if (views.timedStep[timed] === step) {
    failedAt = views.failedAt[timed] as number;
    nextAttemptAt = views.nextAttemptAt[timed] as number;
  }
  const one = (value: number): Float64Array => Float64Array.of(value);
  return waitEnd(
    {
      rules,
      state: Uint8Array.of(views.state[step] as number),
      flags: Uint8Array.of(views.flags[step] as number),
      attempts: Int32Array.of(views.attempts[step] as number),
      retryLimit: Int32Array.of(views.retryLimit[step] as number),
      failedAt: one(failedAt),
      nextAttemptAt: one(nextAttemptAt),
      explicitUntil: one(
        explicit ? (views.lastAttemptedAt[step] as number) + seconds * 1_000_000 : NaN,
      ),
    },
    0,
  );
}

function startsLater(store: ResidentStore, record: number): boolean {
  const flags = store.tasks[(record << TASK_BITS) + TASK.flags] as number;
  return (flags & RESIDENT_TASK.starts) !== 0 && (store.startAt[record] as number) > store.now;
}

function openParents(views: SnapshotViews, step: number): number {
  let open = 0;
  const last = views.parentOffsets[step + 1] as number;
  for (let edge = views.parentOffsets[step] as number; edge < last; edge++) {
    if ((views.state[views.parents[edge] as number] as number) < STATE_CODES.complete) open++;
  }
  return open;
}
