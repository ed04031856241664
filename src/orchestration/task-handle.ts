import { taskFacts, type StepFacts, type TaskFacts } from '../database/engine/task-facts.ts';
import { readTaskEnd, type TaskEnd, type TaskEndStep } from '../database/engine/task-end.ts';
import type { Queries } from '../database/id-block.ts';
import { wholeTaskHistory, type TaskHistoryRow } from '../database/repositories/task-history.ts';
import { TaskerError } from '../errors.ts';
import { WORKFLOW_STATES, type StepState } from '../state-machine/states.ts';
import { DURATION_FORM, secondsOf, type Duration } from '../policies/duration.ts';
import { badOption } from '../policies/bad-option.ts';
import { explainTask, type TaskExplanation } from './explain-task.ts';

/** Options of {@link TaskHandle.result}. */
export interface ResultOptions {
  /** Longest wait: seconds, or text such as `10s`. The task goes on. Default: none. */
  readonly timeout?: Duration | undefined;
  /** Gives up waiting; the task goes on. */
  readonly signal?: AbortSignal | undefined;
}

/** A task as it is now. */
export interface TaskStatus extends Omit<TaskFacts, 'steps'> {
  /** Number of its steps by their state. */
  readonly steps: Readonly<Record<StepState, number>>;
}

/** Stored results by step name: of any name where the template does not say. */
export type TaskResults<Results> = unknown extends Results
  ? Readonly<Record<string, unknown>>
  : Results;

/** How a handle hears that its task may be over, and reads. */
export interface EndWatch {
  /** Calls back each time an engine of this process ends the task, until what it returns is called. */
  readonly watch: (taskId: bigint, wake: () => void) => () => void;
  readonly query: <T>(work: (client: Queries) => Promise<T>) => Promise<T>;
  /** URL of the database. */
  readonly url: () => string;
}

/** Milliseconds between two looks at a task that an engine elsewhere may end. */
const LOOK_MS = 500;

/** A task that was created. `Results` are what its template's steps store, by name. */
export class TaskHandle<Results = Readonly<Record<string, unknown>>> {
  readonly taskId: bigint;
  /** False for a task that was there already under the same identity. */
  readonly created: boolean;
  readonly correlationId: string | undefined;
  readonly #watch: EndWatch;

  /** @internal Use `Tasker.createTask` or `Tasker.task`. */
  constructor(
    task: { taskId: bigint; created: boolean; correlationId: string | undefined },
    watch: EndWatch,
  ) {
    this.taskId = task.taskId;
    this.created = task.created;
    this.correlationId = task.correlationId;
    this.#watch = watch;
  }

  /** The task's state now. One query. Errors: TASKER_UNKNOWN_TASK. */
  async state(): Promise<string> {
    return (await this.#watch.query((client) => readTaskEnd(client, this.taskId))).state;
  }

  /** What there is to say of the task now. Two statements, O(steps). Errors: TASKER_UNKNOWN_TASK. */
  async status(): Promise<TaskStatus> {
    const { steps, ...task } = await this.#watch.query((client) => taskFacts(client, this.taskId));
    const counts = Object.fromEntries(WORKFLOW_STATES.map((state) => [state, 0])) as Record<
      StepState,
      number
    >;
    for (const { state } of steps) counts[state]++;
    return { ...task, steps: counts };
  }

  /** Its steps now, in the order of their creation, results included. Errors: TASKER_UNKNOWN_TASK. */
  async steps(): Promise<readonly StepFacts[]> {
    return (await this.#watch.query((client) => taskFacts(client, this.taskId))).steps;
  }

  /**
   * Everything that the task and its steps went through, oldest first: rows of the transition log
   * with who did it and why. O(n log n) for n transitions. Errors: TASKER_UNKNOWN_TASK.
   */
  async history(): Promise<TaskHistoryRow[]> {
    return this.#watch.query((client) => wholeTaskHistory(client, this.taskId));
  }

  /** Why each step that is not over is not running, by the engine's rules. Errors: TASKER_UNKNOWN_TASK. */
  async explain(): Promise<TaskExplanation> {
    return explainTask(this.#watch.url(), this.taskId);
  }

  /**
   * Waits until the task is over, whichever engine runs it, and reads what its steps stored, by name.
   *
   * Errors: TASKER_TASK_FAILED where the task ended in error or was cancelled: it names the steps with
   * their attempts, the first one's failure is its cause, `data.steps` has all; TASKER_WAIT_TIMEOUT;
   * TASKER_UNKNOWN_TASK; TASKER_BAD_ARGUMENT for the timeout; the signal's reason.
   *
   * @example
   * const { charge } = await task.result({ timeout: '1m' });
   */
  async result({ timeout, signal }: ResultOptions = {}): Promise<Results> {
    const deadline = deadlineOf(timeout);
    let woken = Promise.withResolvers<void>();
    const wake = (): void => woken.resolve();
    const unwatch = this.#watch.watch(this.taskId, wake);
    signal?.addEventListener('abort', wake);
    try {
      for (;;) {
        signal?.throwIfAborted();
        // an end that comes while the state is read is not missed
        woken = Promise.withResolvers();
        const end = await this.#watch.query((client) => readTaskEnd(client, this.taskId));
        const { state, steps } = end;
        if (state === 'complete' || state === 'resolved_manually') {
          return Object.fromEntries(steps.map((step) => [step.name, step.results])) as Results;
        }
        if (state === 'error' || state === 'cancelled') throw failed(this.taskId, end);
        const left = deadline - performance.now();
        if (left <= 0) throw waitedTooLong(this.taskId, timeout);
        const timer = setTimeout(wake, Math.min(LOOK_MS, left));
        await woken.promise;
        clearTimeout(timer);
      }
    } finally {
      signal?.removeEventListener('abort', wake);
      unwatch();
    }
  }
}

/** When to give up, by `performance.now()`. */
function deadlineOf(timeout: Duration | undefined): number {
  if (timeout === undefined) return Infinity;
  const seconds = secondsOf(timeout);
  if (seconds === undefined) throw badOption('timeout', timeout, DURATION_FORM);
  return performance.now() + seconds * 1000;
}

function waitedTooLong(taskId: bigint, timeout: Duration | undefined): TaskerError {
  return new TaskerError('TASKER_WAIT_TIMEOUT', `Task ${taskId} is not over yet.`, {
    remedy: 'It goes on; see what it waits for with explain().',
    data: { taskId: String(taskId), timeout },
  });
}

function failed(taskId: bigint, { state, steps }: TaskEnd): TaskerError {
  const bad = steps.filter((step) => step.state === 'error' || step.state === 'cancelled');
  const failures = bad.map((step) => ({ ...step, ...failureOf(step) }));
  const texts = failures.map(({ name, state: of, attempts, error }) => {
    if (of === 'cancelled') return `${name} was cancelled`;
    const times = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
    return `${name} failed after ${times}${error === undefined ? '' : `: ${error}`}`;
  });
  const first = failures.find(({ error }) => error !== undefined);
  return new TaskerError(
    'TASKER_TASK_FAILED',
    `Task ${taskId} ended in state ${state}${texts.length === 0 ? '' : ` (${texts.join('; ')})`}.`,
    {
      remedy: 'See `tasker explain`; redrive it, or resolve the steps by hand.',
      cause: first?.cause,
      data: {
        taskId: String(taskId),
        state,
        steps: failures.map((step) => ({
          stepId: String(step.stepId),
          name: step.name,
          state: step.state,
          attempts: step.attempts,
          error: step.error,
          errorClass: step.errorClass,
          results: step.results,
        })),
      },
    },
  );
}

/** What a step's stored failure says. */
function failureOf({ state, results }: TaskEndStep): {
  error?: string;
  errorClass?: string;
  cause?: Error;
} {
  if (state !== 'error' || typeof results !== 'object' || results === null) return {};
  const { error, error_class: errorClass, backtrace } = results as Record<string, unknown>;
  if (typeof error !== 'string') return {};
  const cause = new Error(error);
  if (typeof errorClass !== 'string') return { error, cause };
  cause.name = errorClass;
  const lines = typeof backtrace === 'string' ? `\n${backtrace}` : '';
  cause.stack = `${errorClass}: ${error}${lines}`;
  return { error, errorClass, cause };
}
