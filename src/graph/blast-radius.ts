import type { SnapshotViews } from './layout.ts';
import { STATE_CODES } from './state-codes.ts';

/**
 * Steps that can no longer run if the given nodes fail for good: every step that depends on one,
 * directly or through others, in any task of the snapshot. A step that is done or running is not
 * stopped, and nothing behind it is stopped because of it.
 *
 * @param starts steps or ghosts
 * @returns step numbers, ascending, the starts left out unless one depends on another
 * Complexity: O(nodes + edges reached).
 */
export function blastRadius(views: SnapshotViews, starts: Iterable<number>): Uint32Array {
  const { childOffsets, children, state, counts } = views;
  const stopped = new Uint8Array(counts.steps);
  const open = [...starts];
  let found = 0;
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
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
  const steps = new Uint32Array(found);
  let filled = 0;
  for (let step = 0; filled < found; step++) if (stopped[step] === 1) steps[filled++] = step;
  return steps;
}
