import type { Queries } from '../database/id-block.ts';
import { readTaskEnd } from '../database/engine/task-end.ts';
import { TaskerError } from '../errors.ts';

/** A task that is over, with what its steps stored. */
export interface TaskResult {
  readonly taskId: bigint;
  readonly state: 'complete' | 'resolved_manually';
  /** Stored results by step name. */
  readonly results: Readonly<Record<string, unknown>>;
}

/** Options of {@link TaskHandle.result}. */
export interface ResultOptions {
  /** Gives up waiting; the task goes on. */
  readonly signal?: AbortSignal | undefined;
}

/** How a handle hears that its task may be over. */
export interface EndWatch {
  /** Calls back each time an engine of this process ends the task, until what it returns is called. */
  readonly watch: (taskId: bigint, wake: () => void) => () => void;
  readonly query: <T>(work: (client: Queries) => Promise<T>) => Promise<T>;
}

/** Milliseconds between two looks at a task that an engine elsewhere may end. */
const LOOK_MS = 500;

/** A task that was created. */
export class TaskHandle {
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

  /**
   * Waits until the task is over, whichever engine runs it, and reads what its steps stored.
   *
   * Errors: TASKER_TASK_FAILED (its failed and cancelled steps in `data`) where the task ended in
   * error or was cancelled; TASKER_UNKNOWN_TASK; the signal's reason.
   */
  async result({ signal }: ResultOptions = {}): Promise<TaskResult> {
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
          const results = Object.fromEntries(steps.map((step) => [step.name, step.results]));
          return { taskId: this.taskId, state, results };
        }
        if (state === 'error' || state === 'cancelled') throw failed(this.taskId, end);
        const timer = setTimeout(wake, LOOK_MS);
        await woken.promise;
        clearTimeout(timer);
      }
    } finally {
      signal?.removeEventListener('abort', wake);
      unwatch();
    }
  }
}

function failed(
  taskId: bigint,
  { state, steps }: Awaited<ReturnType<typeof readTaskEnd>>,
): TaskerError {
  const bad = steps.filter((step) => step.state === 'error' || step.state === 'cancelled');
  const names = bad.map((step) => `${step.name} (${step.state})`).join(', ');
  return new TaskerError(
    'TASKER_TASK_FAILED',
    `Task ${taskId} ended in state ${state}${names === '' ? '' : `: ${names}`}.`,
    {
      remedy: 'See `tasker explain`; redrive it, or resolve the steps by hand.',
      data: {
        taskId: String(taskId),
        state,
        steps: bad.map((step) => ({
          stepId: String(step.stepId),
          name: step.name,
          state: step.state,
          results: step.results,
        })),
      },
    },
  );
}
