import { SHARDS } from '../database/engine/active-tasks.ts';
import {
  databaseMicros,
  expireEngines,
  freeShards,
  goneEngines,
  leaveEngine,
  renewLease,
  takeShards,
} from '../database/engine/engine-registry.ts';
import {
  isTemporary,
  type DatabaseSession,
  type EngineSession,
} from '../database/engine/engine-session.ts';
import type { CommittedEvent } from '../events/told-events.ts';
import type { DatabaseClock } from './clock.ts';
import { SessionLane } from './session-lane.ts';

/** What a {@link ShardHolder} is made of. */
export interface ShardHolderOptions {
  readonly session: EngineSession;
  readonly engineId: bigint;
  readonly fleet: string;
  readonly templates: readonly string[];
  /** Seconds that the engine may be silent before others take its shards. */
  readonly leaseSeconds: number;
  readonly clock: DatabaseClock | undefined;
  /**
   * These shards, and no others, are this engine's now. `anew`: others may have held them in the
   * meantime, and notices may have been missed.
   */
  readonly changed: (shards: readonly number[], anew: boolean) => Promise<void>;
  /** Resolves when nothing of a shard that is not held any more is under way. */
  readonly released: (shard: number) => Promise<void>;
  /** Engines whose end this engine waits for. */
  readonly watched: () => ReadonlySet<bigint>;
  /** These of them are gone. */
  readonly gone: (engines: ReadonlySet<bigint>) => Promise<void>;
  /** µs since the epoch, as tasks have it. */
  readonly now: () => number;
  /** Engines were taken out; their events. */
  readonly expired: (events: readonly CommittedEvent[]) => void;
  /** The lease was over and the shards are gone: everything in memory is somebody else's. */
  readonly lost: () => void;
  readonly problem: (event: string, facts: Readonly<Record<string, unknown>>) => void;
}

/**
 * Holds an engine's part of the shards: renews the lease, takes free shards up to the fair part of
 * each living engine, gives up what is more, and takes out engines whose lease is over. A shard that
 * is given up is free for others when nothing of its tasks is under way; no beat waits for that, nor
 * for tasks to be read.
 */
export class ShardHolder {
  readonly #options: ShardHolderOptions;
  readonly #session: SessionLane<DatabaseSession>;
  #held: readonly number[] = [];
  /** Given up, and still locked until their handlers have ended. */
  readonly #leaving = new Set<number>();
  /** Held when the session was lost. */
  #before: readonly number[] | undefined;
  #loading: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  /** The next beat is to follow at once. */
  #again = false;
  #stopped = false;
  #warned = '';

  constructor(options: ShardHolderOptions) {
    this.#options = options;
    this.#session = new SessionLane(() => options.session.client());
  }

  get held(): readonly number[] {
    return this.#held;
  }

  /** The first beat: takes what is free. Resolves when the tasks are in memory. */
  async start(): Promise<void> {
    await this.#beat();
    this.#schedule();
    await this.#loading;
  }

  /** Gives everything back; idempotent. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#beating;
    await this.#loading;
    try {
      await this.#session.run(async (client) => {
        await leaveEngine(client, this.#options.engineId);
        await freeShards(client, this.#options.fleet, [...this.#held, ...this.#leaving]);
      });
    } catch (error) {
      if (!isTemporary(error)) throw error;
    }
    this.#held = [];
  }

  /** Forgets everything without a word to the database; the session must be stopped already. */
  async abandon(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#beating;
    await this.#loading;
    this.#held = [];
  }

  /** The session has ended: locks are to be taken again, notices to be heard again, without delay. */
  wake(): void {
    this.#again = true;
    if (this.#beating === undefined) this.#schedule(0);
  }

  /** The session was opened anew: its locks are gone with the old one. */
  sessionLost(): void {
    this.#before ??= this.#held;
    this.#held = [];
    this.#leaving.clear();
  }

  #schedule(delayMs: number = (this.#options.leaseSeconds * 1000) / 3): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#beating = this.#beatAgain();
    }, delayMs);
    this.#timer.unref();
  }

  async #beatAgain(): Promise<void> {
    this.#again = false;
    try {
      await this.#beat();
    } catch (error) {
      if (!this.#stopped) this.#options.problem('heartbeat_failed', { error });
    }
    this.#beating = undefined;
    this.#schedule(this.#again ? 0 : undefined);
  }

  async #beat(): Promise<void> {
    await this.#session.run((client) => this.#beatOver(client));
  }

  async #beatOver(client: DatabaseSession): Promise<void> {
    const { engineId, fleet, leaseSeconds, clock } = this.#options;
    const living = await renewLease(client, engineId, fleet, leaseSeconds);
    if (living === undefined) {
      this.#stopped = true;
      this.#options.lost();
      return;
    }
    clock?.adjust(await databaseMicros(client));
    this.#compareTemplates(living.map(({ templates }) => templates.join(' ')));
    await this.#expire(client);
    await this.#share(client, Math.ceil(SHARDS / living.length));
    const watched = this.#options.watched();
    if (watched.size > 0) await this.#tellGone(await goneEngines(client, [...watched]));
  }

  async #expire(client: DatabaseSession): Promise<void> {
    const { now, expired: told, problem } = this.#options;
    const at = now();
    const expired = await expireEngines(client, at);
    if (expired.length === 0) return;
    problem('engines_expired', { engines: expired.map(({ engineId }) => engineId) });
    told(
      expired.map(({ eventId, payload: stored }) => ({
        eventId,
        name: 'engine.lease_expired',
        taskId: undefined,
        stepId: undefined,
        at,
        stored,
      })),
    );
  }

  /** Takes or gives up shards until this engine has its fair part. */
  async #share(client: DatabaseSession, fair: number): Promise<void> {
    const { fleet } = this.#options;
    const before = this.#before;
    if (this.#held.length > fair) {
      const surplus = this.#held.slice(fair);
      for (const shard of surplus) this.#leaving.add(shard);
      this.#held = this.#held.slice(0, fair);
      this.#load(false);
      for (const shard of surplus) void this.#release(shard);
      return;
    }
    if (this.#held.length < fair) {
      const own = new Set([...this.#held, ...this.#leaving]);
      const taken = await takeShards(client, fleet, {
        held: own,
        preferred: before ?? [],
        count: fair - this.#held.length,
      });
      this.#held = [...this.#held, ...taken];
      if (taken.length === 0 && before === undefined) return;
      this.#before = undefined;
      this.#load(before !== undefined);
    }
  }

  #load(anew: boolean): void {
    const loading = this.#options.changed(this.#held, anew).catch((error: unknown) => {
      if (!this.#stopped) this.#options.problem('load_failed', { error });
    });
    const earlier = this.#loading;
    this.#loading = Promise.all([earlier, loading]).then(() => undefined);
  }

  /** Frees a shard once nothing of it is under way, unless its lock has gone with the session before. */
  async #release(shard: number): Promise<void> {
    const { fleet, released, problem } = this.#options;
    await released(shard);
    if (this.#stopped) return;
    try {
      await this.#session.run(async (client) => {
        if (this.#leaving.delete(shard)) await freeShards(client, fleet, [shard]);
      });
    } catch (error) {
      if (!this.#stopped) problem('heartbeat_failed', { error });
    }
  }

  async #tellGone(gone: ReadonlySet<bigint>): Promise<void> {
    if (gone.size > 0) await this.#options.gone(gone);
  }

  /** Tasks of a template that the holder of their shard does not know would wait for ever. */
  #compareTemplates(all: readonly string[]): void {
    const mine = this.#options.templates.join(' ');
    const other = all.find((templates) => templates !== mine);
    if (other === undefined || other === this.#warned) return;
    this.#warned = other;
    this.#options.problem('templates_differ', {
      mine,
      other,
      remedy:
        'Register the same templates in every engine of a fleet, or give them different fleets.',
    });
  }
}
