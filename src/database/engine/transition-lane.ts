import { setTimeout as sleep } from 'node:timers/promises';

import type pg from 'pg';

import { EngineSession, isTemporary, type EngineSessionOptions } from './engine-session.ts';
import type { MoveBatch, MoveOutcome, PreparedMoves, TransitionLog } from './transition-log.ts';

/** What a lane writes and tells. */
export interface LaneWork<Batch extends MoveBatch = MoveBatch> {
  /** The moves that are due now; called when the lane is free. Empty: nothing is written. */
  collect(): Batch;
  /** The moves were committed, but for those that were lost. */
  settled(batch: Batch, outcome: MoveOutcome, prepared: PreparedMoves): void;
  /** The moves cannot be written, whatever the connection does. Nothing of them was. */
  refused(batch: Batch, error: unknown): void;
}

/** Options of a {@link TransitionLane}. */
export interface TransitionLaneOptions extends EngineSessionOptions {
  /** How long a statement waits for more moves before it is sent, ms. */
  readonly waitMs: number;
}

/** Serialisation failure and deadlock: the same again succeeds. */
const AGAIN = new Set(['40001', '40P01']);

/**
 * Group commit over one session: while a statement is under way, moves gather, and its return
 * carries off all of them in the next one; an idle lane starts at once. A connection that is lost,
 * or on which the server refuses to work for the moment, is opened anew, and the statement that was
 * under way is repeated unless it had been committed.
 */
export class TransitionLane<Batch extends MoveBatch = MoveBatch> {
  readonly #session: EngineSession;
  readonly #log: TransitionLog;
  readonly #work: LaneWork<Batch>;
  readonly #waitMs: number;
  #due = false;
  #running: Promise<void> | undefined;
  #stopped = false;
  /** Statements that carried moves, and the moves they carried. */
  statements = 0;
  moves = 0;

  constructor(options: TransitionLaneOptions, log: TransitionLog, work: LaneWork<Batch>) {
    this.#waitMs = options.waitMs;
    this.#log = log;
    this.#work = work;
    this.#session = new EngineSession({
      ...options,
      onConnect: async (client, signal) => {
        await client.query(LANE_SETTINGS);
        await options.onConnect?.(client, signal);
      },
    });
  }

  /** Opens the session, with what the first statement needs. */
  async start(): Promise<void> {
    await this.#log.warm(await this.#session.client());
  }

  /** There may be moves to write: asks for them when the lane is free, in this turn of the loop at the earliest. */
  request(): void {
    this.#due = true;
    if (this.#stopped) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#due && !this.#stopped) this.request();
    });
  }

  /** True while a statement is under way or due. */
  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** Resolves when nothing is under way or due. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(() => undefined);
  }

  /** Writes what is due and ends the session; idempotent. */
  async stop(): Promise<void> {
    await this.idle();
    this.#stopped = true;
    await this.#session.stop();
  }

  /** Ends the session at once; what was under way may or may not have been committed. */
  async abort(): Promise<void> {
    this.#stopped = true;
    await this.#session.stop();
  }

  async #run(): Promise<void> {
    // what is asked for in the same turn goes together
    await Promise.resolve();
    while (this.#due && !this.#stopped) {
      if (this.#waitMs > 0) await sleep(this.#waitMs);
      this.#due = false;
      const batch = this.#work.collect();
      const count = batch.steps.length + batch.tasks.length;
      if (count === 0) continue;
      this.statements++;
      this.moves += count;
      await this.#commit(batch);
    }
  }

  async #commit(batch: Batch): Promise<void> {
    let made: { readonly outcome: MoveOutcome; readonly prepared: PreparedMoves };
    try {
      made = await this.#write(batch);
    } catch (error) {
      if (!this.#stopped) this.#work.refused(batch, error);
      return;
    }
    this.#work.settled(batch, made.outcome, made.prepared);
  }

  async #write(
    batch: MoveBatch,
  ): Promise<{ readonly outcome: MoveOutcome; readonly prepared: PreparedMoves }> {
    let prepared: PreparedMoves | undefined;
    let client: pg.Client = await this.#session.client();
    for (let failures = 0; ; failures++) {
      try {
        prepared ??= await this.#log.prepare(client, batch);
        return { outcome: await this.#log.run(client, prepared), prepared };
      } catch (error) {
        if (error instanceof Error && 'code' in error && AGAIN.has(error.code as string)) continue;
        if (!isTemporary(error) || this.#stopped) throw error;
        if (failures > 0) await sleep(Math.min(failures * 50, 1000));
      }
      for (;;) {
        try {
          client = await this.#session.renew();
          const outcome = prepared && (await this.#log.find(client, prepared));
          if (prepared === undefined || outcome === undefined) break;
          return { outcome, prepared };
        } catch (error) {
          if (!isTemporary(error) || this.#stopped) throw error;
        }
      }
    }
  }
}

/**
 * Plans are made before the tables have grown, and once for all statements: only nested loops over
 * indexes cost as much per move in a large table as in a small one.
 */
const LANE_SETTINGS = `SET enable_seqscan = off; SET enable_bitmapscan = off;
  SET enable_mergejoin = off; SET enable_hashjoin = off; SET plan_cache_mode = force_generic_plan`;
