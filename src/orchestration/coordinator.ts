import { TransitionLane } from '../database/engine/transition-lane.ts';
import {
  TransitionLog,
  type MoveOutcome,
  type PreparedMoves,
} from '../database/engine/transition-log.ts';
import { STATE_CODES } from '../graph/snapshot/state-codes.ts';
import { stepTemplateOf, unknownStep, type ActiveTask } from './active-task.ts';
import { newAttempt, type Attempt } from './attempt.ts';
import { endOfAttempt } from './attempt-end.ts';
import type { CoordinatorOptions } from './coordinator-options.ts';
import { EngineMemory, type LaneQueue } from './engine-memory.ts';
import { describeFailure } from '../policies/failure.ts';
import { EngineBatch } from './move-batch.ts';
import { MoveMetadata } from './move-metadata.ts';
import { PermanentError } from '../policies/step-errors.ts';
import { SessionLane } from './session-lane.ts';
import { StepExecutor } from './step-executor.ts';
import { verdictOf } from './task-finalizer.ts';
import { TaskIntake } from './task-intake.ts';
import { Verification } from './verification.ts';
import { ViableStepDiscovery } from './viable-step-discovery.ts';
import { WakeTimer } from './wake-timer.ts';

/**
 * Drives the tasks of one engine: takes ready steps from the resident graph, claims them, runs their
 * handlers and stores how they ended, with the claims of what became ready by it in the same
 * statement. What is in memory runs ahead of what is stored by the statements under way; where the
 * two part, the task is read anew.
 */
export class Coordinator {
  readonly memory: EngineMemory;
  readonly executor: StepExecutor;
  readonly intake: TaskIntake;
  readonly verification: Verification;
  readonly lanes: readonly TransitionLane<EngineBatch>[];
  readonly #options: CoordinatorOptions;
  readonly #metadata: MoveMetadata;
  readonly #timer: WakeTimer;
  /** Steps held back, by the instant at which they may be tried again. */
  readonly #held = new Map<bigint, number>();
  readonly #taken = new Float64Array(1);
  #claiming = true;
  /** Why no handler is to run any more. */
  #abandoned: Error | undefined;

  constructor(options: CoordinatorOptions) {
    const { clock, fleet, lanes, loader, reader, templates, signals } = options;
    this.#options = options;
    this.#metadata = new MoveMetadata(options.engineId);
    const discovery = new ViableStepDiscovery(clock.nowMicros(), fleet, lanes, templates);
    this.memory = new EngineMemory(discovery, lanes, signals, (lane) =>
      this.lanes[lane]?.request(),
    );
    this.memory.onForget = options.forgotten;
    const session = new SessionLane(() => loader.client());
    this.intake = new TaskIntake(this.memory, options.engineId, session, clock, options.left);
    this.verification = new Verification(this.memory, this.intake, session);
    this.executor = new StepExecutor({
      run: options.run,
      reader: reader.queries,
      parentsOf: (attempt) => this.memory.parentsOf(attempt),
      ended: (attempt, end) => this.memory.end(attempt, end),
    });
    this.#timer = new WakeTimer(clock, () => this.#wake());
    const log = new TransitionLog();
    this.lanes = this.memory.queues.map((_, lane) => this.#newLane(lane, log));
  }

  #newLane(lane: number, log: TransitionLog): TransitionLane<EngineBatch> {
    const { url, applicationName, onConnect, signals, groupCommit } = this.#options;
    const onError = (error: unknown): void => signals.problem('connection_lost', { lane, error });
    const { waitMs } = groupCommit;
    const session = { url, applicationName, onConnect, onError, waitMs };
    return new TransitionLane<EngineBatch>(session, log, {
      collect: () => this.#collect(lane),
      settled: (batch, outcome, prepared) => this.#settled(batch, outcome, prepared),
      refused: (batch, error) => this.#refused(batch, error),
    });
  }

  /** Statements and moves of all lanes so far. */
  get written(): { readonly statements: number; readonly moves: number } {
    const sum = (field: 'statements' | 'moves'): number =>
      this.lanes.reduce((total, lane) => total + lane[field], 0);
    return { statements: sum('statements'), moves: sum('moves') };
  }

  async start(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.start()));
  }

  /** Stops claiming; what runs goes on. */
  drain(): void {
    this.#claiming = false;
  }

  /** Aborts the attempts that still run; they are stored as failed, to be tried again. */
  abandon(reason: Error): void {
    this.#abandoned = reason;
    for (const attempt of this.memory.attempts.values()) {
      if (attempt.token !== undefined) this.#abort(attempt, reason);
    }
  }

  #abort(attempt: Attempt, reason: Error): void {
    if (attempt.end !== undefined) return;
    attempt.controller.abort(reason);
    this.memory.end(attempt, { kind: 'failed', failure: describeFailure(reason), seconds: 0 });
  }

  /** Stores what is due and closes the lanes. Idempotent. */
  async stop(): Promise<void> {
    this.#claiming = false;
    this.#timer.set(Infinity);
    await Promise.all(this.lanes.map((lane) => lane.stop()));
  }

  /** Closes the lanes at once: what is under way is somebody else's business. */
  async kill(reason: Error): Promise<void> {
    this.#claiming = false;
    this.#timer.set(Infinity);
    for (const attempt of this.memory.attempts.values()) attempt.controller.abort(reason);
    await Promise.all(this.lanes.map((lane) => lane.abort()));
  }

  #wake(): void {
    const now = this.#options.clock.nowMicros();
    for (const [stepId, until] of this.#held) {
      if (until > now) continue;
      this.#held.delete(stepId);
      const task = this.memory.discovery.taskOfStep(stepId);
      if (task !== undefined) this.memory.queueOf(task).ready.push(stepId);
    }
    if (this.intake.nextRunAt <= now && this.#claiming) {
      this.intake.readAll().catch((error: unknown) => {
        this.#options.signals.problem('load_failed', { error });
      });
    }
    this.memory.requestAll();
  }

  #collect(lane: number): EngineBatch {
    const queue = this.memory.queues[lane] as LaneQueue;
    const batch = new EngineBatch(this.#options.clock.nowMicros());
    this.memory.discovery.graph.advance(batch.at);
    const { ended } = queue;
    queue.ended = [];
    for (const attempt of ended) {
      if (!this.memory.holds(attempt)) continue;
      const full =
        batch.steps.length >=
        (attempt.alone || batch.alone ? 1 : this.#options.groupCommit.maxSteps);
      const waits = full || attempt.task.stale;
      if (waits) queue.ended.push(attempt);
      else this.#addEnd(batch, attempt);
      batch.alone ||= attempt.alone && !waits;
    }
    for (const task of queue.due) {
      queue.due.delete(task);
      this.#addVerdict(batch, task);
    }
    if (this.#claiming && !batch.alone) this.#addClaims(batch, lane);
    if (batch.alone || batch.steps.length >= this.#options.groupCommit.maxSteps)
      this.memory.request(lane);
    this.#setTimer();
    this.#options.signals.events?.collected(batch);
    return batch;
  }

  #setTimer(): void {
    let next = Math.min(this.memory.discovery.graph.nextDueAt(), this.intake.nextRunAt);
    for (const until of this.#held.values()) next = Math.min(next, until);
    this.#timer.set(next);
  }

  /** Stores how an attempt ended, and changes the graph as if that were stored already. */
  #addEnd(batch: EngineBatch, attempt: Attempt): void {
    const { graph } = this.memory.discovery;
    const { task, stepId, token, end } = attempt;
    const step = graph.findStep(stepId);
    if (end === undefined || token === undefined || step === -1) return this.memory.forget(attempt);
    const { move, change } = endOfAttempt(attempt, end, batch.at, this.#metadata);
    batch.addStep({ kind: 'end', attempt }, { ...move, stepId, taskId: task.taskId, token });
    if (change === undefined) graph.complete(step);
    else graph.change(step, change);
    this.#addVerdict(batch, task);
  }

  /** Ends the task where its steps say so; one that has not begun begins first. */
  #addVerdict(batch: EngineBatch, task: ActiveTask): void {
    const { graph } = this.memory.discovery;
    const status = graph.status(graph.findTask(task.taskId));
    if (task.moving || task.stale || task.leaving || status === undefined) return;
    const verdict = verdictOf(status);
    if (verdict.kind === 'active') return;
    if (task.state === 'pending') return this.#addStart(batch, task);
    if (task.template.hooks.updateAnnotations !== undefined && !task.annotated) {
      // the hook sees what is stored
      if (task.attempts === 0) void this.#annotate(task);
      return;
    }
    const { taskId, token } = task;
    batch.addTask(task, {
      taskId,
      from: 'in_progress',
      to: verdict.kind === 'complete' ? 'complete' : 'error',
      token,
      dependent: true,
      metadata: this.#metadata.task(
        task,
        verdict.kind === 'blocked' ? { reason: verdict.reason } : {},
      ),
    });
  }

  #addStart(batch: EngineBatch, task: ActiveTask): void {
    const { taskId, token } = task;
    const metadata = this.#metadata.task(task);
    batch.addTask(task, { taskId, from: 'pending', to: 'in_progress', token, metadata });
  }

  async #annotate(task: ActiveTask): Promise<void> {
    task.moving = true;
    try {
      await this.#options.annotate(task);
    } catch (error) {
      this.#options.signals.problem('annotations_failed', { taskId: task.taskId, error });
    }
    task.annotated = true;
    task.moving = false;
    this.memory.queueOf(task).due.add(task);
    this.memory.request(task.lane);
    this.intake.settled();
  }

  #addClaims(batch: EngineBatch, lane: number): void {
    const { attempts, discovery } = this.memory;
    const limit = this.#options.concurrency();
    while (attempts.size < limit && batch.steps.length < this.#options.groupCommit.maxSteps) {
      const stepId = this.#nextReady(lane);
      if (stepId === undefined) return;
      const step = discovery.graph.findStep(stepId);
      const task = discovery.taskOfStep(stepId);
      if (task === undefined || !discovery.graph.isReady(step)) continue;
      // read anew before it goes on, when it is resumed, by its next engine
      if (task.stale || task.paused || task.leaving) continue;
      this.#addClaim(batch, task, stepId, step);
    }
  }

  #addClaim(batch: EngineBatch, task: ActiveTask, stepId: bigint, step: number): void {
    const { graph, stepTokens } = this.memory.discovery;
    const row = graph.rowOf(step);
    if (row === undefined) return;
    const position = graph.positionOf(step);
    const template = stepTemplateOf(task, position) ?? unknownStep(stepId);
    const until = this.#options.holdBack(template, stepId);
    if (until !== undefined) {
      this.#held.set(stepId, until);
      return;
    }
    const attempt = newAttempt({ task, stepId, position, template, row, claimedAt: batch.at });
    this.memory.enter(attempt);
    if (task.state === 'pending' && !task.moving) this.#addStart(batch, task);
    batch.addStep(
      { kind: 'claim', attempt },
      {
        stepId,
        taskId: task.taskId,
        from: row.state === STATE_CODES.error ? 'error' : 'pending',
        to: 'in_progress',
        token: stepTokens.get(stepId),
        // the resident graph has seen every parent done, or this statement finishes them
        guarded: false,
        dependent: true,
        metadata: this.#metadata.claim(attempt),
      },
    );
    graph.start(step);
  }

  /** The ready step that should run first among those of a lane. */
  #nextReady(lane: number): bigint | undefined {
    const own = (this.memory.queues[lane] as LaneQueue).ready.pop();
    if (own !== undefined) return own;
    const { graph } = this.memory.discovery;
    return graph.takeReady(this.#taken, 1, lane) === 0
      ? undefined
      : graph.stepId(this.#taken[0] as number);
  }

  #settled(batch: EngineBatch, outcome: MoveOutcome, prepared: PreparedMoves): void {
    // before anything that follows from it is told of
    this.#options.signals.events?.settled(batch, outcome, prepared);
    for (const [at, task] of batch.taskParts.entries()) {
      this.#taskSettled(task, batch.tasks[at]?.to, outcome.tasks[at]);
    }
    for (const [at, { kind, attempt }] of batch.stepParts.entries()) {
      const id = outcome.steps[at];
      attempt.task.inFlight--;
      if (id === undefined) this.#lostStep(attempt, kind);
      else if (kind === 'claim') this.#claimed(attempt, id);
      else this.#stored(attempt, id);
    }
    this.intake.settled();
    this.memory.requestAll();
  }

  #taskSettled(task: ActiveTask, to: string | undefined, id: bigint | undefined): void {
    task.inFlight--;
    task.moving = false;
    if (id === undefined) {
      this.memory.counts.lostMoves++;
      this.#options.signals.problem('lost_task_move', { taskId: task.taskId, to });
      this.intake.markStale(task);
      return;
    }
    task.token = id;
    if (to === 'in_progress') {
      task.state = 'in_progress';
      this.memory.queueOf(task).due.add(task);
      return;
    }
    this.memory.counts.endedTasks++;
    this.memory.discovery.remove(task.taskId);
    this.#options.signals.taskEnded(task.taskId, to === 'complete' ? 'complete' : 'error');
  }

  #claimed(attempt: Attempt, token: bigint): void {
    attempt.token = token;
    this.memory.discovery.stepTokens.set(attempt.stepId, token);
    if (this.#abandoned !== undefined) this.#abort(attempt, this.#abandoned);
    else if (this.memory.holds(attempt)) this.executor.start(attempt);
  }

  #stored(attempt: Attempt, id: bigint): void {
    const { task, stepId, end } = attempt;
    const { discovery, counts } = this.memory;
    this.memory.forget(attempt);
    task.inputs?.newResults.set(stepId, attempt.stored);
    if (end?.kind === 'completed') {
      counts.completedSteps++;
      discovery.stepTokens.delete(stepId);
      if (task.template.hooks.updateAnnotations !== undefined) {
        this.memory.queueOf(task).due.add(task);
      }
    } else {
      counts.failedAttempts++;
      if (discovery.tasks.get(task.taskId) === task) discovery.stepTokens.set(stepId, id);
    }
    if (task.attempts === 0 && this.memory.isResting(task)) task.inputs = undefined;
  }

  #lostStep(attempt: Attempt, kind: 'claim' | 'end'): void {
    this.memory.counts.lostMoves++;
    this.#options.signals.problem('lost_step_move', { stepId: attempt.stepId, kind });
    this.memory.forget(attempt);
    this.intake.markStale(attempt.task);
  }

  /**
   * The server refuses a statement for what it carries. Its tasks are read anew; ends are stored one
   * by one, and what cannot be stored even so becomes a failure.
   */
  #refused(batch: EngineBatch, error: unknown): void {
    this.#options.signals.problem('statement_refused', { moves: batch.steps.length, error });
    for (const { kind, attempt } of batch.stepParts) {
      attempt.task.inFlight--;
      this.intake.markStale(attempt.task);
      if (kind === 'claim') this.memory.forget(attempt);
      else this.#storeAgain(attempt, error);
    }
    for (const task of batch.taskParts) {
      task.inFlight--;
      task.moving = false;
      this.intake.markStale(task);
    }
    this.intake.settled();
  }

  #storeAgain(attempt: Attempt, error: unknown): void {
    if (attempt.alone && attempt.end !== undefined) {
      const failure = new PermanentError(`The results cannot be stored: ${String(error)}`);
      attempt.end = { ...attempt.end, kind: 'failed', failure: describeFailure(failure) };
    }
    attempt.alone = true;
    this.memory.queueOf(attempt.task).ended.push(attempt);
  }
}
