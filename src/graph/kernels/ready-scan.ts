import { RESULT_BITS, type SnapshotViews } from '../snapshot/layout.ts';
import type { Rules } from '../rules/rules.ts';
import { isAnswered } from '../snapshot/snapshot.ts';
import { LITTLE_ENDIAN } from '../rules/step-conditions.ts';

/** The result bit `ready` in each byte of a word. */
const READY = RESULT_BITS.ready * 0x01_01_01_01;
const READY_SHIFT = Math.log2(RESULT_BITS.ready);

/**
 * Ids of the steps that may run in a resolved snapshot, of answered tasks, by task, then step.
 *
 * O(N / 4 + ids): most words of four result bytes have no ready step, and are passed over.
 */
export function scanReadyIds(views: SnapshotViews, rules: Rules): BigInt64Array {
  const words = new Int32Array(views.bits.buffer, views.bits.byteOffset, views.bits.length >> 2);
  const stretches = answeredStretches(views, rules);
  let count = 0;
  for (let at = 0; at < stretches.length; at += 2) {
    count += countReady(views, words, stretches[at] as number, stretches[at + 1] as number);
  }
  const ids = new BigInt64Array(count);
  let taken = 0;
  for (let at = 0; at < stretches.length; at += 2) {
    const end = stretches[at + 1] as number;
    taken = readIds(views, words, stretches[at] as number, end, ids, taken);
  }
  return ids;
}

/** First step and end of each stretch of tasks that are answered, flat; one where all are. */
function answeredStretches(views: SnapshotViews, rules: Rules): number[] {
  const { taskSteps, counts } = views;
  const stretches: number[] = [];
  let first = 0;
  for (let task = 0; task < counts.tasks; task++) {
    if (isAnswered(views, task, rules === 'rails')) continue;
    const step = taskSteps[task] as number;
    if (step > first) stretches.push(first, step);
    first = taskSteps[task + 1] as number;
  }
  if (counts.steps > first) stretches.push(first, counts.steps);
  return stretches;
}

/** The steps between which whole words lie: from the first multiple of 4 to the last one. */
const wordStart = (first: number, end: number): number =>
  LITTLE_ENDIAN ? Math.min(end, (first + 3) & ~3) : end;
const wordEnd = (first: number, end: number): number => Math.max(wordStart(first, end), end & ~3);

function countReady(views: SnapshotViews, words: Int32Array, first: number, end: number): number {
  const { bits } = views;
  const start = wordStart(first, end);
  const stop = wordEnd(first, end);
  let count = 0;
  for (let step = first; step < start; step++) count += ((bits[step] as number) >> READY_SHIFT) & 1;
  for (let word = start >> 2; word < stop >> 2; word++) {
    const marks = ((words[word] as number) & READY) >>> READY_SHIFT;
    count += Math.imul(marks, 0x01_01_01_01) >>> 24;
  }
  for (let step = stop; step < end; step++) count += ((bits[step] as number) >> READY_SHIFT) & 1;
  return count;
}

/** Reads the ready ids of a stretch into `ids` from `taken` on; returns where it stopped. */
function readIds(
  { bits, stepId }: SnapshotViews,
  words: Int32Array,
  first: number,
  end: number,
  ids: BigInt64Array,
  taken: number,
): number {
  const start = wordStart(first, end);
  const stop = wordEnd(first, end);
  let at = taken;
  for (let step = first; step < start; step++) {
    if (((bits[step] as number) & RESULT_BITS.ready) !== 0) ids[at++] = stepId[step] as bigint;
  }
  for (let word = start >> 2; word < stop >> 2; word++) {
    for (let left = (words[word] as number) & READY; left !== 0; left &= left - 1) {
      ids[at++] = stepId[word * 4 + ((31 - Math.clz32(left & -left)) >> 3)] as bigint;
    }
  }
  for (let step = stop; step < end; step++) {
    if (((bits[step] as number) & RESULT_BITS.ready) !== 0) ids[at++] = stepId[step] as bigint;
  }
  return at;
}
