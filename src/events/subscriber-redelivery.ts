import { setTimeout as sleep } from 'node:timers/promises';

import { eventHorizon } from '../database/event-store/event-log.ts';
import { kindsOfTasks } from '../database/event-store/event-pages.ts';
import type { Queries } from '../database/id-block.ts';
import {
  settleRedrives,
  takeRedrives,
  type Redrive,
  type RedriveOutcome,
} from '../database/event-store/redrives.ts';
import {
  openReplays,
  saveReplayProgress,
  type OpenReplay,
} from '../database/event-store/replays.ts';
import { comparePositions, readEvents, type StoredEvent } from './stored-event.ts';
import type { ServedPart } from './subscriber-part.ts';

/** Dead letters of a part that are delivered again before it is asked for more. */
const LETTERS = 100;
/** Events of a replay at full speed between two saves of its progress. */
const REPLAY_EVENTS = 500;
/** Times a second that a slow replay goes on. */
const REPLAY_BEATS = 10;

/** What {@link Redeliveries} needs of the process. */
export interface RedeliveriesOptions {
  readonly queries: Queries;
  /** Session that reads the log for replays. */
  readonly reader: Queries;
  problem(event: string, facts: Readonly<Record<string, unknown>>): void;
}

/** A replay that is under way. */
interface Replaying {
  readonly id: bigint;
  /** Ends it before the next events. */
  readonly end: AbortController;
  readonly work: Promise<void>;
}

/**
 * Delivers again what operators ask for: dead letters and replays, beside what comes live and out of
 * order with it. The position of the subscriber stays where it is.
 */
export class Redeliveries {
  readonly #options: RedeliveriesOptions;
  readonly #redriving = new Map<ServedPart, Promise<void>>();
  readonly #replaying = new Map<ServedPart, Replaying>();
  #isStopped = false;

  constructor(options: RedeliveriesOptions) {
    this.#options = options;
  }

  /** Begins what is asked for of these parts, and ends what is no longer. Two statements. */
  async look(parts: readonly ServedPart[]): Promise<void> {
    const running = parts.filter(
      ({ running: { isPaused, signal } }) => !isPaused && !signal.aborted,
    );
    const { queries } = this.#options;
    const idle = running.filter((part) => !this.#redriving.has(part));
    const letters = await takeRedrives(queries, idle, LETTERS);
    for (const [part, own] of this.#byPart(running, letters)) {
      const work = this.#redrive(part, own).finally(() => this.#redriving.delete(part));
      this.#redriving.set(part, work);
    }
    const open = this.#byPart(parts, await openReplays(queries, parts));
    for (const [part, { id, end }] of this.#replaying) {
      if (open.get(part)?.[0]?.replayId !== id) end.abort();
    }
    for (const part of running) {
      const replay = open.get(part)?.[0];
      if (replay === undefined || this.#replaying.has(part) || this.#isStopped) continue;
      const end = new AbortController();
      const signal = AbortSignal.any([end.signal, part.running.signal]);
      const work = this.#replay(part, replay, signal).finally(() => this.#replaying.delete(part));
      this.#replaying.set(part, { id: replay.replayId, end, work });
    }
  }

  /** Waits for what is under way, which ends with its part or after the events in hand. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const replays = [...this.#replaying.values()].map(({ end, work }) => {
      end.abort();
      return work;
    });
    await Promise.all([...this.#redriving.values(), ...replays]);
  }

  #byPart<T extends { readonly name: string; readonly partition: number }>(
    parts: readonly ServedPart[],
    all: readonly T[],
  ): Map<ServedPart, T[]> {
    const byKey = new Map(parts.map((part) => [`${part.partition} ${part.name}`, part]));
    const grouped = Map.groupBy(all, ({ name, partition }) => byKey.get(`${partition} ${name}`));
    grouped.delete(undefined);
    return grouped as Map<ServedPart, T[]>;
  }

  /** Dead letters of a part, until none is marked any more. */
  async #redrive(part: ServedPart, first: readonly Redrive[]): Promise<void> {
    const { queries, problem } = this.#options;
    try {
      for (let letters = first; letters.length > 0 && !this.#isStopped;) {
        const outcomes: RedriveOutcome[] = [];
        for (const { deadLetterId, event } of letters) {
          const counts = { delivered: 0, errors: 0, lastError: undefined };
          const outcome = await part.deliver(event, counts, { redelivery: true });
          if (outcome === undefined) break;
          const { attempts, failure } = outcome;
          outcomes.push({ deadLetterId, attempts, ...(failure === undefined ? {} : { failure }) });
        }
        if (outcomes.length > 0) await settleRedrives(queries, outcomes);
        if (outcomes.length < letters.length) return;
        letters = await takeRedrives(queries, [part], LETTERS);
      }
    } catch (error) {
      if (!part.running.signal.aborted) problem('redrive_failed', { subscriber: part.name, error });
    }
  }

  async #replay(part: ServedPart, replay: OpenReplay, signal: AbortSignal): Promise<void> {
    try {
      let position: string | undefined = replay.position;
      while (position !== undefined) {
        if (signal.aborted) return;
        position = await this.#replayOn(part, replay, position, signal);
      }
    } catch (error) {
      const { name, running } = part;
      const { replayId } = replay;
      if (!running.signal.aborted)
        this.#options.problem('replay_failed', { subscriber: name, replayId, error });
    }
  }

  /** Some more events of a replay. @returns where to go on, undefined at the end */
  async #replayOn(
    part: ServedPart,
    replay: OpenReplay,
    after: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { queries, reader } = this.#options;
    const { replayId, rate, upTo, filter } = replay;
    const { partition } = part;
    const began = performance.now();
    const limit =
      rate === undefined
        ? REPLAY_EVENTS
        : Math.max(1, Math.min(REPLAY_EVENTS, Math.floor(rate / REPLAY_BEATS)));
    const horizon = await eventHorizon(reader);
    const detail = part.subscriber.options.detail;
    const events = await readEvents(reader, { ...filter, after, upTo, limit, detail });
    const mine = await this.#wanted(part, events);
    const own = events.filter((event) => part.hasTaskOf(event));
    const counts = { delivered: 0, errors: 0, lastError: undefined };
    const over = await part.deliverAll(mine, counts, { replay: true });
    const isWhole = over === mine.length;
    const isEnd = events.length < limit && comparePositions(horizon, upTo) >= 0;
    const reached = isWhole ? events.at(-1)?.position : mine[over - 1]?.position;
    const position = reached ?? after;
    const finished = isWhole && isEnd;
    await saveReplayProgress(queries, [
      {
        replayId,
        partition,
        position,
        seen: isWhole ? own.length : upToPosition(own, position),
        delivered: counts.delivered,
        errors: counts.errors,
        finished,
      },
    ]);
    if (finished || !isWhole) return undefined;
    // events of other parts cost this one no time
    const due = rate === undefined ? 0 : (mine.length * 1000) / rate;
    const wait = Math.max(
      events.length < limit ? 1000 / REPLAY_BEATS : 0,
      due - (performance.now() - began),
    );
    if (wait > 0) await sleep(wait, undefined, { signal }).catch(() => undefined);
    return position;
  }

  async #wanted(part: ServedPart, events: readonly StoredEvent[]): Promise<StoredEvent[]> {
    if (part.subscriber.options.kind === undefined) {
      return events.filter((event) => part.isMine(event, undefined));
    }
    const taskIds = events.flatMap(({ taskId }) => (taskId === undefined ? [] : [taskId]));
    const kinds = await kindsOfTasks(this.#options.reader, taskIds);
    return events.filter((event) => part.isMine(event, kinds.get(event.taskId ?? -1n)));
  }
}

const upToPosition = (events: readonly StoredEvent[], last: string): number =>
  events.filter(({ position }) => comparePositions(position, last) <= 0).length;
