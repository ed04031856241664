import { formatExactly } from './instants.ts';
import type { RowProblem } from './row-problem.ts';

/** A stored instant that no double holds. */
export interface InexactInstant {
  readonly stepId: bigint;
  readonly column: 'last_attempted_at' | 'next_attempt_at' | 'created_at';
  /** µs since the epoch. */
  readonly micros: bigint;
}

/**
 * What sets the task apart: rounded, the instant would be another one wherever it is printed. The table, the
 * id where the row has that of the step, what is wrong, and the id of the step.
 */
export function inexactRow({
  stepId,
  column,
  micros,
}: InexactInstant): [RowProblem['table'], bigint | undefined, string, bigint] {
  const ofStep = column === 'created_at';
  const what = `has ${column} ${formatExactly(micros)}, an instant that cannot be held exactly`;
  return ofStep
    ? ['step_transitions', undefined, `of step ${stepId} ${what}`, stepId]
    : ['steps', stepId, what, stepId];
}

/** Low and high word of an id. */
export const wordsOf = (id: bigint): [low: number, high: number] => [
  Number(BigInt.asUintN(32, id)),
  Number(BigInt.asUintN(32, id >> 32n)),
];
