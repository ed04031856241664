import { connect, urlOf, type UrlSource } from '../database/connection.ts';
import type { AuditRequest } from '../database/audit-request.ts';
import { databaseMicros } from '../database/engine/engine-registry.ts';
import type { DatabaseSession } from '../database/engine/engine-session.ts';
import { formatInstant } from '../graph/snapshot/instants.ts';
import type { ProblemSink } from './in-process.ts';
import { secondsBetween } from './seconds-between.ts';
import { SubscriberRunner } from './subscriber.ts';
import type { Subscriber } from './subscriber-definition.ts';
import {
  oneSubscriber,
  pauseSubscriber,
  resumeSubscriber,
  subscriberHealth,
  type SubscriberHealth,
  type SubscriberStateResult,
} from './subscriptions.ts';

/** How a durable subscriber is, as this process sees it. */
export interface LiveSubscriberHealth extends SubscriberHealth {
  /** Seconds since the first event was stored that it has not come to; 0 where there is none. */
  readonly lagSeconds: number;
  /** Events a second of about the last ten, from this process; undefined where another serves it. */
  readonly rate: number | undefined;
}

/** A durable subscriber of this process. */
export interface DurableSubscription {
  readonly name: string;
  health(): Promise<LiveSubscriberHealth>;
  /** Delivers nothing more, in whichever process; see `pauseSubscriber`. */
  pause(request: AuditRequest): Promise<SubscriberStateResult>;
  resume(request: AuditRequest): Promise<SubscriberStateResult>;
  /** Serves it in this process no more; its position stays. Idempotent. */
  stop(): Promise<void>;
}

/** The durable subscribers of a Tasker, from one start to the next. */
export class DurableSubscribers {
  readonly #url: UrlSource;
  readonly #problem: ProblemSink;
  readonly #subscribers = new Map<string, Subscriber>();
  #runner: SubscriberRunner | undefined;
  #isStarted = false;

  constructor(url: UrlSource, problem: ProblemSink) {
    this.#url = url;
    this.#problem = problem;
  }

  /** Errors: TASKER_DUPLICATE, TASKER_DATABASE_UNREACHABLE. */
  async subscribe(subscriber: Subscriber): Promise<DurableSubscription> {
    const { name } = subscriber.options;
    this.#runner ??= this.#newRunner();
    await this.#runner.add(subscriber);
    this.#subscribers.set(name, subscriber);
    if (this.#isStarted) await this.#runner.start();
    return {
      name,
      health: async () => {
        const [health] = await this.#health(name);
        return health as LiveSubscriberHealth;
      },
      pause: async (request) => this.#with((client) => pauseSubscriber(client, name, request)),
      resume: async (request) => this.#with((client) => resumeSubscriber(client, name, request)),
      stop: async () => {
        if (this.#subscribers.get(name) !== subscriber) return;
        this.#subscribers.delete(name);
        await this.#runner?.remove(name);
      },
    };
  }

  /** Every durable subscriber of the database, by name, whichever process serves it. */
  async health(): Promise<LiveSubscriberHealth[]> {
    return this.#health(undefined);
  }

  /** Idempotent. */
  async start(): Promise<void> {
    this.#isStarted = true;
    if (this.#subscribers.size === 0 && this.#runner === undefined) return;
    if (this.#runner === undefined) {
      this.#runner = this.#newRunner();
      for (const subscriber of this.#subscribers.values()) await this.#runner.add(subscriber);
    }
    await this.#runner.start();
  }

  /** Idempotent. @param seconds that what is under way may take */
  async stop(seconds: number): Promise<void> {
    this.#isStarted = false;
    const runner = this.#runner;
    this.#runner = undefined;
    await runner?.stop(seconds);
  }

  #newRunner(): SubscriberRunner {
    return new SubscriberRunner({ url: urlOf(this.#url), onProblem: this.#problem });
  }

  async #with<T>(work: (client: DatabaseSession) => Promise<T>): Promise<T> {
    const client = await connect(urlOf(this.#url));
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  async #health(name: string | undefined): Promise<LiveSubscriberHealth[]> {
    return this.#with(async (client) => {
      const all =
        name === undefined ? await subscriberHealth(client) : [await oneSubscriber(client, name)];
      const now = formatInstant(await databaseMicros(client));
      return all.map((health) => ({
        ...health,
        lagSeconds: Math.max(0, secondsBetween(health.lagSince ?? now, now) ?? 0),
        rate: this.#rateOf(health),
      }));
    });
  }

  #rateOf({ name, parts }: SubscriberHealth): number | undefined {
    const own = parts.flatMap(({ partition }) => this.#runner?.rateOf(name, partition) ?? []);
    return own.length === 0 ? undefined : own.reduce((sum, rate) => sum + rate, 0);
  }
}
