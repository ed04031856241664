/** Rows of one kind that a snapshot numbers: positions are 31-bit integers. */
const MOST_ROWS = 2 ** 31 - 1;

/** More rows than positions can number, or more memory than there is. */
export class SnapshotTooLargeError extends RangeError {}

/** Refuses a count beyond what positions can number, before anything wraps around; O(1). */
export function requireCountable(what: string, count: number): void {
  if (count <= MOST_ROWS) return;
  throw new SnapshotTooLargeError(`${count} ${what} are more than one snapshot numbers`);
}

/** Allocates, and says how much could not be had. */
export function allocated<A>(bytes: number, allocate: () => A): A {
  try {
    return allocate();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new SnapshotTooLargeError(`${bytes} bytes cannot be allocated`, { cause });
  }
}
