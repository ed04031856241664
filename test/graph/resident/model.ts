import { buildSnapshot } from '../../../src/graph/snapshot/build-snapshot.ts';
import {
  EXECUTION_STATUSES,
  HEALTH_STATUSES,
  RESULT_BITS,
  STEP_FLAGS,
  type SnapshotViews,
} from '../../../src/graph/snapshot/layout.ts';
import { resolveTaskRange } from '../../../src/graph/kernels/resolve.ts';
import type { Rules } from '../../../src/graph/rules/rules.ts';
import { isAnswered } from '../../../src/graph/snapshot/snapshot.ts';
import { StagedRows } from '../../../src/graph/snapshot/staged-rows.ts';
import { Scratch } from '../../../src/graph/snapshot/topological-order.ts';

/** The row of one step as the database has it. */
export interface TruthStep {
  readonly id: bigint;
  readonly taskId: bigint;
  state: number;
  attempts: number;
  retryLimit: number;
  flags: number;
  failedAt: number;
  nextAttemptAt: number;
  lastAttemptedAt: number;
  backoffSeconds: number;
}

/** Everything that the database has, of resident tasks and of others. */
export interface Truth {
  readonly taskIds: readonly bigint[];
  readonly steps: readonly TruthStep[];
  /** Parent and child; a parent need not exist. */
  readonly edges: readonly (readonly [bigint, bigint])[];
}

/** End of a step's explicit wait, NaN for none. */
export const explicitUntil = (step: TruthStep): number =>
  (step.flags & STEP_FLAGS.backoffNull) === 0
    ? step.lastAttemptedAt + step.backoffSeconds * 1_000_000
    : NaN;

/** A snapshot of some of the tasks; steps of the others come in as foreign parents. */
export function snapshotOfTruth(truth: Truth, taskIds: readonly bigint[]): SnapshotViews {
  const rows = new StagedRows();
  for (const id of taskIds) rows.taskIds.ids[rows.nextTask()] = id;
  const ids = new Set(taskIds);
  for (const step of truth.steps) if (ids.has(step.taskId)) stageStep(rows, step);
  for (const [parent, child] of truth.edges) {
    const at = rows.nextEdge();
    rows.edgeFrom.ids[at] = parent;
    rows.edgeTo.ids[at] = child;
  }
  rows.indexSteps();
  const unknown = new Set(rows.unknownParents());
  const foreign = rows.stepCount;
  for (const step of truth.steps) if (unknown.has(step.id)) stageStep(rows, step);
  rows.indexForeign(foreign);
  rows.indexEdges(true);
  return buildSnapshot(rows, 0, rows.taskCount);
}

function stageStep(rows: StagedRows, step: TruthStep): void {
  const at = rows.nextStep();
  rows.stepIds.ids[at] = step.id;
  rows.stepTaskIds.ids[at] = step.taskId;
  rows.state[at] = step.state;
  rows.attempts[at] = step.attempts;
  rows.retryLimit[at] = step.retryLimit;
  rows.flags[at] = step.flags;
  rows.failedAt[at] = step.failedAt;
  rows.nextAttemptAt[at] = step.nextAttemptAt;
  rows.lastAttemptedAt[at] = step.lastAttemptedAt;
  rows.backoffSeconds[at] = step.backoffSeconds;
}

/** What a fresh resolution says of the resident tasks. */
export interface FreshAnswer {
  readonly ready: Set<bigint>;
  readonly waiting: Set<bigint>;
  /** Result bits of the steps of answered tasks, the bit `onCycle` left out. */
  readonly bits: Map<bigint, number>;
  readonly status: Map<bigint, object>;
  /** Distinct foreign parents. */
  readonly ghosts: number;
}

/** Resolves a new snapshot of the resident tasks. */
export function askAfresh(
  truth: Truth,
  resident: readonly bigint[],
  rules: Rules,
  nowMicros: number,
): FreshAnswer {
  const views = snapshotOfTruth(truth, resident);
  const { tasks, ghosts } = views.counts;
  const parameters = { rules, nowMicros, contexts: true, levels: false };
  resolveTaskRange(views, parameters, 0, tasks, new Scratch());
  const answer: FreshAnswer = {
    ready: new Set(),
    waiting: new Set(),
    bits: new Map(),
    status: new Map(),
    ghosts,
  };
  for (let task = 0; task < tasks; task++) {
    const first = views.taskSteps[task]!;
    const end = views.taskSteps[task + 1]!;
    answer.status.set(views.taskId[task]!, {
      totalSteps: end - first,
      pendingSteps: views.pendingSteps[task],
      inProgressSteps: views.inProgressSteps[task],
      completedSteps: views.completedSteps[task],
      failedSteps: views.failedSteps[task],
      readySteps: views.readySteps[task],
      executionStatus: EXECUTION_STATUSES[views.executionStatus[task]!]!.status,
      healthStatus: HEALTH_STATUSES[views.healthStatus[task]!],
    });
    if (!isAnswered(views, task, rules === 'rails')) continue;
    for (let step = first; step < end; step++) {
      const id = views.stepId[step]!;
      const bits = views.bits[step]! & ~RESULT_BITS.onCycle;
      answer.bits.set(id, bits);
      if ((bits & RESULT_BITS.ready) !== 0) answer.ready.add(id);
      if ((bits & RESULT_BITS.waiting) !== 0) answer.waiting.add(id);
    }
  }
  return answer;
}

/** Edges on the longest way from each step to a leaf of its task, by walking every way. */
export function naiveRanks(truth: Truth): Map<bigint, number> {
  const taskOf = new Map(truth.steps.map((step) => [step.id, step.taskId]));
  const local = truth.edges.filter(
    ([from, to]) => taskOf.has(from) && taskOf.get(from) === taskOf.get(to),
  );
  const ranks = new Map<bigint, number>();
  for (const { id } of truth.steps) ranks.set(id, longest(id, []));
  return ranks;

  function longest(from: bigint, way: readonly bigint[]): number {
    if (way.includes(from)) return Infinity;
    let rank = 0;
    for (const [parent, child] of local) {
      if (parent === from) rank = Math.max(rank, longest(child, [...way, from]) + 1);
    }
    return rank;
  }
}
