import type { ActiveTask } from './active-task.ts';
import type { KeyedCircuitChange } from '../policies/circuit-breakers.ts';
import type { Attempt, AttemptEnd } from './attempt.ts';
import type { EngineEvents } from './engine-events.ts';
import type { ViableStepDiscovery } from './viable-step-discovery.ts';

/** What waits for a lane's next statement. */
export interface LaneQueue {
  /** Attempts whose ends are to be stored. */
  ended: Attempt[];
  /** Ids of ready steps, the one to run first at the end. */
  readonly ready: bigint[];
  /** Tasks whose own state may have to change. */
  readonly due: Set<ActiveTask>;
}

/** What an engine tells about itself, apart from what it stores. */
export interface EngineSignals {
  /** A task of this engine is over, and that is stored. */
  readonly taskEnded: (taskId: bigint, state: 'complete' | 'error') => void;
  /** The circuit of a key opened, half-opened or closed. */
  readonly circuitChanged?: (change: KeyedCircuitChange) => void;
  /** Brings what the engine stores, and what it is about to do, to subscribers. */
  readonly events?: EngineEvents | undefined;
  /** Something happened that somebody should know of: a lost race, a refused task, a failed statement. */
  readonly problem: (event: string, facts: Readonly<Record<string, unknown>>) => void;
}

/** What an engine has done since its start. */
export interface EngineCounts {
  completedSteps: number;
  failedAttempts: number;
  /** Moves that somebody else was quicker with. */
  lostMoves: number;
  endedTasks: number;
}

/**
 * What an engine holds in memory beside the graph: attempts, and what each lane has to write. It runs
 * ahead of the database by the statements under way.
 */
export class EngineMemory {
  readonly discovery: ViableStepDiscovery;
  /** Attempts by step id, from claim to stored end. */
  readonly attempts = new Map<bigint, Attempt>();
  readonly queues: readonly LaneQueue[];
  readonly counts: EngineCounts = {
    completedSteps: 0,
    failedAttempts: 0,
    lostMoves: 0,
    endedTasks: 0,
  };
  readonly signals: EngineSignals;
  /** Told of each attempt that is over, or was not made after all. */
  onForget: ((stepId: bigint) => void) | undefined;
  /** Asks a lane to write what is due. */
  readonly request: (lane: number) => void;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(
    discovery: ViableStepDiscovery,
    lanes: number,
    signals: EngineSignals,
    request: (lane: number) => void,
  ) {
    this.discovery = discovery;
    this.signals = signals;
    this.request = request;
    this.queues = Array.from({ length: lanes }, () => ({ ended: [], ready: [], due: new Set() }));
  }

  /** The queue of a task's lane. */
  queueOf(task: ActiveTask): LaneQueue {
    return this.queues[task.lane] as LaneQueue;
  }

  requestAll(): void {
    for (let lane = 0; lane < this.queues.length; lane++) this.request(lane);
  }

  /** True while an attempt is the one that memory knows of its step. */
  holds(attempt: Attempt): boolean {
    return this.attempts.get(attempt.stepId) === attempt;
  }

  enter(attempt: Attempt): void {
    this.attempts.set(attempt.stepId, attempt);
    attempt.task.attempts++;
  }

  forget(attempt: Attempt): void {
    if (!this.holds(attempt)) return;
    this.attempts.delete(attempt.stepId);
    attempt.task.attempts--;
    this.onForget?.(attempt.stepId);
    if (this.attempts.size > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  /** Resolves when every attempt has ended, and that is stored. */
  async idle(): Promise<void> {
    if (this.attempts.size === 0) return;
    this.#idle ??= Promise.withResolvers<void>();
    await this.#idle.promise;
  }

  /** An attempt ended; only the first end counts. */
  end(attempt: Attempt, end: AttemptEnd): void {
    if (attempt.end !== undefined) return;
    attempt.end = end;
    if (!this.holds(attempt)) return;
    this.queueOf(attempt.task).ended.push(attempt);
    this.request(attempt.task.lane);
  }

  /** True where nothing of the task is about to run: what its handlers are given may be forgotten. */
  isResting(task: ActiveTask): boolean {
    const { graph } = this.discovery;
    return (graph.status(graph.findTask(task.taskId))?.readySteps ?? 0) === 0;
  }

  /** Ids of a step's parents in its own task, with their positions there. */
  parentsOf({ stepId }: Attempt): (readonly [position: number, stepId: bigint])[] {
    const { graph } = this.discovery;
    return graph
      .parentsOf(graph.findStep(stepId))
      .map((parent) => [graph.positionOf(parent), graph.stepId(parent) as bigint] as const);
  }
}
