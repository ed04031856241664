import {
  EXECUTION_STATUSES,
  RESULT_BITS,
  STEP_FLAGS,
  type SnapshotViews,
} from '../snapshot/layout.ts';
import { firstTimed } from '../kernels/readiness.ts';
import { resolveTaskRange } from '../kernels/resolve.ts';
import { isAnswered } from '../snapshot/snapshot.ts';
import { STATE_CODES } from '../snapshot/state-codes.ts';
import { Scratch } from '../snapshot/topological-order.ts';
import { resultBitsOf } from './result-bits.ts';
import { waitEnd } from '../rules/own-row.ts';
import { statusCodeOf } from './status.ts';
import type { ResidentStore } from './store.ts';
import { PARENTS_SHIFT, RESIDENT_TASK, TASK, TASK_BITS } from './words.ts';

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
