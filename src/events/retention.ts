import { setTimeout as sleep } from 'node:timers/promises';

import type { Session } from '../database/atomically.ts';
import { databaseMicros } from '../database/engine/engine-registry.ts';
import {
  countDefaultEvents,
  countProcessedIds,
  deleteDefaultEvents,
  deleteProcessedIds,
  EXPIRY_BATCH,
  holdersOf,
  oldestDefaultEvent,
  type EventHolder,
} from '../database/event-store/event-expiry.ts';
import {
  asMaintainer,
  createEventPartition,
  DEFAULT_PARTITION,
  detachEventPartition,
  dropExpiredPartitions,
  listEventPartitions,
  type EventPartition,
  type PartitionOutcome,
} from '../database/event-store/event-partitions.ts';

/** What becomes of the events of a time that is over. */
export interface RetentionOptions {
  /** Events of an earlier instant are not kept, µs since the epoch; undefined keeps all. */
  readonly before?: number | undefined;
  /** `drop` (default), or `detach`: the partitions' tables stay for whoever archives them. */
  readonly expired?: 'drop' | 'detach' | undefined;
  /** Only says what would be done. */
  readonly dryRun?: boolean | undefined;
  /** Ends the work between two statements; what was done stays done. */
  readonly signal?: AbortSignal | undefined;
}

/** Partitions made ahead. */
export interface PartitioningOptions {
  /** Days of one partition. */
  readonly partitionDays: number;
  /** Partitions made before their time comes. */
  readonly partitionsAhead: number;
}

/** A partition that stays although its time is over. */
export interface HeldPartition {
  readonly partition: string;
  readonly by: readonly EventHolder[];
}

/** What one round did to the log of events, or would do. */
export interface RetentionReport {
  readonly dryRun: boolean;
  readonly created: readonly string[];
  /** Partitions taken out of the log. */
  readonly removed: readonly EventPartition[];
  /** Subscribers and replays that hold partitions back. */
  readonly held: readonly HeldPartition[];
  /** Partitions that others did not let go of in time; the next round tries again. */
  readonly busy: readonly string[];
  /** Events removed one by one: those that came while their time had no partition. */
  readonly defaultEvents: number;
  /** Ids of handled events forgotten, since the events are gone. */
  readonly processedIds: number;
}

const DAY_MICROS = 86_400_000_000;

/** Ids of handled events are kept longer than the events, µs: clocks may differ. */
const ID_MARGIN_MICROS = 3_600_000_000;

const TRIES = 20;
const BETWEEN_TRIES_MS = 50;

/**
 * Makes the partitions that are missing: that of now and some ahead, each of so many days from
 * midnight UTC; none overlaps one that is there, whatever its length.
 *
 * @returns the outcome by first instant; only `done` and `busy` matter to the caller
 */
export async function createPartitionsAhead(
  client: Session,
  { partitionDays, partitionsAhead }: PartitioningOptions,
  signal?: AbortSignal,
): Promise<{ readonly created: string[]; readonly busy: string[] }> {
  const now = await databaseMicros(client);
  const period = partitionDays * DAY_MICROS;
  const current = Math.floor(now / period) * period;
  const wanted = current + (partitionsAhead + 1) * period;
  const present = await listEventPartitions(client);
  const busy: string[] = [];
  for (let from = current; from < wanted && !isAborted(signal);) {
    const there = present.find((each) => each.from <= from && from < each.until);
    const next = present.find((each) => each.from > from);
    const until =
      there?.until ?? Math.min((Math.floor(from / period) + 1) * period, next?.from ?? Infinity);
    if (there === undefined) {
      const outcome = await persistently(
        () => createEventPartition(client, { from, until }),
        signal,
      );
      if (outcome === 'busy') busy.push(new Date(from / 1000).toISOString().slice(0, 10));
    }
    from = until;
  }
  const before = new Set(present.map(({ name }) => name));
  const after = await listEventPartitions(client);
  return { created: after.map(({ name }) => name).filter((name) => !before.has(name)), busy };
}

/**
 * Takes the partitions out of the log whose time is over and whose events every subscriber and every
 * open replay has behind it, then removes what the default partition has of that time (with
 * `detach`, that stays), then the ids of handled events of which no event is left. Writers wait some
 * ms for each partition. What a process that died left half done is finished.
 *
 * @returns undefined where another process is at it
 */
export async function retainEvents(
  client: Session,
  options: RetentionOptions & Partial<PartitioningOptions>,
): Promise<RetentionReport | undefined> {
  const { before, dryRun = false, signal, partitionDays, partitionsAhead = 2 } = options;
  return asMaintainer(client, async () => {
    const made =
      partitionDays === undefined || dryRun
        ? { created: [], busy: [] }
        : await createPartitionsAhead(client, { partitionDays, partitionsAhead }, signal);
    const report = { dryRun, ...made, removed: [], held: [], defaultEvents: 0, processedIds: 0 };
    if (before === undefined) return report;
    const removal = await removePartitions(client, before, options);
    return {
      ...report,
      ...removal,
      busy: [...made.busy, ...removal.busy],
      processedIds: await forgetIds(client, before, options, removal.removed),
    };
  });
}

interface Removal {
  readonly removed: readonly EventPartition[];
  readonly held: readonly HeldPartition[];
  readonly busy: readonly string[];
  readonly defaultEvents: number;
}

async function removePartitions(
  client: Session,
  before: number,
  { dryRun = false, expired = 'drop', signal }: RetentionOptions,
): Promise<Removal> {
  const removed: EventPartition[] = [];
  const held: HeldPartition[] = [];
  const busy: string[] = [];
  const partitions = await listEventPartitions(client);
  if (!dryRun) await dropExpiredPartitions(client);
  for (const partition of partitions.filter(({ until }) => until <= before)) {
    if (isAborted(signal)) break;
    const { name } = partition;
    const by = await holdersOf(client, name);
    if (by.length > 0) {
      held.push({ partition: name, by });
      continue;
    }
    const isHeld = async (): Promise<boolean> => (await holdersOf(client, name)).length > 0;
    const detach = (): Promise<PartitionOutcome> =>
      detachEventPartition(client, name, { keep: expired === 'detach', isHeld });
    const outcome = dryRun ? 'done' : await persistently(detach, signal);
    if (outcome === 'busy') busy.push(name);
    if (outcome === 'held') held.push({ partition: name, by: await holdersOf(client, name) });
    if (outcome === 'done') removed.push(partition);
  }
  if (!dryRun) await dropExpiredPartitions(client);
  if (expired === 'detach') return { removed, held, busy, defaultEvents: 0 };
  const defaultEvents = dryRun
    ? await countDefaultEvents(client, before)
    : await removeDefaultEvents(client, before, signal);
  const by = await holdersOf(client, DEFAULT_PARTITION, before);
  if (by.length > 0) held.push({ partition: DEFAULT_PARTITION, by });
  return { removed, held, busy, defaultEvents };
}

async function removeDefaultEvents(
  client: Session,
  before: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  let count = 0;
  let place: string | undefined = '(0,0)';
  while (place !== undefined && !isAborted(signal)) {
    const batch = await deleteDefaultEvents(client, before, place);
    count += batch.count;
    place = batch.place;
  }
  return count;
}

/** The ids of events that are all gone: an event that is there may be delivered again. */
async function forgetIds(
  client: Session,
  before: number,
  { dryRun = false, signal }: RetentionOptions,
  removed: readonly EventPartition[],
): Promise<number> {
  const gone = new Set(removed.map(({ name }) => name));
  const left = (await listEventPartitions(client)).find(({ name }) => !gone.has(name));
  const oldest = Math.min(
    before,
    left?.from ?? Infinity,
    (await oldestDefaultEvent(client)) ?? Infinity,
  );
  const limit = oldest - ID_MARGIN_MICROS;
  if (limit === -Infinity) return 0;
  if (dryRun) return countProcessedIds(client, limit);
  let count = 0;
  let batch = EXPIRY_BATCH;
  while (batch === EXPIRY_BATCH && !isAborted(signal)) {
    batch = await deleteProcessedIds(client, limit);
    count += batch;
  }
  return count;
}

const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;

/** Tries again while others hold the log: seconds in all, in which writers are let through. */
async function persistently(
  change: () => Promise<PartitionOutcome>,
  signal: AbortSignal | undefined,
): Promise<PartitionOutcome> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await change();
    if (outcome !== 'busy' || attempt === TRIES || isAborted(signal)) return outcome;
    await sleep(BETWEEN_TRIES_MS * Math.min(attempt, 10), undefined, { signal }).catch(
      () => undefined,
    );
  }
}
