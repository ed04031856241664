import {
  contextRows,
  levelRows,
  readinessRows,
  readyStepIds,
  type ContextRow,
  type LevelRow,
  type ReadinessRow,
} from '../graph/answer-rows.ts';
import { RESULT_BITS } from '../graph/layout.ts';
import type { Rules } from '../graph/rules.ts';
import { isAnswered, type GraphSnapshot } from '../graph/snapshot.ts';
import type { RowProblem } from '../graph/row-problem.ts';
import type { Resolution } from './resolver.ts';

/** A cycle by database ids. */
export interface CycleReport {
  readonly code: 'TASKER_CYCLE';
  readonly taskId: bigint;
  /** Step ids along the edges; an edge leads from the last to the first. */
  readonly path: readonly bigint[];
  /** The same as text: `1 -> 2 -> 1`. */
  readonly message: string;
}

/** Counts over the tasks of a chunk or a run. */
export interface AnswerCounts {
  /** Tasks answered, and tasks set apart for their rows or, under `engine`, for a cycle. */
  tasks: number;
  tasksSetApart: number;
  /** Steps of the answered tasks and of those set apart. */
  steps: number;
  stepsSetApart: number;
  edges: number;
  ready: number;
  /** Steps in `error` that have no attempt left. */
  exhausted: number;
  /** Tasks whose execution status is `blocked_by_failures`. */
  tasksBlocked: number;
  cycles: number;
}

/** One resolved chunk of whole tasks. */
export interface ChunkResult {
  /** Position in the run, from 0. */
  readonly index: number;
  /** Inputs and outputs as typed-array views. */
  readonly snapshot: GraphSnapshot;
  readonly resolution: Resolution;
  readonly counts: Readonly<AnswerCounts>;
  readonly cycles: readonly CycleReport[];
  readonly problems: readonly RowProblem[];
  /** Rows are decoded as they are taken; each call starts anew. */
  readiness(): Generator<ReadinessRow>;
  contexts(): Generator<ContextRow>;
  levels(): Generator<LevelRow>;
  /** Ids of the steps that may run now. */
  readyStepIds(): BigInt64Array;
}

/** Counts that stand at nothing. */
export function emptyCounts(): AnswerCounts {
  return {
    tasks: 0,
    tasksSetApart: 0,
    steps: 0,
    stepsSetApart: 0,
    edges: 0,
    ready: 0,
    exhausted: 0,
    tasksBlocked: 0,
    cycles: 0,
  };
}

/** Adds the counts of one chunk to those of a run. */
export function addCounts(to: AnswerCounts, more: Readonly<AnswerCounts>): void {
  for (const key of Object.keys(to) as (keyof AnswerCounts)[]) to[key] += more[key];
}

function countAnswers(snapshot: GraphSnapshot, rules: Rules, cycles: number): AnswerCounts {
  const { views } = snapshot;
  const counts = { ...emptyCounts(), edges: views.counts.edges, cycles };
  for (let task = 0; task < views.counts.tasks; task++) {
    const first = views.taskSteps[task] as number;
    const end = views.taskSteps[task + 1] as number;
    if (!isAnswered(views, task, rules === 'rails')) {
      counts.tasksSetApart++;
      counts.stepsSetApart += end - first;
      continue;
    }
    counts.tasks++;
    counts.steps += end - first;
    counts.ready += views.readySteps[task] as number;
    if (views.executionStatus[task] === 2) counts.tasksBlocked++;
    if (views.failedSteps[task] === 0) continue;
    for (let step = first; step < end; step++) {
      const failed = views.state[step] === 2;
      if (failed && ((views.bits[step] as number) & RESULT_BITS.retryEligible) === 0) {
        counts.exhausted++;
      }
    }
  }
  return counts;
}

/** Puts a resolved snapshot into the form that callers read. */
export function chunkResult(
  index: number,
  snapshot: GraphSnapshot,
  resolution: Resolution,
  rules: Rules,
): ChunkResult {
  const { views } = snapshot;
  const cycles = resolution.cycles.map(({ task, path }): CycleReport => {
    const ids = path.map((step) => views.stepId[step] as bigint);
    const taskId = views.taskId[task] as bigint;
    const circle = [...ids, ids[0]].join(' -> ');
    const message = `Task ${taskId}: steps ${circle} depend on each other in a circle.`;
    return { code: 'TASKER_CYCLE', taskId, path: ids, message };
  });
  return {
    index,
    snapshot,
    resolution,
    counts: countAnswers(snapshot, rules, cycles.length),
    cycles,
    problems: snapshot.problems,
    readiness: () => readinessRows(snapshot, rules),
    contexts: () => contextRows(snapshot, rules),
    levels: () => levelRows(snapshot, rules),
    readyStepIds: () => readyStepIds(snapshot, rules),
  };
}
