import { once } from 'node:events';
import { hostname } from 'node:os';

import type { Logger } from 'pino';

import { SHARDS } from '../database/engine/active-tasks.ts';
import { connect } from '../database/connection.ts';
import {
  databaseMicros,
  engineApplicationName,
  enterEngine,
  goneEngines,
  leaveEngine,
} from '../database/engine/engine-registry.ts';
import { EngineSession } from '../database/engine/engine-session.ts';
import type { Queries } from '../database/id-block.ts';
import { requireTaskerSchema } from '../database/schema/schema-state.ts';
import { listenForTasks, notifyTasks } from '../database/engine/task-notices.ts';
import { storeTemplates, type StoredTemplate } from '../database/engine/template-catalog.ts';
import { TaskerError } from '../errors.ts';
import { EventNotices } from '../events/event-notices.ts';
import type { ToldEvents } from '../events/told-events.ts';
import { annotateRun } from './annotate-run.ts';
import type { Attempt, AttemptEnd } from './attempt.ts';
import { Admission } from './admission.ts';
import type { KeyedCircuitChange } from '../policies/circuit-breakers.ts';
import type { ConcurrencyOptions, TaskerOptions } from '../options.ts';
import { DatabaseClock, type Clock } from './clock.ts';
import type { GroupCommit } from './coordinator-options.ts';
import { Coordinator } from './coordinator.ts';
import { EngineEvents } from './engine-events.ts';
import type { EngineSignals } from './engine-memory.ts';
import { describeFailure } from '../policies/failure.ts';
import { HandlerThreads } from './handler-threads.ts';
import { runHandler, type HandlerCounts } from './run-handler.ts';
import { ShardHolder } from './shard-holder.ts';
import { checkRetryPolicies } from './step-retry-policy.ts';
import type { NewTask } from './task-intake.ts';
import type { TaskTemplate } from '../templates/task-template.ts';
import type { UnsignalledInvocation } from './run-handler.ts';

/** What an engine is made of; see `TaskerOptions` for the meaning of each. */
export interface EngineOptions {
  readonly url: string;
  readonly version: string;
  readonly concurrency: ConcurrencyOptions;
  readonly circuitBreakers: TaskerOptions['circuitBreakers'];
  readonly lanes: number;
  readonly fleet: string;
  readonly leaseSeconds: number;
  readonly groupCommit: GroupCommit;
  readonly pollSeconds: number;
  /** Seconds between two rounds of verification; undefined for none. */
  readonly verifySeconds: number | undefined;
  readonly threads: number | undefined;
  readonly threadHeapMegabytes: number | undefined;
  readonly stepTimeoutSeconds: number | undefined;
  readonly maxResultBytes: number | undefined;
  readonly templates: readonly TaskTemplate[];
  /** What handlers' logs are children of. */
  readonly logger: Logger;
  readonly signals: EngineSignals;
  /** Where subscribers of this process are told of events. */
  readonly told: ToldEvents;
  /** Tells the time of tasks; default the database's. Leases and timeouts go by real time. */
  readonly clock?: Clock | undefined;
  /** Gives up the start. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * One life of an engine: from its row in `tasker_core_engines` to the end of its lease. It holds its
 * shards, hears of tasks that others created or changed, and runs its coordinator.
 */
export class Engine {
  readonly engineId: bigint;
  readonly clock: Clock;
  readonly coordinator: Coordinator;
  readonly stored: ReadonlyMap<TaskTemplate, StoredTemplate<TaskTemplate>>;
  readonly admission: Admission;
  readonly handlers: HandlerCounts = { abandoned: 0, late: 0 };
  readonly #options: EngineOptions;
  readonly #threads: HandlerThreads;
  readonly #notices: EventNotices;
  readonly #events: EngineEvents;
  readonly #holder: ShardHolder;
  readonly #control: EngineSession;
  readonly #reader: EngineSession;
  readonly #loader: EngineSession;
  #poll: NodeJS.Timeout | undefined;
  readonly #lost = Promise.withResolvers<void>();

  /** Enters the engine in the database and takes its part of the shards. */
  static async start(options: EngineOptions): Promise<Engine> {
    const client = await connect(options.url);
    try {
      const state = await requireTaskerSchema(client);
      if (state.kind !== 'tasker' || state.pending.length > 0) {
        throw new TaskerError(
          'TASKER_SCHEMA_VERSION',
          'The database lacks migrations that the engine needs.',
          { remedy: 'Run `tasker migrate`.' },
        );
      }
      const clock = options.clock ?? new DatabaseClock(await databaseMicros(client));
      for (const template of options.templates) checkRetryPolicies(template);
      const templates = await storeTemplates(client, options.templates, clock.nowMicros());
      const stored = new Map(templates.map((each) => [each.template, each]));
      const engineId = await enterEngine(client, descriptionOf(options), options.leaseSeconds);
      const engine = new Engine(options, engineId, clock, stored);
      // a stop that comes while tasks are still being taken in claims nothing more, either
      const drain = (): void => engine.coordinator.drain();
      options.signal?.addEventListener('abort', drain, { once: true });
      try {
        await engine.#beginUnless(options.signal);
      } catch (error) {
        await leaveEngine(client, engineId).catch(() => undefined);
        throw error;
      }
      return engine;
    } finally {
      await client.end();
    }
  }

  private constructor(
    options: EngineOptions,
    engineId: bigint,
    clock: Clock,
    stored: ReadonlyMap<TaskTemplate, StoredTemplate<TaskTemplate>>,
  ) {
    this.#options = options;
    const { threads, threadHeapMegabytes: heapMegabytes } = options;
    this.#threads = new HandlerThreads({ threads, heapMegabytes });
    this.engineId = engineId;
    this.clock = clock;
    this.stored = stored;
    const { url, lanes, concurrency, circuitBreakers, leaseSeconds, fleet, told } = options;
    this.#notices = new EventNotices(() => this.#reader.queries, options.signals.problem);
    this.#events = new EngineEvents({ told, stored: () => this.#notices.stored() });
    const signals = this.#events.observing(options.signals, clock);
    const onChange = (change: KeyedCircuitChange): void => signals.circuitChanged?.(change);
    this.admission = new Admission({
      clock,
      concurrency,
      circuitBreakers: { ...circuitBreakers, onChange },
    });
    const applicationName = engineApplicationName(engineId);
    const onError = (error: unknown): void => signals.problem('connection_lost', { error });
    const onConnect = (client: Queries, signal: AbortSignal): Promise<void> =>
      this.#requireLease(client, signal);
    const session = { url, applicationName, onError, onConnect };
    this.#reader = new EngineSession(session);
    this.#loader = new EngineSession(session);
    this.coordinator = new Coordinator({
      clock,
      engineId,
      fleet,
      url,
      applicationName,
      onConnect,
      groupCommit: options.groupCommit,
      lanes,
      concurrency: () => this.admission.limit.current,
      templates: new Map([...stored.values()].map((each) => [each.namedTaskId, each.template])),
      reader: this.#reader,
      loader: this.#loader,
      run: (attempt, invocation) => this.#run(attempt, invocation),
      holdBack: (template, stepId) => this.admission.holdBack(template, stepId),
      forgotten: (stepId) => this.admission.released(stepId),
      annotate: (task) => {
        const { executor } = this.coordinator;
        return annotateRun({ queries: this.#reader.queries, executor, clock }, task);
      },
      left: (taskIds) => void this.#tell(taskIds),
      signals,
    });
    this.#control = new EngineSession({
      ...session,
      onConnect: async (client, signal) => {
        await onConnect(client, signal);
        this.#holder.sessionLost();
        await listenForTasks(client, (taskIds) => this.changed(taskIds));
      },
      onLost: () => this.#holder.wake(),
    });
    const { intake } = this.coordinator;
    this.#holder = new ShardHolder({
      session: this.#control,
      engineId,
      fleet,
      templates: descriptionOf(options).templates,
      leaseSeconds,
      clock: clock instanceof DatabaseClock ? clock : undefined,
      changed: async (shards, anew) => {
        intake.setShards(shards);
        await (anew ? intake.readAnew() : intake.readAll());
      },
      released: (shard) => intake.released(shard),
      watched: () => intake.enginesElsewhere,
      gone: (engines) => intake.enginesGone(engines),
      now: () => clock.nowMicros(),
      expired: (events) => this.#events.committed(events),
      lost: () => this.#lost.resolve(),
      problem: signals.problem,
    });
  }

  /** Resolves when others have taken the engine's tasks over: its life is at an end. */
  get lost(): Promise<void> {
    return this.#lost.promise;
  }

  /** The shards held now. */
  get shards(): readonly number[] {
    return this.#holder.held;
  }

  /** A start that fails or is given up leaves nothing behind. */
  async #beginUnless(signal: AbortSignal | undefined): Promise<void> {
    const givenUp = Promise.withResolvers<never>();
    const giveUp = (): void => givenUp.reject(signal?.reason as Error);
    if (signal?.aborted === true) giveUp();
    signal?.addEventListener('abort', giveUp, { once: true });
    const begun = this.#begin();
    begun.catch(() => undefined);
    try {
      await Promise.race([begun, this.lost, givenUp.promise]);
    } catch (error) {
      await this.kill();
      throw error;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  async #begin(): Promise<void> {
    this.admission.start();
    // each of them is needed for the first step
    await Promise.all([
      this.#holder.start(),
      this.#loader.client(),
      this.coordinator.start(),
      this.#reader.client(),
    ]);
    this.#poll = setInterval(() => {
      this.coordinator.intake
        .readAll()
        .catch((error: unknown) => this.#options.signals.problem('load_failed', { error }));
    }, this.#options.pollSeconds * 1000);
    this.#poll.unref();
    const { verifySeconds } = this.#options;
    if (verifySeconds !== undefined) this.coordinator.verification.start(verifySeconds);
  }

  /** True where this engine holds every shard: nobody else needs to hear of new tasks. */
  get holdsAll(): boolean {
    return this.#holder.held.length === SHARDS;
  }

  /** Takes tasks in that this process has just created; the engines of other shards are told. */
  async created(template: TaskTemplate, tasks: readonly NewTask[]): Promise<void> {
    const stored = this.stored.get(template);
    if (stored === undefined) return;
    const others = this.coordinator.intake.created(stored, tasks);
    if (others.length > 0) await this.#tell(others);
  }

  /** Tells the other engines of tasks that are to be read. */
  async #tell(taskIds: readonly bigint[]): Promise<void> {
    try {
      await notifyTasks(this.#reader.queries, taskIds);
    } catch (error) {
      this.#options.signals.problem('notice_failed', { error });
    }
  }

  /** Somebody created or changed these tasks. */
  changed(taskIds: readonly bigint[]): void {
    this.coordinator.intake
      .changed(taskIds)
      .catch((error: unknown) => this.#options.signals.problem('load_failed', { error }));
  }

  /**
   * Claims nothing more, waits for what runs, aborts what runs too long, stores all ends and gives
   * the shards back. Where the database cannot be reached for as long as a lease lasts, the tasks are
   * left to be taken over.
   */
  async stop(drainSeconds: number): Promise<void> {
    clearInterval(this.#poll);
    const { coordinator } = this;
    coordinator.drain();
    const over = this.#lost.promise.then(() => false);
    await within<unknown>(drainSeconds, [coordinator.memory.idle(), over]);
    const error = new Error('The engine stopped before the step was done.');
    error.name = 'EngineStopped';
    coordinator.abandon(error);
    const stored = coordinator.memory.idle().then(() => coordinator.stop());
    const done = stored.then(() => this.#holder.stop()).then(() => true);
    done.catch(() => undefined);
    if ((await within(this.#options.leaseSeconds, [done, over])) !== true) {
      this.#options.signals.problem('stopped_unstored', { engineId: this.engineId });
      return this.kill();
    }
    await this.#end();
  }

  /** Ends at once, without storing anything more: the tasks are somebody else's. */
  async kill(): Promise<void> {
    clearInterval(this.#poll);
    await this.coordinator.kill(new Error('another engine has taken the task over'));
    await this.#end();
    await this.#holder.abandon();
  }

  /** A session after the end of the lease could write what is somebody else's: it is not to be used. */
  async #requireLease(client: Queries, signal: AbortSignal): Promise<void> {
    if ((await goneEngines(client, [this.engineId])).size === 0) return;
    this.#lost.resolve();
    if (!signal.aborted) await once(signal, 'abort');
    signal.throwIfAborted();
  }

  async #end(): Promise<void> {
    this.admission.stop();
    this.#notices.stop();
    await this.coordinator.verification.stop();
    const sessions = [this.#control, this.#reader, this.#loader];
    await Promise.all([this.#threads, ...sessions].map((each) => each.stop()));
  }

  async #run(attempt: Attempt, invocation: UnsignalledInvocation): Promise<AttemptEnd> {
    const { stepTimeoutSeconds, maxResultBytes } = this.#options;
    const { handler, thread, timeoutSeconds = stepTimeoutSeconds } = attempt.template;
    const { signal } = attempt.controller;
    const options = { timeoutSeconds, maxResultBytes, signal, log: this.#options.logger };
    this.#events.handling(attempt, this.clock.nowMicros());
    const outcome = await (thread === undefined
      ? runHandler(handler, invocation, { ...options, counts: this.handlers })
      : this.#threads.run(thread, invocation, options));
    const seconds = outcome.durationSeconds;
    if (outcome.kind === 'aborted') {
      this.admission.released(attempt.stepId);
      return { kind: 'failed', failure: describeFailure(outcome.reason), seconds };
    }
    const end: AttemptEnd =
      outcome.kind === 'completed'
        ? { kind: 'completed', results: outcome.results, seconds }
        : { kind: 'failed', failure: outcome.failure, seconds };
    this.admission.ended(attempt.stepId, attempt.template, end);
    return end;
  }
}

/** What the first of some promises says; undefined when the time is over before. */
async function within<T>(seconds: number, promises: Promise<T>[]): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), seconds * 1000);
  });
  try {
    return await Promise.race([...promises, over]);
  } finally {
    clearTimeout(timer);
  }
}

function descriptionOf({ fleet, version, templates }: EngineOptions): {
  fleet: string;
  host: string;
  processId: number;
  version: string;
  templates: string[];
} {
  const names = templates.map((each) => `${each.namespace}/${each.name}@${each.version}`);
  return { fleet, version, host: hostname(), processId: process.pid, templates: names.toSorted() };
}
