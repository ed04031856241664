import type { EventName } from './catalog.ts';

/**
 * An event as subscribers of this process get it: one flat object, envelope and payload at one level,
 * ids as text, instants as ISO text with six digits and Z.
 */
export type InProcessEvent<Payload extends object = Readonly<Record<string, unknown>>> = Payload & {
  /** A catalogued or a registered name. */
  readonly name: EventName | (string & {});
  readonly occurred_at: string;
};

/** Handles one event; it is not called again before what it returned is settled. */
export type InProcessHandler = (event: InProcessEvent) => unknown;

/** One handler of names, or of all that begin with the same. */
export interface InProcessSubscription {
  /** A name, `task.*`, or `*`. */
  readonly pattern: string;
  readonly handler: InProcessHandler;
  readonly filter: ((event: InProcessEvent) => boolean) | undefined;
}

/** Told of what goes wrong without stopping anything. */
export type ProblemSink = (event: string, facts: Readonly<Record<string, unknown>>) => void;

/** Events that wait for one handler at most; what comes while there are as many is dropped. */
export const LONGEST_QUEUE = 10_000;

/**
 * Subscribers of this process. Each gets its events one after the other in their order, and waits for
 * nobody else: one that throws is reported and goes on with the next event, one that is slow has a
 * queue of its own, bounded, and what has no room in it is dropped, counted and reported.
 */
export class InProcessSubscribers {
  readonly #problem: ProblemSink;
  #lines: Line[] = [];
  /** Lines by name; made anew when the lines change. */
  #byName = new Map<string, readonly Line[]>();

  constructor(problem: ProblemSink) {
    this.#problem = problem;
  }

  add(subscription: InProcessSubscription): void {
    this.#lines.push(new Line(subscription, this.#problem));
    this.#byName = new Map();
  }

  /** Takes out what `isMeant`; events that wait for it are forgotten. @returns how many there were */
  remove(isMeant: (subscription: InProcessSubscription) => boolean): number {
    const before = this.#lines.length;
    this.#lines = this.#lines.filter((line) => {
      if (!isMeant(line.subscription)) return true;
      line.close();
      return false;
    });
    this.#byName = new Map();
    return before - this.#lines.length;
  }

  /** True where nobody wants anything. */
  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  /** True where somebody may want events of this name. O(1) but for the first time. */
  wants(name: EventName | (string & {})): boolean {
    return this.#lines.length > 0 && this.#linesOf(name).length > 0;
  }

  /** Events dropped because a handler was too slow. */
  get dropped(): number {
    return this.#lines.reduce((sum, { dropped }) => sum + dropped, 0);
  }

  /** Gives an event to everybody who wants it. */
  deliver(event: InProcessEvent): void {
    for (const line of this.#linesOf(event.name)) line.push(event);
  }

  /** Resolves when every handler is done with what it was given so far. */
  async idle(): Promise<void> {
    await Promise.all(this.#lines.map((line) => line.idle()));
  }

  #linesOf(name: string): readonly Line[] {
    let lines = this.#byName.get(name);
    if (lines === undefined) {
      lines = this.#lines.filter(({ subscription }) => matches(subscription.pattern, name));
      this.#byName.set(name, lines);
    }
    return lines;
  }
}

/** True where a pattern stands for a name: the name itself, `task.*`, or `*`. */
function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

/** The events of one handler. */
class Line {
  readonly subscription: InProcessSubscription;
  dropped = 0;
  readonly #problem: ProblemSink;
  #queue: InProcessEvent[] = [];
  #running: Promise<void> | undefined;
  #isBehind = false;
  #isClosed = false;

  constructor(subscription: InProcessSubscription, problem: ProblemSink) {
    this.subscription = subscription;
    this.#problem = problem;
  }

  push(event: InProcessEvent): void {
    if (this.#queue.length >= LONGEST_QUEUE) {
      this.dropped++;
      this.#reportOnce();
      return;
    }
    this.#queue.push(event);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#queue = [];
  }

  async idle(): Promise<void> {
    await this.#running;
  }

  #reportOnce(): void {
    if (this.#isBehind) return;
    this.#isBehind = true;
    const { pattern } = this.subscription;
    this.#problem('events_dropped', { pattern, waiting: this.#queue.length });
  }

  async #run(): Promise<void> {
    // never in the turn of who published
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const events = this.#queue;
      this.#queue = [];
      this.#isBehind = false;
      for (const event of events) {
        if (this.#isClosed) return;
        await this.#handle(event);
      }
    }
  }

  async #handle(event: InProcessEvent): Promise<void> {
    const { handler, filter, pattern } = this.subscription;
    try {
      if (filter !== undefined && !filter(event)) return;
      const answer = handler(event);
      // most handlers return nothing: no turn of the loop is spent on them
      if (answer instanceof Object && 'then' in answer) await (answer as PromiseLike<unknown>);
    } catch (error) {
      this.#problem('event_handler_failed', { pattern, name: event.name, error });
    }
  }
}
