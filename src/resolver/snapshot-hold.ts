import { randomInt } from 'node:crypto';

import { HEADER, type SnapshotViews } from '../graph/snapshot/layout.ts';

const FREE = 0;
/** What the addon writes for a call without a ticket. */
const NO_TICKET = 2 ** 32 - 1;

/**
 * Takes a snapshot for one call that writes its outputs: of all resolvers in all threads one has it.
 * The header keeps the ticket, so that whoever shares the memory sees it. O(1).
 *
 * @returns the ticket for {@link letGo} and for the addon, undefined where another call has it
 */
export function takeHold({ header }: SnapshotViews): number | undefined {
  // not counted up: threads share no counter
  const ticket = randomInt(FREE + 1, NO_TICKET);
  return Atomics.compareExchange(header, HEADER.holder, FREE, ticket) === FREE ? ticket : undefined;
}

/** Gives a snapshot free that was taken with this ticket; nothing for any other. O(1). */
export function letGo({ header }: SnapshotViews, ticket: number): void {
  Atomics.compareExchange(header, HEADER.holder, ticket, FREE);
}
