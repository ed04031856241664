import { RESULT_BITS, STEP_FLAGS } from '../src/graph/snapshot/layout.ts';
import { failureWaitMicros } from '../src/graph/rules/rules.ts';
import type { GraphSnapshot } from '../src/graph/snapshot/snapshot.ts';
import { stateText } from '../src/graph/snapshot/state-codes.ts';

/** A step's row as it usually becomes an object; ids as numbers, which a Map finds faster than bigints. */
export interface StepRow {
  readonly id: number;
  readonly state: string;
  readonly attempts: number | null;
  readonly retryLimit: number | null;
  readonly retryable: boolean;
  readonly inProcess: boolean;
  readonly processed: boolean;
  readonly backoffSeconds: number | null;
  readonly lastAttemptedAt: number | null;
  readonly failedAt: number | null;
}

interface StepObject extends StepRow {
  readonly parentIds: readonly number[];
  readonly childIds: number[];
}

/** What is answered for a step. */
export interface StepAnswer {
  readonly dependenciesSatisfied: boolean;
  readonly retryEligible: boolean;
  readonly ready: boolean;
  readonly completedParents: number;
  readonly nextRetryAt: number | null;
}

/**
 * Readiness as it is mostly written: a Map of step objects by id, states as text, an answer object
 * a step. It does the same work as the kernels and nothing else, in one pass, without copies.
 */
export class MapOfObjects {
  readonly steps = new Map<number, StepObject>();

  constructor(snapshot: GraphSnapshot) {
    const { views } = snapshot;
    for (const [step, row] of stepRows(snapshot).entries()) {
      const first = views.parentOffsets[step] as number;
      const end = views.parentOffsets[step + 1] as number;
      const parentIds = Array.from(views.parents.subarray(first, end), (parent) =>
        Number(views.stepId[parent]),
      );
      this.steps.set(row.id, { ...row, parentIds, childIds: [] });
    }
    for (const { id, parentIds } of this.steps.values()) {
      for (const parent of parentIds) this.steps.get(parent)?.childIds.push(id);
    }
  }

  /** Which steps may run, and why, under the rules `rails`. */
  readiness(nowMicros: number): Map<number, StepAnswer> {
    const answers = new Map<number, StepAnswer>();
    for (const step of this.steps.values()) {
      let completedParents = 0;
      for (const id of step.parentIds) {
        const state = this.steps.get(id)?.state;
        if (state === 'complete' || state === 'resolved_manually') completedParents++;
      }
      answers.set(step.id, answerOf(step, step.parentIds.length, completedParents, nowMicros));
    }
    return answers;
  }

  /** Dependency levels, by Kahn's algorithm. */
  levels(): Map<number, number> {
    const levels = new Map<number, number>();
    const open = new Map<number, number>();
    let front: StepObject[] = [];
    for (const step of this.steps.values()) {
      if (step.parentIds.length === 0) front.push(step);
      else open.set(step.id, step.parentIds.length);
    }
    for (let level = 0; front.length > 0; level++) {
      const next: StepObject[] = [];
      for (const { id, childIds } of front) {
        levels.set(id, level);
        for (const child of childIds) {
          const left = (open.get(child) as number) - 1;
          open.set(child, left);
          if (left === 0) next.push(this.steps.get(child) as StepObject);
        }
      }
      front = next;
    }
    return levels;
  }
}

/** The steps of a snapshot as rows, in its order. */
export function stepRows({ views, texts }: GraphSnapshot): StepRow[] {
  const failedAt = new Map<number, number>();
  for (let at = 0; at < views.timedStep.length; at++) {
    failedAt.set(views.timedStep[at] as number, views.failedAt[at] as number);
  }
  const orNull = (value: number | undefined): number | null =>
    value === undefined || Number.isNaN(value) ? null : value;
  return Array.from({ length: views.counts.steps }, (_, step) => {
    const flags = views.flags[step] as number;
    const has = (flag: number): boolean => (flags & flag) !== 0;
    return {
      id: Number(views.stepId[step]),
      state: stateText(views.state[step] as number, texts.foreignStates),
      attempts: has(STEP_FLAGS.attemptsNull) ? null : (views.attempts[step] as number),
      retryLimit: has(STEP_FLAGS.retryLimitNull) ? null : (views.retryLimit[step] as number),
      retryable: !has(STEP_FLAGS.notRetryable),
      inProcess: has(STEP_FLAGS.inProcess),
      processed: has(STEP_FLAGS.processed),
      backoffSeconds: has(STEP_FLAGS.backoffNull) ? null : (views.backoffSeconds[step] as number),
      lastAttemptedAt: orNull(views.lastAttemptedAt[step]),
      failedAt: orNull(failedAt.get(step)),
    };
  });
}

/** The answer for a step with so many parents, of which so many are finished. */
export function answerOf(
  step: StepRow,
  parents: number,
  completedParents: number,
  nowMicros: number,
): StepAnswer {
  const dependenciesSatisfied = completedParents === parents;
  const retryEligible = (step.attempts ?? 0) < (step.retryLimit ?? 3);
  const backoffEnd =
    step.backoffSeconds === null || step.lastAttemptedAt === null
      ? null
      : step.lastAttemptedAt + step.backoffSeconds * 1_000_000;
  const failureEnd =
    step.failedAt === null
      ? null
      : step.failedAt + failureWaitMicros(step.attempts ?? 0, step.attempts === null);
  const waiting =
    (backoffEnd !== null && backoffEnd > nowMicros) ||
    (failureEnd !== null && failureEnd > nowMicros);
  const ready =
    (step.state === 'pending' || step.state === 'error') &&
    !step.processed &&
    !step.inProcess &&
    step.retryable &&
    dependenciesSatisfied &&
    retryEligible &&
    !waiting;
  return {
    dependenciesSatisfied,
    retryEligible,
    ready,
    completedParents,
    nextRetryAt: backoffEnd ?? failureEnd,
  };
}

/** Fails where the answers differ from the snapshot's outputs. */
export function compareReadiness(
  { views }: GraphSnapshot,
  answers: { get(id: number): StepAnswer | undefined },
  who: string,
): void {
  for (let step = 0; step < views.counts.steps; step++) {
    const bits = views.bits[step] as number;
    const answer = answers.get(Number(views.stepId[step]));
    const alike =
      answer !== undefined &&
      answer.dependenciesSatisfied === ((bits & RESULT_BITS.dependenciesSatisfied) !== 0) &&
      answer.retryEligible === ((bits & RESULT_BITS.retryEligible) !== 0) &&
      answer.ready === ((bits & RESULT_BITS.ready) !== 0) &&
      answer.completedParents === views.completedParents[step];
    if (!alike) throw new Error(`${who} differs from inline at step ${step}`);
  }
}

/** Fails where levels differ from the snapshot's; every step must have one. */
export function compareLevels(
  { views }: GraphSnapshot,
  levels: { get(id: number): number | undefined },
  who: string,
): void {
  for (let step = 0; step < views.counts.steps; step++) {
    if (levels.get(Number(views.stepId[step])) !== views.level[step]) {
      throw new Error(`${who} differs from inline at the level of step ${step}`);
    }
  }
}
