import { connect } from '../database/connection.ts';
import { taskEvents, type StoredEvent } from '../database/engine/task-events.ts';
import { taskSteps, type StoredStep } from '../database/engine/task-steps.ts';
import type { TestDatabase } from '../database/embedded/test-databases.ts';
import { quiet } from '../orchestration/quiet.ts';
import type { TaskHandle, TaskResults } from '../orchestration/task-handle.ts';
import type { CreateTaskOptions, TaskRequest } from '../orchestration/task-request.ts';
import type { VirtualClock } from '../orchestration/virtual-clock.ts';
import type { Tasker } from '../tasker.ts';
import type { TemplateLike } from '../templates/define-task.ts';
import { TestClock } from './test-clock.ts';

/** Something that the engine told of; see `onProblem` of its options. */
export interface TestProblem {
  readonly event: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What happened until nothing could run any more, since the report before or the start. */
export interface IdleReport {
  readonly completedSteps: number;
  readonly failedAttempts: number;
  /** Tasks that came to an end, `complete` or `error`. */
  readonly endedTasks: number;
  /** Instants that the clock was moved to and something ran at; how far it went in all. */
  readonly waits: number;
  readonly seconds: number;
  /** Tasks that go on only with help from outside: paused ones, for instance. */
  readonly unfinished: readonly bigint[];
}

/** Options of {@link TestTasker.runUntilIdle}. */
export interface RunOptions {
  /** Gives up waiting for handlers that do not return; the engine goes on. */
  readonly signal?: AbortSignal | undefined;
}

/** A task as it is stored. `Results` are the template's, by step name. */
export interface TaskView<Results = Readonly<Record<string, unknown>>> {
  readonly taskId: bigint;
  readonly state: string;
  readonly steps: {
    readonly [Name in keyof Results & string]: StoredStep & {
      readonly results: Results[Name] | null;
    };
  };
}

/** What a {@link TestTasker} is made of. */
interface Parts {
  readonly tasker: Tasker;
  readonly clock: VirtualClock;
  readonly database: TestDatabase;
  readonly problems: readonly TestProblem[];
}

/** An engine under test; see `createTestTasker`. Disposing of it drops its database. */
export class TestTasker implements AsyncDisposable {
  readonly tasker: Tasker;
  readonly clock: TestClock;
  /** URL of the database. */
  readonly url: string;
  /** What the engine told of, in order. */
  readonly problems: readonly TestProblem[];
  readonly #clock: VirtualClock;
  readonly #database: TestDatabase;
  #reported: { completedSteps: number; failedAttempts: number; endedTasks: number; at: number };

  /** @internal Use `createTestTasker`. */
  constructor({ tasker, clock, database, problems }: Parts) {
    this.tasker = tasker;
    this.clock = new TestClock(clock, tasker);
    this.url = database.url;
    this.problems = problems;
    this.#clock = clock;
    this.#database = database;
    const at = clock.nowMicros();
    this.#reported = { completedSteps: 0, failedAttempts: 0, endedTasks: 0, at };
  }

  /** As `Tasker.createTask`. */
  async createTask<Context, Results = unknown>(
    template: TemplateLike<Context, Results>,
    request: TaskRequest<Context>,
    options?: CreateTaskOptions,
  ): Promise<TaskHandle<TaskResults<Results>>> {
    return this.tasker.createTask(template, request, options);
  }

  /**
   * Runs every stored task as far as it goes, jumping over waits; what others have changed is read
   * first. Resolves when nothing can run without help from outside.
   *
   * Errors: the signal's reason.
   */
  async runUntilIdle({ signal }: RunOptions = {}): Promise<IdleReport> {
    const { coordinator } = this.tasker.engine ?? notStarted();
    const { counts, discovery } = coordinator.memory;
    const isQuiet = (): Promise<void> => orAborted(quiet(coordinator), signal);
    let waits = 0;
    await isQuiet();
    await coordinator.intake.changed([...discovery.tasks.keys()]);
    for (;;) {
      const { moves } = coordinator.written;
      await coordinator.intake.readAll();
      await isQuiet();
      while (this.#clock.nextAt < Infinity) {
        const { moves: before } = coordinator.written;
        this.#clock.jumpTo(this.#clock.nextAt);
        await isQuiet();
        if (coordinator.written.moves > before) waits++;
      }
      if (coordinator.written.moves === moves) break;
    }
    const before = this.#reported;
    this.#reported = { ...counts, at: this.#clock.nowMicros() };
    return {
      completedSteps: counts.completedSteps - before.completedSteps,
      failedAttempts: counts.failedAttempts - before.failedAttempts,
      endedTasks: counts.endedTasks - before.endedTasks,
      waits,
      seconds: (this.#reported.at - before.at) / 1e6,
      unfinished: [...discovery.tasks.keys()],
    };
  }

  /**
   * A task and its steps as they are stored; with its template, steps and results have its types.
   *
   * Errors: TASKER_UNKNOWN_TASK.
   */
  async inspect<Context, Results = Readonly<Record<string, unknown>>>(
    { taskId }: Pick<TaskHandle, 'taskId'>,
    _template?: TemplateLike<Context, Results>,
  ): Promise<TaskView<Results>> {
    const state = await this.tasker.task(taskId).state();
    const stored = await this.#query((client) => taskSteps(client, taskId));
    const steps = Object.fromEntries(stored.map((step) => [step.name, step]));
    return { taskId, state, steps: steps as TaskView<Results>['steps'] };
  }

  /** The events of a task in the order in which they were committed. */
  async events({ taskId }: Pick<TaskHandle, 'taskId'>): Promise<StoredEvent[]> {
    return this.#query((client) => taskEvents(client, taskId));
  }

  async #query<T>(read: (client: Awaited<ReturnType<typeof connect>>) => Promise<T>): Promise<T> {
    const client = await connect(this.url);
    try {
      return await read(client);
    } finally {
      await client.end();
    }
  }

  /** Stops the engine and drops the database. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.tasker.stop();
    await this.#database.drop();
  }
}

function notStarted(): never {
  throw new Error('The engine was stopped: there is nothing that could run.');
}

async function orAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
