import { RESULT_BITS } from '../snapshot/layout.ts';
import { engineRetryLimit } from '../rules/rules.ts';
import { isDeadEnd } from './settle.ts';
import type { ResidentStore } from './store.ts';
import { PARENTS_SHIFT, WORD } from './words.ts';

/** What a resolution would write for the step in a slot: `RESULT_BITS` but `onCycle`. O(1). */
export function resultBitsOf(store: ResidentStore, slot: number): number {
  const word = store.words[slot] as number;
  const stored = store.retryLimit[slot] as number;
  const limit = store.rules === 'engine' ? engineRetryLimit(stored) : stored;
  const dead = (word & WORD.dead) !== 0;
  return (
    (word >>> PARENTS_SHIFT === 0 ? RESULT_BITS.dependenciesSatisfied : 0) |
    ((store.attempts[slot] as number) < limit ? RESULT_BITS.retryEligible : 0) |
    ((word & WORD.ready) === 0 ? 0 : RESULT_BITS.ready) |
    ((word & WORD.waiting) === 0 ? 0 : RESULT_BITS.waiting) |
    (dead ? RESULT_BITS.dead : 0) |
    (!dead && isDeadEnd(store, slot) ? RESULT_BITS.unreachable : 0) |
    ((word & WORD.exhausted) === 0 ? 0 : RESULT_BITS.exhausted)
  );
}
