/** What {@link longestToLeaf} found beside the ranks. */
export interface RankSummary {
  readonly greatest: number;
  readonly cyclic: boolean;
}

/**
 * Edges on the longest way from each position of a task to a leaf; 0 for positions on a cycle or
 * before one. Writes `ranks`. One backward pass where children have greater numbers than their
 * parents, else over an order by Kahn; O(steps + edges).
 *
 * @param offsets first child of each position, S+1 of them from 0
 * @param children positions
 * @param ranks `Uint32Array` of length S
 */
export function longestToLeaf(
  offsets: Uint32Array,
  children: Uint32Array,
  ranks: Uint32Array,
): RankSummary {
  const steps = ranks.length;
  const order = isForward(offsets, children) ? undefined : forwardOrder(offsets, children);
  const ordered = order?.filled ?? steps;
  ranks.fill(0);
  let greatest = 0;
  for (let at = ordered - 1; at >= 0; at--) {
    const position = order === undefined ? at : (order.positions[at] as number);
    let rank = 0;
    const last = offsets[position + 1] as number;
    for (let edge = offsets[position] as number; edge < last; edge++) {
      const through = (ranks[children[edge] as number] as number) + 1;
      if (through > rank) rank = through;
    }
    ranks[position] = rank;
    if (rank > greatest) greatest = rank;
  }
  return { greatest, cyclic: ordered < steps };
}

function isForward(offsets: Uint32Array, children: Uint32Array): boolean {
  for (let position = 0; position < offsets.length - 1; position++) {
    const last = offsets[position + 1] as number;
    for (let edge = offsets[position] as number; edge < last; edge++) {
      if ((children[edge] as number) <= position) return false;
    }
  }
  return true;
}

function forwardOrder(
  offsets: Uint32Array,
  children: Uint32Array,
): { positions: Uint32Array; filled: number } {
  const steps = offsets.length - 1;
  const open = new Uint32Array(steps);
  for (const child of children) open[child] = (open[child] as number) + 1;
  const positions = new Uint32Array(steps);
  let filled = 0;
  for (let position = 0; position < steps; position++) {
    if (open[position] === 0) positions[filled++] = position;
  }
  for (let at = 0; at < filled; at++) {
    const position = positions[at] as number;
    const last = offsets[position + 1] as number;
    for (let edge = offsets[position] as number; edge < last; edge++) {
      const child = children[edge] as number;
      const left = (open[child] as number) - 1;
      open[child] = left;
      if (left === 0) positions[filled++] = child;
    }
  }
  return { positions, filled };
}
