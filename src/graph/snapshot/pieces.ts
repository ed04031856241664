/**
 * Work in pieces of some milliseconds: the caller goes on at once, or lets others run between two
 * pieces, or gives up.
 */
export type Pieces<Result> = Generator<undefined, Result, undefined>;

/** Does all pieces at once. */
export function finishNow<Result>(pieces: Pieces<Result>): Result {
  for (;;) {
    const { done, value } = pieces.next();
    if (done === true) return value;
  }
}

/**
 * Steps and edges that a kernel visits in one piece: 1 ms where the graph is in the cache, 3 ms
 * where it is not. A step and its own edges are never parted, and a piece holds one step at least.
 */
export const PIECE_VISITS = 65_536;

/** Enough for any task that fits into memory but the largest: no kernel gives way before. */
export const ALL_VISITS = 2 ** 30;

/**
 * Where the piece that begins with row `from` ends: as many rows as make up `visits` together with
 * their edges, one at least, none from `end` on. O(log rows).
 *
 * @param offsets first edge of each row, ascending; length rows + 1
 */
export function pieceEnd(offsets: Uint32Array, from: number, end: number, visits: number): number {
  const limit = (offsets[from] as number) + from + visits;
  let low = from + 1;
  let high = end;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((offsets[middle] as number) + middle <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}
