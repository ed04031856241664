import { RESULT_BITS } from '../snapshot/layout.ts';
import type { StepChange } from '../rules/own-row.ts';
import { changeStep, completeStep } from './change.ts';
import { refusal, slotOf, stepHandle, type Outcome } from './handles.ts';
import { resultBitsOf } from './result-bits.ts';
import { tellStatusChanges, type StatusChange } from './status.ts';
import type { ResidentStore } from './store.ts';
import { WORD } from './words.ts';

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
