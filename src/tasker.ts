import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

import { connect } from './database/connection.ts';
import { EngineDatabase } from './database/engine-database.ts';
import { databaseMicros } from './database/engine/engine-registry.ts';
import { EngineSession } from './database/engine/engine-session.ts';
import type { Queries } from './database/id-block.ts';
import { TaskerError } from './errors.ts';
import { EventMaintenance } from './events/event-maintenance.ts';
import { TaskerEvents } from './events/tasker-events.ts';
import type { TaskerOptions } from './options.ts';
import { DatabaseClock, type Clock } from './orchestration/clock.ts';
import { checkedOptions, type CheckedOptions } from './orchestration/checked-options.ts';
import { EndWatchers } from './orchestration/end-watchers.ts';
import { Engine } from './orchestration/engine.ts';
import { newTasksOf } from './orchestration/new-tasks.ts';
import { checkRetryPolicies } from './orchestration/step-retry-policy.ts';
import { TaskHandle, type EndWatch, type TaskResults } from './orchestration/task-handle.ts';
import { TaskInitializer } from './orchestration/task-initializer.ts';
import type { CreatedTask, CreateTaskOptions, TaskRequest } from './orchestration/task-request.ts';
import { isTemplateLike, templateFrom, type TemplateLike } from './templates/define-task.ts';
import type { TaskTemplate } from './templates/task-template.ts';
import { HandlerRegistry, type NamedHandler } from './templates/handler-registry.ts';
import { loadTemplates, type LoadTemplatesOptions } from './templates/load-templates.ts';
import { TemplateRegistry, type TemplateKey } from './templates/template-registry.ts';

/** Longest wait before an engine that lost its lease tries again to begin, ms. */
const LONGEST_RESTART_MS = 5000;

/** Sessions that create tasks: many tasks are spread over both. */
const CREATORS = 2;

/**
 * The engine as one object: register templates, start it, create tasks, wait for their results.
 *
 * Tasks can be created before `start` and after `stop`, and by programs that never start: they are
 * run by whichever engine of the fleet holds them. `start` and `stop` may be called twice, `stop`
 * before `start`; `await using` stops at the end of the block.
 */
export class Tasker implements AsyncDisposable {
  readonly templates = new TemplateRegistry();
  /** Handlers by the names that YAML templates call them. */
  readonly handlers = new HandlerRegistry();
  /** Publishes events and brings them to subscribers; may be used before `start` and after `stop`. */
  readonly events: TaskerEvents;
  readonly #options: CheckedOptions;
  readonly #database: EngineDatabase;
  readonly #ownClock: Clock | undefined;
  #creators: readonly EngineSession[];
  #initializer: Promise<TaskInitializer> | undefined;
  /** By database time: undefined where tasks have a time of their own. */
  readonly #maintenance: EventMaintenance | undefined;
  #engine: Engine | undefined;
  #publisherClock: Promise<Clock> | undefined;
  #starting: Promise<void> | undefined;
  /** Ends a start or a new beginning that is under way. */
  #stopping = new AbortController();
  #beginning: Promise<void> | undefined;
  readonly #watchers = new EndWatchers();

  /** Errors: TASKER_BAD_ARGUMENT names the option. */
  constructor(options?: TaskerOptions);
  /** @internal With a clock of another make, for the test kit. */
  constructor(options: TaskerOptions, clock: Clock);
  constructor(options: TaskerOptions = {}, clock?: Clock) {
    this.#options = checkedOptions(options);
    const { database, directory, migrate } = this.#options;
    this.#database = new EngineDatabase({ url: database, directory, migrate });
    this.#ownClock = clock;
    this.#creators = this.#newCreators();
    if (clock === undefined) this.#maintenance = this.#newMaintenance();
    const { maxEventBytes, publishing } = this.#options;
    this.events = new TaskerEvents({
      url: this.#database.url,
      maxEventBytes,
      ...publishing,
      clock: () => this.#engine?.clock ?? this.#knownClock(),
      problem: (event, facts) => this.#problem(event, facts),
    });
  }

  #newCreators(): EngineSession[] {
    const { url } = this.#database;
    const onError = (error: unknown): void => this.#problem('connection_lost', { error });
    const session = { url, applicationName: 'tasker-core creator', onError };
    return Array.from({ length: CREATORS }, () => new EngineSession(session));
  }

  #newMaintenance(): EventMaintenance {
    const { url } = this.#database;
    const { events } = this.#options;
    const onProblem = (event: string, facts: object): void => this.#problem(event, { ...facts });
    return new EventMaintenance({ ...events, url, onProblem });
  }

  /**
   * Registers templates, or the builders that make them; before `start`, since an engine's templates
   * are fixed while it runs.
   *
   * Errors: TASKER_DUPLICATE_TEMPLATE; TASKER_INVALID_TEMPLATE and TASKER_CYCLE name the steps;
   * TASKER_BAD_ARGUMENT once started.
   */
  register(...given: readonly TemplateLike[]): this {
    if (this.#starting !== undefined) {
      throw new TaskerError('TASKER_BAD_ARGUMENT', 'The engine has been started already.', {
        remedy: 'Register every template before start().',
      });
    }
    const templates = given.map(templateFrom);
    for (const template of templates) checkRetryPolicies(template);
    for (const template of templates) this.templates.register(template);
    return this;
  }

  /**
   * Registers a handler under the name that `handler_class` of a YAML template has: a function, an
   * object with `process`, a class of such objects, or the module and export that hold one, which a
   * step with `thread: true` needs, since a worker thread loads it by itself.
   *
   * Errors: TASKER_DUPLICATE_HANDLER; TASKER_BAD_ARGUMENT for something else.
   *
   * @example
   * tasker.registerHandler('Shop::Charge', async ({ context }) => charge(context));
   * tasker.registerHandler('Shop::Render', { module: import.meta.resolve('./render.js'), export: 'render' });
   */
  registerHandler(name: string, handler: NamedHandler): this {
    this.handlers.register(name, handler);
    return this;
  }

  /**
   * Loads templates from a YAML file, or from every one below a folder, with the registered handlers,
   * and registers them.
   *
   * Errors: those of `loadTemplates`, each with file and line, and of {@link register}.
   */
  async loadTemplates(
    path: string,
    options: Omit<LoadTemplatesOptions, 'handlers'> = {},
  ): Promise<TaskTemplate[]> {
    const templates = await loadTemplates(path, { ...options, handlers: this.handlers });
    this.register(...templates);
    return templates;
  }

  /**
   * URL of the database: the one that was given, or that of the embedded server while it is there.
   *
   * Errors: TASKER_NOT_STARTED.
   */
  get databaseUrl(): string {
    return this.#database.url();
  }

  /** @internal The engine that runs now; undefined before `start` and after `stop`. */
  get engine(): Engine | undefined {
    return this.#engine;
  }

  /**
   * Starts running tasks of the registered templates; first of all the embedded server, where no
   * database was given.
   *
   * Errors: TASKER_EMBEDDED_UNAVAILABLE; TASKER_DATABASE_UNREACHABLE; TASKER_SCHEMA_VERSION, TASKER_NOT_TASKER_DATABASE.
   */
  async start(): Promise<void> {
    if (this.#stopping.signal.aborted) this.#stopping = new AbortController();
    this.#starting ??= this.#startEngine(this.#stopping.signal);
    try {
      await this.#starting;
      if (this.#stopping.signal.aborted) return;
      this.#maintenance?.start();
      await this.events.startSubscribers();
    } catch (error) {
      this.#starting = undefined;
      throw error;
    }
  }

  async #startEngine(signal: AbortSignal): Promise<void> {
    await this.#database.open(signal);
    const engine = await Engine.start({
      ...this.#options,
      url: this.#database.url(),
      templates: this.templates.list(),
      version: packageVersion(),
      clock: this.#ownClock,
      told: this.events.told,
      signal,
      signals: {
        problem: (event, facts) => this.#problem(event, facts),
        taskEnded: (taskId) => this.#watchers.ended(taskId),
      },
    });
    this.#engine = engine;
    void this.#watchLease(engine, signal);
  }

  async #watchLease(engine: Engine, signal: AbortSignal): Promise<void> {
    await engine.lost;
    if (this.#engine === engine) this.#beginning = this.#startAgain(engine, signal);
  }

  /** The lease was over: a new life begins with what the database says, as soon as it can be reached. */
  async #startAgain(engine: Engine, signal: AbortSignal): Promise<void> {
    this.#problem('lease_lost', { engineId: engine.engineId });
    this.#engine = undefined;
    await engine.kill();
    for (let attempt = 0; ; attempt++) {
      if (signal.aborted) return;
      try {
        return await this.#startEngine(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#problem('restart_failed', { error });
        const wait = Math.min(100 * 2 ** attempt, LONGEST_RESTART_MS);
        await sleep(wait, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Waits for running handlers up to `drainSeconds`, stores everything and gives the tasks back. */
  async stop(): Promise<void> {
    this.#stopping.abort(new DOMException('The engine was stopped.', 'AbortError'));
    await this.#starting?.catch(() => undefined);
    this.#starting = undefined;
    await this.#beginning;
    const engine = this.#engine;
    this.#engine = undefined;
    await Promise.all([engine?.stop(this.#options.drainSeconds), this.#maintenance?.stop()]);
    await this.events.stop(this.#options.drainSeconds);
    const creators = this.#creators;
    this.#creators = this.#newCreators();
    this.#initializer = undefined;
    await Promise.all(creators.map((session) => session.stop()));
    await this.#database.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /**
   * Creates a task.
   *
   * Errors: TASKER_UNKNOWN_TEMPLATE, TASKER_INVALID_CONTEXT, TASKER_BAD_ARGUMENT naming the field,
   * TASKER_DUPLICATE_TASK where duplicates are refused.
   */
  async createTask<Context, Results = unknown>(
    template: TemplateLike<Context, Results> | TemplateKey,
    request: TaskRequest<Context>,
    options: CreateTaskOptions = {},
  ): Promise<TaskHandle<TaskResults<Results>>> {
    const known = this.#templateOf(template);
    const initializer = await this.#initializerOf();
    const task = await initializer.createTask(known, request, this.#withNotices(options));
    await this.#takeIn(known, [task], [request], options);
    return new TaskHandle(task, this.#watch());
  }

  /** Creates many tasks of one template; see `TaskInitializer.createTasks`. */
  async createTasks<Context, Results = unknown>(
    template: TemplateLike<Context, Results> | TemplateKey,
    requests: readonly TaskRequest<Context>[],
    options: CreateTaskOptions = {},
  ): Promise<TaskHandle<TaskResults<Results>>[]> {
    const known = this.#templateOf(template);
    const initializer = await this.#initializerOf();
    const tasks = await initializer.createTasks(known, requests, this.#withNotices(options));
    await this.#takeIn(known, tasks, requests, options);
    return tasks.map((task) => new TaskHandle(task, this.#watch()));
  }

  /**
   * Calls a handler for events of this process after they were committed; see {@link TaskerEvents.on}.
   *
   * @returns takes the handler out
   * @example
   * tasker.on('step.completed', (event) => console.log(event.step_name));
   */
  readonly on = ((...subscription: Parameters<TaskerEvents['on']>) =>
    this.events.on(...subscription)) as TaskerEvents['on'];

  /** A handle of a task that exists; nothing is looked up. */
  task(taskId: bigint): TaskHandle {
    return new TaskHandle({ taskId, created: false, correlationId: undefined }, this.#watch());
  }

  #templateOf(given: TemplateLike | TemplateKey): TaskTemplate {
    return isTemplateLike(given) ? templateFrom(given) : this.templates.get(given);
  }

  /** Nobody needs to be told of tasks that this engine takes in by itself. */
  #withNotices(options: CreateTaskOptions): CreateTaskOptions {
    const alone = this.#engine?.holdsAll === true && !isCallers(options);
    return { ...options, notify: options.notify ?? !alone };
  }

  async #takeIn(
    template: TaskTemplate,
    tasks: readonly CreatedTask[],
    requests: readonly TaskRequest[],
    options: CreateTaskOptions,
  ): Promise<void> {
    const engine = this.#engine;
    if (engine === undefined || isCallers(options) || options.notify === true) return;
    const { plain, others } = newTasksOf(template, tasks, requests, engine.clock.nowMicros());
    await engine.created(template, plain);
    if (others.length > 0) engine.changed(others);
  }

  async #initializerOf(): Promise<TaskInitializer> {
    this.#initializer ??= this.#newInitializer();
    try {
      return await this.#initializer;
    } catch (error) {
      this.#initializer = undefined;
      throw error;
    }
  }

  async #newInitializer(): Promise<TaskInitializer> {
    const sessions = this.#creators.map((session) => () => session.queries);
    const { fleet } = this.#options;
    return new TaskInitializer({ sessions, fleet, clock: await this.#clock() });
  }

  /** A clock that is kept: who publishes without an engine does not connect for every event. */
  async #knownClock(): Promise<Clock> {
    this.#publisherClock ??= this.#clock();
    try {
      return await this.#publisherClock;
    } catch (error) {
      this.#publisherClock = undefined;
      throw error;
    }
  }

  async #clock(): Promise<Clock> {
    const clock = this.#ownClock ?? this.#engine?.clock;
    if (clock !== undefined) return clock;
    const client = await connect(this.#database.url());
    try {
      return new DatabaseClock(await databaseMicros(client));
    } finally {
      await client.end();
    }
  }

  #watch(): EndWatch {
    return {
      url: this.#database.url,
      watch: (taskId, wake) => this.#watchers.watch(taskId, wake),
      query: async <T>(work: (client: Queries) => Promise<T>): Promise<T> =>
        work((this.#creators[0] as EngineSession).queries),
    };
  }

  #problem(event: string, facts: Readonly<Record<string, unknown>>): void {
    try {
      this.#options.logger.warn(logFacts(facts), event);
      this.#options.onProblem(event, facts);
    } catch {
      // who is told of problems may make none
    }
  }
}

/** Facts as a log line holds them: an error under the key that the log knows it by, ids as text. */
function logFacts({ error, ...facts }: Readonly<Record<string, unknown>>): object {
  const line: Record<string, unknown> = error === undefined ? {} : { err: error };
  for (const [key, value] of Object.entries(facts)) {
    line[key] = typeof value === 'bigint' ? String(value) : value;
  }
  return line;
}

const isCallers = ({ client, em }: CreateTaskOptions): boolean =>
  client !== undefined || em !== undefined;

function packageVersion(): string {
  const read = createRequire(import.meta.url);
  return (read('tasker-core/package.json') as { version: string }).version;
}
