/**
 * Values at shares of the whole of an array that is sorted in chunks, straight between neighbours (the
 * definition that spreadsheets and NumPy use by default).
 *
 * @param chunks ascending parts of the array, none of them empty
 * @param shares from 0 to 1
 * @returns one value a share; NaN without any value
 * Complexity: O(chunks x log values) a share, times the bits of a number.
 */
export function percentiles(
  chunks: readonly Float64Array[],
  shares: ArrayLike<number>,
): Float64Array {
  const count = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return Float64Array.from(shares, (share) => {
    if (count === 0) return NaN;
    const place = share * (count - 1);
    const low = Math.floor(place);
    const least = valueAt(chunks, low);
    const most = valueAt(chunks, Math.min(low + 1, count - 1));
    return least + (place - low) * (most - least);
  });
}

/** The value with `rank` others before it. */
function valueAt(chunks: readonly Float64Array[], rank: number): number {
  if (chunks.length === 1) return chunks[0]?.[rank] as number;
  let low = Math.min(...chunks.map((chunk) => chunk[0] as number));
  let high = Math.max(...chunks.map((chunk) => chunk.at(-1) as number));
  if (countUpTo(chunks, low) > rank) return low;
  // more than `rank` values go up to `high`, no more than that to `low`
  for (;;) {
    const middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return high;
    if (countUpTo(chunks, middle) > rank) high = middle;
    else low = middle;
  }
}

/** How many values are not above a bound. */
function countUpTo(chunks: readonly Float64Array[], bound: number): number {
  let count = 0;
  for (const chunk of chunks) {
    let low = 0;
    let high = chunk.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((chunk[middle] as number) <= bound) low = middle + 1;
      else high = middle;
    }
    count += low;
  }
  return count;
}
