import { buildSnapshot } from '../../src/graph/snapshot/build-snapshot.ts';
import type { SnapshotViews } from '../../src/graph/snapshot/layout.ts';
import type { GraphSnapshot } from '../../src/graph/snapshot/snapshot.ts';
import { StagedRows } from '../../src/graph/snapshot/staged-rows.ts';
import { STATE_CODES } from '../../src/graph/snapshot/state-codes.ts';

/** The instant around which the waits of large snapshots end. */
export const LARGE_NOW_MICROS = 1_800_000_000_000_000;

/** One task of a generated snapshot: its size, and the positions of each step's parents. */
export interface TaskPlan {
  readonly steps: number;
  readonly parentsOf: (step: number) => readonly number[];
  /** State code of each step; default: a mixture that depends on the position. */
  readonly stateOf?: (step: number) => number;
  /** Database ids fall where the positions rise, so that no order is given. */
  readonly reversed?: boolean;
}

const MIXTURE = [
  STATE_CODES.complete,
  STATE_CODES.complete,
  STATE_CODES.pending,
  STATE_CODES.error,
  STATE_CODES.in_progress,
  STATE_CODES.complete,
  STATE_CODES.cancelled,
] as const;

/** Builds whole tasks without any text on the way: 1,000,000 steps take about a second. */
export function plannedViews(plans: Iterable<TaskPlan>): SnapshotViews {
  const rows = new StagedRows();
  let firstId = 1;
  for (const plan of plans) {
    const task = rows.nextTask();
    rows.taskIds.ids[task] = BigInt(task + 1);
    rows.namedTaskId[task] = task % 7;
    const last = firstId + plan.steps - 1;
    const idOf = (step: number): bigint =>
      BigInt(plan.reversed === true ? last - step : firstId + step);
    for (let step = 0; step < plan.steps; step++) {
      stageStep(rows, task, step, idOf(step), plan);
      for (const parent of plan.parentsOf(step)) {
        const edge = rows.nextEdge();
        rows.edgeFrom.ids[edge] = idOf(parent);
        rows.edgeTo.ids[edge] = idOf(step);
      }
    }
    firstId += plan.steps;
  }
  rows.indexSteps();
  rows.unknownParents();
  rows.indexEdges(false);
  return buildSnapshot(rows, 0, rows.taskCount);
}

function stageStep(rows: StagedRows, task: number, step: number, id: bigint, plan: TaskPlan): void {
  const at = rows.nextStep();
  const state = plan.stateOf?.(step) ?? MIXTURE[(step * 31 + task) % MIXTURE.length]!;
  rows.stepIds.ids[at] = id;
  rows.stepTaskIds.ids[at] = rows.taskIds.ids[task] as bigint;
  rows.namedStepId[at] = step % 11;
  rows.state[at] = state;
  rows.attempts[at] = step % 5;
  rows.retryLimit[at] = 3;
  rows.lastAttemptedAt[at] = LARGE_NOW_MICROS - (step % 60) * 1_000_000;
  rows.backoffSeconds[at] = step % 13 === 0 ? 30 : 0;
  rows.flags[at] = step % 13 === 0 ? 0 : 32;
  if (state === STATE_CODES.error) rows.failedAt[at] = LARGE_NOW_MICROS - (step % 40) * 1_000_000;
}

/** A snapshot of views alone: nothing is named. */
export function bareSnapshot(views: SnapshotViews): GraphSnapshot {
  return {
    views,
    texts: { stepNames: new Map(), foreignStates: [] },
    problems: [],
    loadedAt: undefined,
  };
}

/** Each step depends on the one before. */
export const chain = (steps: number, reversed = false): TaskPlan => ({
  steps,
  reversed,
  parentsOf: (step) => (step === 0 ? [] : [step - 1]),
});

/** One step, then `width` steps, then one that waits for all of them. */
export const fan = (width: number): TaskPlan => {
  const middle = Array.from({ length: width }, (_, at) => at + 1);
  return {
    steps: width + 2,
    parentsOf: (step) => (step === 0 ? [] : step === width + 1 ? middle : [0]),
  };
};

/** Steps of two: each depends on both of the pair before; 2^layers paths. */
export const lattice = (layers: number, reversed = false): TaskPlan => ({
  steps: layers * 2,
  reversed,
  parentsOf: (step) => {
    const before = (Math.floor(step / 2) - 1) * 2;
    return before < 0 ? [] : [before, before + 1];
  },
});

/** A diamond's end is the start of the next; 2^count paths. */
export const diamonds = (count: number, reversed = false): TaskPlan => ({
  steps: count * 3 + 1,
  reversed,
  parentsOf: (step) => {
    if (step === 0) return [];
    return step % 3 === 0 ? [step - 2, step - 1] : [step - (step % 3)];
  },
});

/** A task in which every step has up to two parents some places before it. */
export const woven = (steps: number): TaskPlan => ({
  steps,
  parentsOf: (step) => [step - 1 - (step % 3), step - 4].filter((parent) => parent >= 0),
});
