import { nearestInstant } from '../graph/snapshot/instants.ts';

/** Seconds from one instant to another, both as ISO text; exact to the microsecond. */
export function secondsBetween(from: string, to: string): number | null {
  const [start, end] = [nearestInstant(from), nearestInstant(to)];
  return start === undefined || end === undefined ? null : (end - start) / 1e6;
}
