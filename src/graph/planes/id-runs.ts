import type { SnapshotViews } from '../snapshot/layout.ts';
import type { Pieces } from '../snapshot/pieces.ts';
import { LITTLE_ENDIAN } from '../rules/step-conditions.ts';

/** Where the two halves of an id stand. */
const LOW = LITTLE_ENDIAN ? 0 : 1;
const HIGH = 1 - LOW;

/** Blocks looked at in one piece. */
const PIECE_BLOCKS = 4096;

/**
 * The ids of a snapshot's steps, to be read by marks. Where the ids of 32 steps follow each other, as
 * they do where tasks were created one after the other, they are counted instead of read: what is
 * not read need not be in the cache.
 */
export class IdRuns {
  /** Both halves of each id. */
  readonly #ids: Int32Array;
  /** Both halves of each block's first id. */
  readonly #first: Int32Array;
  /** 1 for each block whose ids follow each other. */
  readonly #isRun: Uint8Array;

  private constructor(ids: Int32Array, first: Int32Array, isRun: Uint8Array) {
    this.#ids = ids;
    this.#first = first;
    this.#isRun = isRun;
  }

  /** The ids of a snapshot. O(N). */
  static *of({ stepId, counts }: SnapshotViews): Pieces<IdRuns> {
    const ids = new Int32Array(stepId.buffer, stepId.byteOffset, counts.steps * 2);
    const blocks = Math.ceil(counts.steps / 32);
    const first = new Int32Array(blocks * 2);
    const isRun = new Uint8Array(blocks);
    for (let block = 0; block < blocks; block++) {
      if (block % PIECE_BLOCKS === PIECE_BLOCKS - 1) yield;
      const start = block * 64;
      const end = Math.min(start + 64, ids.length);
      const low = ids[start + LOW] as number;
      const high = ids[start + HIGH] as number;
      let gaps = 0;
      for (let at = start; at < end; at += 2) {
        const expected = (low + ((at - start) >> 1)) | 0;
        gaps |= ((ids[at + LOW] as number) ^ expected) | ((ids[at + HIGH] as number) ^ high);
      }
      first[block * 2] = low;
      first[block * 2 + 1] = high;
      isRun[block] = gaps === 0 ? 1 : 0;
    }
    return new IdRuns(ids, first, isRun);
  }

  get bytes(): number {
    return this.#first.byteLength + this.#isRun.byteLength;
  }

  /** Ids of the `count` steps that are marked, one bit a step. O(marks / 32 + count). */
  read(marks: Int32Array, count: number): BigInt64Array {
    const ids = new BigInt64Array(count);
    const halves = new Int32Array(ids.buffer);
    const known = this.#ids;
    const first = this.#first;
    const isRun = this.#isRun;
    let to = 0;
    for (let word = 0; word < marks.length; word++) {
      let left = marks[word] as number;
      if (isRun[word] === 1) {
        const low = (first[word * 2] as number) + 31;
        const high = first[word * 2 + 1] as number;
        for (; left !== 0; left &= left - 1, to += 2) {
          halves[to + LOW] = low - Math.clz32(left & -left);
          halves[to + HIGH] = high;
        }
        continue;
      }
      for (; left !== 0; left &= left - 1, to += 2) {
        const at = (word * 32 + 31 - Math.clz32(left & -left)) * 2;
        halves[to] = known[at] as number;
        halves[to + 1] = known[at + 1] as number;
      }
    }
    return ids;
  }
}
