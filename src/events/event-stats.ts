import {
  countEvents,
  logPartitions,
  type EventCount,
  type LogPartition,
} from '../database/event-store/event-stats.ts';
import type { Queries } from '../database/id-block.ts';
import { badField } from './bad-filter.ts';
import { subscriberHealth, type SubscriberHealth } from './subscriptions.ts';

/** What the log of events holds, and how far its subscribers are. */
export interface EventStats {
  /** By name, the most frequent first. */
  readonly events: readonly EventCount[];
  readonly total: number;
  /** Events a second, over the last minute and over the last hour. */
  readonly lastMinuteRate: number;
  readonly lastHourRate: number;
  /** Oldest first, the default one last. */
  readonly partitions: readonly LogPartition[];
  /** By name. */
  readonly subscribers: readonly SubscriberHealth[];
}

/**
 * What the log of events holds, and how far its subscribers are.
 *
 * Errors: TASKER_BAD_ARGUMENT. O(events), or O(events since) where partitions end before.
 *
 * @param since counts only events of this instant or later, µs since the epoch; rates too
 */
export async function eventStats(client: Queries, since?: number): Promise<EventStats> {
  if (since !== undefined && !Number.isFinite(since)) {
    throw badField('since', since, 'µs since the epoch');
  }
  const events = await countEvents(client, since);
  const sum = (of: (count: EventCount) => number): number =>
    events.reduce((total, count) => total + of(count), 0);
  return {
    events,
    total: sum(({ count }) => count),
    lastMinuteRate: sum(({ lastMinute }) => lastMinute) / 60,
    lastHourRate: sum(({ lastHour }) => lastHour) / 3600,
    partitions: await logPartitions(client),
    subscribers: await subscriberHealth(client),
  };
}
