import type { SnapshotViews } from '../snapshot/layout.ts';
import type { Pieces } from '../snapshot/pieces.ts';
import { STATE_CODES } from '../snapshot/state-codes.ts';

/** Nodes visited in one piece: about a millisecond. */
const PIECE_NODES = 65_536;

/**
 * Steps that can no longer run if the given nodes fail for good: every step that depends on one,
 * directly or through others, in any task of the snapshot. A step that is done or running is not
 * stopped, and nothing behind it is stopped because of it. Cycles are followed once.
 *
 * @param starts steps or ghosts
 * @returns step numbers, ascending, the starts left out unless one depends on another
 * Complexity: O(steps) to begin and end with, O(nodes + edges reached) between.
 */
export function* blastRadius(
  views: SnapshotViews,
  starts: ArrayLike<number>,
): Pieces<Uint32Array<ArrayBuffer>> {
  const { childOffsets, children, state, counts } = views;
  const stopped = new Uint8Array(counts.steps);
  const open = Array.from(starts);
  let found = 0;
  let visited = 0;
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (++visited % PIECE_NODES === 0) yield;
    const last = childOffsets[node + 1] as number;
    for (let edge = childOffsets[node] as number; edge < last; edge++) {
      const child = children[edge] as number;
      const code = state[child] as number;
      const runsOn = code >= STATE_CODES.complete || code === STATE_CODES.in_progress;
      if (runsOn || stopped[child] === 1) continue;
      stopped[child] = 1;
      found++;
      open.push(child);
    }
  }
  yield;
  const steps = new Uint32Array(found);
  let filled = 0;
  for (let step = 0; filled < found; step++) if (stopped[step] === 1) steps[filled++] = step;
  return steps;
}
