import { TaskerError } from '../errors.ts';
import {
  contextRows,
  levelRows,
  readinessRows,
  readyStepIds,
  type ContextRow,
  type LevelRow,
  type ReadinessRow,
} from '../graph/kernels/answer-rows.ts';
import { circleText } from '../graph/kernels/circle-text.ts';
import { EXECUTION_STATUSES, RESULT_BITS } from '../graph/snapshot/layout.ts';
import type { Rules } from '../graph/rules/rules.ts';
import { isAnswered, type GraphSnapshot } from '../graph/snapshot/snapshot.ts';
import type { RowProblem } from '../graph/snapshot/row-problem.ts';
import { STATE_CODES } from '../graph/snapshot/state-codes.ts';
import type { Resolution } from './resolver.ts';

/** A cycle by database ids. */
export interface CycleReport {
  readonly code: 'TASKER_CYCLE';
  readonly taskId: bigint;
  /** Step ids along the edges; an edge leads from the last to the first. */
  readonly path: readonly bigint[];
  /** The same as text, `1 -> 2 -> 1`; the middle of a long one is left out. */
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
  /** Tasks whose execution status is `blocked_by_failures`; 0 where contexts were left out. */
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
  /** TASKER_BAD_ARGUMENT where the run left contexts out. */
  contexts(): Generator<ContextRow>;
  /** TASKER_BAD_ARGUMENT where the run left levels out. */
  levels(): Generator<LevelRow>;
  /** Ids of the steps that may run now. */
  readyStepIds(): BigInt64Array;
}

const BLOCKED_BY_FAILURES = EXECUTION_STATUSES.findIndex(
  ({ status }) => status === 'blocked_by_failures',
);

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

/** Which answers beside readiness a run was asked for. */
export interface WantedAnswers {
  readonly contexts: boolean;
  readonly levels: boolean;
}

function leftOut(answers: keyof WantedAnswers): TaskerError {
  return new TaskerError('TASKER_BAD_ARGUMENT', `This run was told to leave out ${answers}.`, {
    data: { field: answers },
    remedy: `Resolve with ${answers}: true.`,
  });
}

function countAnswers(
  snapshot: GraphSnapshot,
  rules: Rules,
  cycles: number,
  contexts: boolean,
): AnswerCounts {
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
    if (contexts) {
      if (views.executionStatus[task] === BLOCKED_BY_FAILURES) counts.tasksBlocked++;
      counts.ready += views.readySteps[task] as number;
      if (views.failedSteps[task] === 0) continue;
    }
    for (let step = first; step < end; step++) {
      const bits = views.bits[step] as number;
      if (!contexts && (bits & RESULT_BITS.ready) !== 0) counts.ready++;
      const failed = views.state[step] === STATE_CODES.error;
      if (failed && (bits & RESULT_BITS.retryEligible) === 0) counts.exhausted++;
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
  wanted: WantedAnswers,
): ChunkResult {
  const { views } = snapshot;
  const cycles = resolution.cycles.map(({ task, path }): CycleReport => {
    const ids = path.map((step) => views.stepId[step] as bigint);
    const taskId = views.taskId[task] as bigint;
    const message = `Task ${taskId}: steps ${circleText(ids)} depend on each other in a circle.`;
    return { code: 'TASKER_CYCLE', taskId, path: ids, message };
  });
  return {
    index,
    snapshot,
    resolution,
    counts: countAnswers(snapshot, rules, cycles.length, wanted.contexts),
    cycles,
    problems: snapshot.problems,
    readiness: () => readinessRows(snapshot, rules),
    contexts() {
      if (!wanted.contexts) throw leftOut('contexts');
      return contextRows(snapshot, rules);
    },
    levels() {
      if (!wanted.levels) throw leftOut('levels');
      return levelRows(snapshot, rules);
    },
    readyStepIds: () => readyStepIds(snapshot, rules),
  };
}
