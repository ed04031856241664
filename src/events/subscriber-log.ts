import {
  readEventPage,
  type PageRequest,
  type TaskKind,
} from '../database/event-store/event-pages.ts';
import type { Queries } from '../database/id-block.ts';
import { positionParts } from '../database/event-store/subscriptions.ts';
import type { PositionParts } from '../database/event-store/event-log.ts';
import { composePayloads } from './payload.ts';
import type { StoredEvent } from './stored-event.ts';
import type { Subscriber } from './subscriber-definition.ts';

/** Events of one page. */
const PAGE_EVENTS = 1000;
/** Events looked at for one page where few are wanted; begins with a page and grows to this. */
const MOST_SCANNED = 16 * PAGE_EVENTS;
/** Stored bytes of the payloads of one page. */
const PAGE_BYTES = 4 << 20;

/** What is kept of what was read, for subscribers that come the same way a little later. */
const KEPT_PAGES = 64;
const KEPT_EVENTS = 3 * PAGE_EVENTS;
const KEPT_BYTES = 16 << 20;

/** An event and, where some subscriber asks for it, the template of its task. */
export interface LogEvent extends StoredEvent {
  readonly kind: TaskKind | undefined;
}

/** What is read for a subscriber, or for several. */
export interface LogFilter extends Pick<PageRequest, 'names' | 'kinds'> {
  readonly detail: 'full' | 'stored';
  /** Equal for filters that read the same. */
  readonly key: string;
}

/** Events after a position. */
export interface LogStretch {
  readonly events: readonly LogEvent[];
  readonly end: string;
  /** There is nothing to read behind `end` yet. */
  readonly isLast: boolean;
}

interface Page extends LogStretch {
  readonly key: string;
  readonly from: PositionParts;
  readonly to: PositionParts;
  readonly bytes: number;
}

/** Options of a {@link SubscriberLog}. */
export interface SubscriberLogOptions {
  /** Session for those who follow the end of the log. */
  readonly live: Queries;
  /** Session for those who are behind. */
  readonly behind: Queries;
  /** There are events that cannot be read yet. */
  readonly onHeldBack: () => void;
}

/** The least that holds the events of all these subscribers. */
export function filterOf(subscribers: readonly Subscriber[]): LogFilter {
  const names = [...new Set(subscribers.flatMap(({ patterns }) => patterns))].toSorted();
  const kinds = subscribers.map(({ options }) => options.kind);
  const named = kinds.filter((kind) => kind !== undefined);
  const filter: Omit<LogFilter, 'key'> = {
    names: names.includes('*') ? undefined : names,
    kinds: named.length === 0 ? undefined : named.length === kinds.length ? distinct(named) : 'all',
    detail: subscribers.every(({ options }) => options.detail === 'stored') ? 'stored' : 'full',
  };
  return { ...filter, key: JSON.stringify(filter) };
}

function distinct(kinds: readonly TaskKind[]): TaskKind[] {
  const byText = new Map(kinds.map((kind) => [`${kind.namespace}\n${kind.template}`, kind]));
  return [...byText.keys()].toSorted().map((text) => byText.get(text) as TaskKind);
}

/**
 * The log as all subscribers of a process read it: a page is read once and given to all who are near,
 * and one that is far behind the others reads for itself, with a filter of its own.
 */
export class SubscriberLog {
  readonly #options: SubscriberLogOptions;
  #shared: LogFilter = filterOf([]);
  /** Oldest first. */
  #pages: Page[] = [];
  #reading = new Map<string, Promise<Page>>();
  #scan = PAGE_EVENTS;

  constructor(options: SubscriberLogOptions) {
    this.#options = options;
  }

  /** Says for whom is read from now on. */
  setReaders(subscribers: readonly Subscriber[]): void {
    this.#shared = filterOf(subscribers);
    this.forget();
  }

  /**
   * Keeps nothing of what was read or is being read: a server that came back after a crash may give
   * numbers of transactions again that nothing had been stored under.
   */
  forget(): void {
    this.#pages = [];
    this.#reading = new Map();
  }

  /** What follows a position. At most one read, which all who ask for the same share. */
  async after(position: string, own: LogFilter): Promise<LogStretch> {
    const from = positionParts(position);
    const known = this.#pages.findLast((page) => this.#serves(page, from, own));
    if (known !== undefined) {
      const stretch = stretchOf(known, from);
      // it was the last when it was read
      return { ...stretch, isLast: stretch.isLast && known === this.#pages.at(-1) };
    }
    const oldest = this.#pages.find(({ key }) => key === this.#shared.key);
    const isBehind = oldest !== undefined && compare(from, oldest.from) < 0;
    const filter = isBehind ? own : this.#shared;
    const key = `${position} ${filter.key}`;
    let reading = this.#reading.get(key);
    if (reading === undefined) {
      const all = this.#reading;
      const keep = (page: Page): void => {
        if (all === this.#reading && page.end !== position) this.#keep(page);
      };
      reading = this.#read(position, filter, isBehind, keep).finally(() => all.delete(key));
      all.set(key, reading);
    }
    return stretchOf(await reading, from);
  }

  #serves(page: Page, from: PositionParts, own: LogFilter): boolean {
    const isFit = page.key === this.#shared.key || page.key === own.key;
    return isFit && compare(page.from, from) <= 0 && compare(from, page.to) < 0;
  }

  async #read(
    after: string,
    filter: LogFilter,
    isBehind: boolean,
    keep: (page: Page) => void,
  ): Promise<Page> {
    const queries = isBehind ? this.#options.behind : this.#options.live;
    const { names, kinds, detail, key } = filter;
    const page = await readEventPage(queries, {
      after,
      limit: PAGE_EVENTS,
      scan: this.#scan,
      bytes: PAGE_BYTES,
      names,
      kinds,
    });
    const { rows, end, isLast, isHeldBack, bytes } = page;
    // to look further than what fills a page costs more than the page
    if (rows.length > PAGE_EVENTS / 2) this.#scan = PAGE_EVENTS;
    else if (!isLast) this.#scan = Math.min(this.#scan * 4, MOST_SCANNED);
    const payloads =
      detail === 'stored' || rows.length === 0 ? undefined : await composePayloads(queries, rows);
    const events = rows.map(({ stored, ...event }, at) => ({
      ...event,
      payload: payloads?.[at] ?? stored,
    }));
    const from = positionParts(after);
    const read: Page = { key, from, to: positionParts(end), events, end, isLast, bytes };
    keep(read);
    if (isHeldBack && isLast) this.#options.onHeldBack();
    return read;
  }

  #keep(page: Page): void {
    this.#pages.push(page);
    let events = 0;
    let bytes = 0;
    // the newest stays in any case
    const oldest = this.#pages.findLastIndex((kept, at) => {
      events += kept.events.length;
      bytes += kept.bytes;
      const isNewest = at === this.#pages.length - 1;
      return !isNewest && (events > KEPT_EVENTS || bytes > KEPT_BYTES);
    });
    const first = Math.max(oldest + 1, this.#pages.length - KEPT_PAGES);
    if (first > 0) this.#pages = this.#pages.slice(first);
  }
}

function stretchOf(page: Page, from: PositionParts): LogStretch {
  if (compare(page.from, from) === 0) return page;
  const { end, isLast, events } = page;
  const later = events.filter(({ position }) => compare(positionParts(position), from) > 0);
  return { events: later, end, isLast };
}

function compare(left: PositionParts, right: PositionParts): number {
  const difference = left.transactionId - right.transactionId || left.number - right.number;
  return difference < 0n ? -1 : Number(difference > 0n);
}
