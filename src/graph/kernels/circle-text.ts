/** How many steps of each end of a way a text for people names. */
const NAMED_AT_ENDS = 3;

/** The steps of a way, with a count in place of the middle of a long one. */
export function shortenedWay(ids: readonly bigint[]): (bigint | string)[] {
  if (ids.length <= 2 * NAMED_AT_ENDS) return [...ids];
  const left = ids.length - 2 * NAMED_AT_ENDS;
  return [...ids.slice(0, NAMED_AT_ENDS), `... ${left} more ...`, ...ids.slice(-NAMED_AT_ENDS)];
}

/**
 * A circle for people, closed by its first step: `5 -> 6 -> 7 -> ... 99994 more ... -> 2 -> 3 -> 4 -> 5`.
 *
 * @param path steps along the edges, the first one not repeated
 */
export function circleText(path: readonly bigint[]): string {
  return [...shortenedWay(path), path[0]].join(' -> ');
}
