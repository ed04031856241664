import { setTimeout as sleep } from 'node:timers/promises';

import { SHARDS, type ActiveTaskFilter } from '../database/engine/active-tasks.ts';
import { isTemporary, type DatabaseSession } from '../database/engine/engine-session.ts';
import { FEW_TASKS } from '../database/snapshot/few-tasks.ts';
import type { StoredTemplate } from '../database/engine/template-catalog.ts';
import type { TaskTemplate } from '../templates/task-template.ts';
import { stepTemplateOf, unknownStep, type ActiveTask, type TaskInputs } from './active-task.ts';
import { newAttempt } from './attempt.ts';
import type { Clock } from './clock.ts';
import type { SessionLane } from './session-lane.ts';
import type { EngineMemory } from './engine-memory.ts';
import { describeFailure } from '../policies/failure.ts';
import { FirstMoves } from './first-moves.ts';
import type { Adoption, NewTaskRow } from './viable-step-discovery.ts';

/** A task that this process has just stored: pending, nothing bypassed, due at once. */
export interface NewTask extends NewTaskRow {
  /** What its handlers are given, where that is kept in memory. */
  readonly inputs: TaskInputs | undefined;
}

/** Which tasks are read; those of all held shards where nothing is said. */
type WhichTasks = Pick<ActiveTaskFilter, 'taskIds' | 'first'>;

/** Wait before a reading is repeated that the server broke off, ms. */
const AGAIN_MS = 50;

const shardOf = (taskId: bigint): number => Number(taskId % BigInt(SHARDS));

/**
 * Brings tasks into memory: those of newly held shards, those that a notice names, those that are due
 * by now, and those whose rows may have changed behind the engine's back. A task is read only while
 * no statement with a move of it is under way, so that what was read is what is stored.
 */
export class TaskIntake {
  readonly #memory: EngineMemory;
  readonly #clock: Clock;
  readonly #toRead = new Set<bigint>();
  #reading: Promise<void> | undefined;
  #reads = 0;
  #shards: ReadonlySet<number> = new Set();
  #nextRunAt = Infinity;
  /** Tasks of shards that are not this engine's any more, while something of theirs is under way. */
  readonly #leaving = new Set<ActiveTask>();
  /** Who waits for the last task of a shard to leave. */
  readonly #released = new Map<number, PromiseWithResolvers<void>>();
  /** Tasks with steps that somebody else runs: an engine, by its number, or Rails. */
  readonly #elsewhere = new Map<bigint, readonly (bigint | undefined)[]>();
  readonly #firstMoves = new FirstMoves();
  /** One session reads: what one reading has begun, no other may meet. */
  readonly #session: SessionLane<DatabaseSession>;
  readonly #engineId: bigint;
  readonly #left: (taskIds: readonly bigint[]) => void;

  /** @param left told of tasks that have left with steps that ended here: their new engine is to read them */
  constructor(
    memory: EngineMemory,
    engineId: bigint,
    session: SessionLane<DatabaseSession>,
    clock: Clock,
    left: (taskIds: readonly bigint[]) => void,
  ) {
    this.#memory = memory;
    this.#engineId = engineId;
    this.#session = session;
    this.#clock = clock;
    this.#left = left;
  }

  /** When the next task is to begin that is not in memory yet, µs since the epoch. */
  get nextRunAt(): number {
    return this.#nextRunAt;
  }

  /**
   * The shards whose tasks are this engine's. Tasks of others claim nothing more, and leave when
   * nothing of theirs is under way; handlers that run go on, and how they end is stored.
   */
  setShards(shards: readonly number[]): void {
    this.#shards = new Set(shards);
    for (const task of this.#memory.discovery.tasks.values()) {
      const mine = this.#isMine(task.taskId);
      if (mine === !task.leaving) continue;
      if (mine) this.#return(task);
      else this.#leave(task);
    }
    this.#sweep();
  }

  /** Resolves when no task of a shard is in memory. */
  async released(shard: number): Promise<void> {
    if (!this.#holds(shard)) return;
    let released = this.#released.get(shard);
    if (released === undefined) {
      released = Promise.withResolvers();
      this.#released.set(shard, released);
    }
    await released.promise;
  }

  #isMine(taskId: bigint): boolean {
    return this.#shards.has(shardOf(taskId));
  }

  /** Whoever has the shard now may have changed the task. */
  #return(task: ActiveTask): void {
    task.leaving = false;
    this.#leaving.delete(task);
    this.markStale(task);
  }

  #leave(task: ActiveTask): void {
    task.leaving = true;
    // its ends are stored by their tokens, whatever else was changed
    task.stale = false;
    this.#toRead.delete(task.taskId);
    this.#leaving.add(task);
    this.#memory.request(task.lane);
  }

  /** Takes those out of memory that are at rest. */
  #sweep(): void {
    const left: bigint[] = [];
    for (const task of this.#leaving) {
      if (task.attempts > 0 || task.inFlight > 0 || task.moving) continue;
      this.#leaving.delete(task);
      this.#elsewhere.delete(task.taskId);
      if (this.#memory.discovery.tasks.get(task.taskId) !== task) continue;
      this.#memory.discovery.remove(task.taskId);
      left.push(task.taskId);
    }
    for (const [shard, released] of this.#released) {
      if (this.#holds(shard)) continue;
      this.#released.delete(shard);
      released.resolve();
    }
    if (left.length > 0) this.#left(left);
  }

  #holds(shard: number): boolean {
    if (this.#shards.has(shard)) return false;
    for (const task of this.#leaving) if (shardOf(task.taskId) === shard) return true;
    return false;
  }

  /** A statement has returned: what it held up may go on. */
  settled(): void {
    this.#firstMoves.settled();
    if (this.#leaving.size > 0 || this.#released.size > 0) this.#sweep();
    this.readDue().catch((error: unknown) =>
      this.#memory.signals.problem('load_failed', { error }),
    );
  }

  /** Reads the active tasks of the shards that are not in memory, and those that differ from it. */
  async readAll(): Promise<void> {
    await this.#reading;
    this.#nextRunAt = Infinity;
    // the first ones run while all others are read
    if (this.#memory.discovery.tasks.size === 0 && this.#shards.size > 0) {
      this.#adopt(await this.#read({ first: FEW_TASKS }));
      await this.#firstMoves.wait(this.#memory.discovery.tasks.values());
    }
    this.#adopt(await this.#read({}));
    for (const taskId of this.#elsewhere.keys()) this.#readAgain(taskId);
    await this.readDue();
  }

  /** Reads everything anew: notices may have been missed. */
  async readAnew(): Promise<void> {
    for (const taskId of this.#memory.discovery.tasks.keys()) this.#readAgain(taskId);
    await this.readAll();
  }

  /** Numbers of the engines that run steps of this engine's tasks. */
  get enginesElsewhere(): ReadonlySet<bigint> {
    const engines = [...this.#elsewhere.values()].flat();
    return new Set(engines.filter((engine) => engine !== undefined));
  }

  /** These engines are gone: what they had under way is to be ended here. */
  async enginesGone(gone: ReadonlySet<bigint>): Promise<void> {
    for (const [taskId, engines] of this.#elsewhere) {
      if (engines.some((engine) => engine !== undefined && gone.has(engine))) {
        this.#readAgain(taskId);
      }
    }
    await this.readDue();
  }

  #readAgain(taskId: bigint): void {
    const task = this.#memory.discovery.tasks.get(taskId);
    if (task === undefined) this.#elsewhere.delete(taskId);
    else this.markStale(task);
  }

  /**
   * Takes new tasks in without a query: their rows follow from their template.
   *
   * @returns those of other engines' shards
   */
  created(stored: StoredTemplate<TaskTemplate>, tasks: readonly NewTask[]): bigint[] {
    const { discovery, signals } = this.#memory;
    const others = tasks.map(({ taskId }) => taskId).filter((taskId) => !this.#isMine(taskId));
    const mine = tasks.filter(({ taskId }) => this.#isMine(taskId) && !discovery.tasks.has(taskId));
    for (const [at, task] of discovery.adoptNew(stored, mine).entries()) {
      const { taskId, inputs } = mine[at] as NewTask;
      if (typeof task === 'string') {
        signals.problem('task_refused', { taskId, reason: task });
        continue;
      }
      task.inputs = inputs;
      if (stored.template.steps.length === 0) this.#memory.queueOf(task).due.add(task);
    }
    this.#memory.requestAll();
    return others;
  }

  /** These tasks were created or changed by somebody else. */
  async changed(taskIds: readonly bigint[]): Promise<void> {
    for (const taskId of taskIds) {
      if (!this.#isMine(taskId)) continue;
      const task = this.#memory.discovery.tasks.get(taskId);
      if (task !== undefined) task.stale = true;
      this.#toRead.add(taskId);
    }
    await this.readDue();
  }

  /** The task goes on only after it was read anew. */
  markStale(task: ActiveTask): void {
    if (task.leaving) return;
    task.stale = true;
    this.#toRead.add(task.taskId);
  }

  /** True while tasks are read. */
  get reading(): boolean {
    return this.#reads > 0 || this.#reading !== undefined;
  }

  /** Reads every task that is to be read and has nothing under way. */
  async readDue(): Promise<void> {
    if (this.#toRead.size === 0) return;
    this.#reading ??= this.#readLoop().finally(() => (this.#reading = undefined));
    await this.#reading;
  }

  async #readLoop(): Promise<void> {
    const { discovery } = this.#memory;
    for (;;) {
      // notices that arrive together are read together
      await Promise.resolve();
      const ids = [...this.#toRead].filter(
        (taskId) => (discovery.tasks.get(taskId)?.inFlight ?? 0) === 0,
      );
      if (ids.length === 0) return;
      for (const taskId of ids) this.#toRead.delete(taskId);
      for (const taskId of ids) {
        const task = discovery.tasks.get(taskId);
        // one that came in after it was asked for: ends of its attempts wait until it is read
        if (task !== undefined) task.stale = true;
        discovery.remove(taskId);
        this.#elsewhere.delete(taskId);
      }
      try {
        this.#adopt(await this.#read({ taskIds: ids }));
      } catch (error) {
        for (const taskId of ids) this.#toRead.add(taskId);
        throw error;
      }
      this.#rejoin(new Set(ids));
      this.#sweep();
    }
  }

  /** Reads tasks; a connection that is lost meanwhile is opened anew. */
  async #read(which: WhichTasks): Promise<Adoption> {
    this.#reads++;
    try {
      return await this.#readUntilDone(which);
    } finally {
      this.#reads--;
    }
  }

  async #readUntilDone(which: WhichTasks): Promise<Adoption> {
    for (;;) {
      try {
        return await this.#session.run((client) => {
          const at = this.#clock.nowMicros();
          // tasks whose shard went meanwhile come back to leave when their attempts have ended
          const shards = which.taskIds?.map(shardOf) ?? this.#shards;
          return this.#memory.discovery.load(client, {
            ...which,
            shards: [...new Set(shards)],
            at,
          });
        });
      } catch (error) {
        if (!isTemporary(error)) throw error;
        this.#memory.signals.problem('load_repeated', { error });
        await sleep(AGAIN_MS);
      }
    }
  }

  /** Attempts that ran on while their task was read: still this engine's, or somebody else's by now. */
  #rejoin(taskIds: ReadonlySet<bigint>): void {
    const { discovery, attempts } = this.#memory;
    for (const attempt of attempts.values()) {
      const { stepId, token, task: old } = attempt;
      const task = discovery.tasks.get(old.taskId);
      if (task === old || !taskIds.has(old.taskId)) continue;
      if (task !== undefined && token !== undefined && discovery.stepTokens.get(stepId) === token) {
        attempt.task = task;
        task.attempts++;
        task.inputs ??= old.inputs;
        continue;
      }
      this.#memory.forget(attempt);
      attempt.controller.abort(new Error('the step was changed by somebody else'));
    }
  }

  #adopt({ adopted, changed, underWay, nextRunAt, refused }: Adoption): void {
    for (const task of adopted) {
      if (this.#isMine(task.taskId)) this.#memory.queueOf(task).due.add(task);
      else this.#leave(task);
    }
    for (const task of changed) this.markStale(task);
    for (const { taskId, reason } of refused) {
      this.#memory.signals.problem('task_refused', { taskId, reason });
    }
    for (const step of underWay) this.#adoptStep(step);
    this.#nextRunAt = Math.min(this.#nextRunAt, nextRunAt);
    this.#memory.requestAll();
  }

  /** A step in progress: this engine's own, that of one which is gone, or somebody else's business. */
  #adoptStep(step: Adoption['underWay'][number]): void {
    const { task, stepId, engine, engineLives } = step;
    if (task.leaving || this.#memory.attempts.has(stepId)) return;
    if (engine === this.#engineId || (engine !== undefined && !engineLives)) {
      this.#endOrphan(step);
      return;
    }
    const engines = this.#elsewhere.get(task.taskId) ?? [];
    this.#elsewhere.set(task.taskId, [...engines, engine]);
  }

  /** An attempt of an engine that is gone failed with it; the retry rules go on from there. */
  #endOrphan({ task, stepId, token }: Adoption['underWay'][number]): void {
    const { graph, tasks } = this.#memory.discovery;
    const step = graph.findStep(stepId);
    const row = graph.rowOf(step);
    if (tasks.get(task.taskId) !== task || row === undefined) return;
    const position = graph.positionOf(step);
    const attempt = newAttempt({
      task,
      stepId,
      position,
      template: stepTemplateOf(task, position) ?? unknownStep(stepId),
      row,
      claimedAt: this.#clock.nowMicros(),
    });
    attempt.token = token;
    this.#memory.enter(attempt);
    const error = new Error('The engine that ran the step is gone.');
    error.name = 'LeaseExpired';
    const failure = { ...describeFailure(error), errorCode: 'lease_expired', backtrace: [] };
    this.#memory.end(attempt, { kind: 'failed', failure, seconds: 0 });
  }
}
