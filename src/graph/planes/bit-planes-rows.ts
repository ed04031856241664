import { RESULT_BITS, STEP_FLAGS, type SnapshotViews } from '../snapshot/layout.ts';
import type { Pieces } from '../snapshot/pieces.ts';
import { firstTimed, resolveDependencies } from '../kernels/readiness.ts';
import {
  OWN_ROW,
  ownRowBits,
  waitEnd,
  writeRow,
  type StepChange,
  type StepColumns,
} from '../rules/own-row.ts';
import type { Rules } from '../rules/rules.ts';
import { STATE_CODES } from '../snapshot/state-codes.ts';

/** What a node's own row says, one byte a node. */
export const OWN = {
  /** Everything of readiness holds but parents and waits. */
  candidate: 1,
  /** Complete or resolved by hand. */
  done: 2,
  /** A candidate with a wait, over or not. */
  timed: 4,
} as const;

/** Steps worked off at a time: their room stays in the cache. */
const BLOCK_STEPS = 8192;

/** Where `ready` stands in a result byte, and "done" in a state code. */
const READY_SHIFT = Math.log2(RESULT_BITS.ready);
const DONE_SHIFT = Math.log2(STATE_CODES.complete);

/**
 * The {@link OWN} bits of every node but `timed`; Uint8Array of length N + G. O(N + G).
 *
 * A step without parents is ready where its own row lets it be: the readiness kernel over the same
 * rows without their edges says which rows do, and no rule is written twice.
 */
export function* ownCodes(views: SnapshotViews, rules: Rules): Pieces<Uint8Array> {
  const { state, flags, attempts, retryLimit, counts } = views;
  const nodes = counts.steps + counts.ghosts;
  const codes = new Uint8Array(nodes);
  const room = Math.min(BLOCK_STEPS, nodes);
  const block = withoutEdges(views, room);
  for (let first = 0; first < nodes; first += room) {
    const end = Math.min(first + room, nodes);
    block.taskSteps[1] = end - first;
    const rows = {
      ...block,
      state: state.subarray(first, end),
      flags: flags.subarray(first, end),
      attempts: attempts.subarray(first, end),
      retryLimit: retryLimit.subarray(first, end),
    };
    resolveDependencies(rows, rules, 0, 1);
    const { bits } = rows;
    for (let at = first; at < end; at++) {
      const candidate = ((bits[at - first] as number) >> READY_SHIFT) & 1;
      codes[at] = candidate | (((state[at] as number) >> DONE_SHIFT) << 1);
    }
    yield;
  }
  return codes;
}

/** A task of up to `steps` steps without edges, its outputs in a place of their own. */
function withoutEdges(views: SnapshotViews, steps: number): SnapshotViews {
  const shared = (words: number): Uint32Array<SharedArrayBuffer> =>
    new Uint32Array(new SharedArrayBuffer(words * 4));
  return {
    ...views,
    taskSteps: shared(2),
    parentOffsets: shared(steps + 1),
    parents: shared(0),
    completedParents: shared(steps),
    bits: new Uint8Array(new SharedArrayBuffer(steps)),
  };
}

/**
 * Rows of single steps, as far as readiness depends on them: those that have changed since the
 * snapshot was taken, and in slot 0 the one in hand.
 */
export class StepRows implements StepColumns {
  readonly rules: Rules;
  state = new Uint8Array(16);
  flags = new Uint8Array(16);
  attempts = new Int32Array(16);
  retryLimit = new Int32Array(16);
  failedAt = new Float64Array(16);
  nextAttemptAt = new Float64Array(16);
  explicitUntil = new Float64Array(16);
  readonly #views: SnapshotViews;
  readonly #slots = new Map<number, number>();

  constructor(views: SnapshotViews, rules: Rules) {
    this.#views = views;
    this.rules = rules;
  }

  /**
   * Changes a node's row; a step that falls into `error` without an instant does so at `clock`.
   *
   * @returns the row's slot; expected O(1), the first time O(log W)
   */
  change(node: number, change: StepChange, clock: number): number {
    const slot = this.#slotOf(node);
    writeRow(this, slot, change, clock);
    return slot;
  }

  /** A row's {@link OWN} bits but `timed`. */
  code(slot: number): number {
    const bits = ownRowBits(this, slot, true);
    const candidate = (bits & OWN_ROW.mayRun) === 0 ? 0 : OWN.candidate;
    return (bits & OWN_ROW.done) === 0 ? candidate : candidate | OWN.done;
  }

  /** When a row's wait ends, µs since the epoch; -Infinity where it has none. */
  waitEnd(slot: number): number {
    return waitEnd(this, slot);
  }

  /** {@link waitEnd} of a timed row of the snapshot. */
  timedWaitEnd(timed: number): number {
    this.#read(0, this.#views.timedStep[timed] as number, timed);
    return waitEnd(this, 0);
  }

  #slotOf(node: number): number {
    const known = this.#slots.get(node);
    if (known !== undefined) return known;
    const slot = this.#slots.size + 1;
    if (slot === this.state.length) this.#grow(slot * 2);
    this.#slots.set(node, slot);
    const at = firstTimed(this.#views, node);
    this.#read(slot, node, this.#views.timedStep[at] === node ? at : -1);
    return slot;
  }

  /** Takes over a row of the snapshot; `timed` is its timed row, or -1. */
  #read(slot: number, node: number, timed: number): void {
    const views = this.#views;
    const flags = views.flags[node] as number;
    this.state[slot] = views.state[node] as number;
    this.flags[slot] = flags;
    this.attempts[slot] = views.attempts[node] as number;
    this.retryLimit[slot] = views.retryLimit[node] as number;
    this.failedAt[slot] = timed === -1 ? NaN : (views.failedAt[timed] as number);
    this.nextAttemptAt[slot] = timed === -1 ? NaN : (views.nextAttemptAt[timed] as number);
    const explicit = timed !== -1 && (flags & STEP_FLAGS.backoffNull) === 0;
    this.explicitUntil[slot] = explicit
      ? (views.lastAttemptedAt[node] as number) + (views.backoffSeconds[node] as number) * 1_000_000
      : NaN;
  }

  #grow(capacity: number): void {
    const longer = <A extends { set(from: A): void }>(to: A, from: A): A => {
      to.set(from);
      return to;
    };
    this.state = longer(new Uint8Array(capacity), this.state);
    this.flags = longer(new Uint8Array(capacity), this.flags);
    this.attempts = longer(new Int32Array(capacity), this.attempts);
    this.retryLimit = longer(new Int32Array(capacity), this.retryLimit);
    this.failedAt = longer(new Float64Array(capacity), this.failedAt);
    this.nextAttemptAt = longer(new Float64Array(capacity), this.nextAttemptAt);
    this.explicitUntil = longer(new Float64Array(capacity), this.explicitUntil);
  }
}
