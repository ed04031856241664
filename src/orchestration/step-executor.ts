import { setTimeout as sleep } from 'node:timers/promises';

import { readTaskInputs } from '../database/engine/active-tasks.ts';
import { isTemporary } from '../database/engine/engine-session.ts';
import type { Queries } from '../database/id-block.ts';
import type { ActiveTask, TaskInputs } from './active-task.ts';
import type { Attempt, AttemptEnd } from './attempt.ts';
import { resultsOf, stepTemplateOf } from './active-task.ts';
import { describeFailure } from '../policies/failure.ts';
import type { UnsignalledInvocation } from './run-handler.ts';

/** Wait before a reading is repeated that the server broke off, ms. */
const AGAIN_MS = 20;

/** Runs the handler of an attempt; resolves always, with how the attempt ended. */
export type HandlerRunner = (
  attempt: Attempt,
  invocation: UnsignalledInvocation,
) => Promise<AttemptEnd>;

/** What the executor is given. */
export interface StepExecutorOptions {
  readonly run: HandlerRunner;
  /** Reads the inputs. */
  readonly reader: Queries;
  /** Position in its task of a step that a parent's results are wanted of, and its id. */
  readonly parentsOf: (
    attempt: Attempt,
  ) => readonly (readonly [position: number, stepId: bigint])[];
  readonly ended: (attempt: Attempt, end: AttemptEnd) => void;
}

/**
 * Runs the handlers of claimed steps: reads what they are given where it is not in memory (many
 * tasks by one pair of statements), and tells how each attempt ended. One failure touches no other.
 */
export class StepExecutor {
  readonly #options: StepExecutorOptions;
  #waiting: Attempt[] = [];
  #reading = false;
  #running = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: StepExecutorOptions) {
    this.#options = options;
  }

  /** Attempts under way, those that wait for their inputs included. */
  get running(): number {
    return this.#running;
  }

  /** Runs the handler of a claimed step. */
  start(attempt: Attempt): void {
    this.#running++;
    if (attempt.task.inputs === undefined) {
      this.#waiting.push(attempt);
      if (!this.#reading) void this.#read();
      return;
    }
    void this.#run(attempt, attempt.task.inputs);
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    if (this.#running === 0) return;
    this.#idle ??= Promise.withResolvers<void>();
    await this.#idle.promise;
  }

  /** Reads what the handlers of these tasks are given, where it is not in memory. */
  async loadInputs(tasks: readonly ActiveTask[]): Promise<void> {
    const missing = new Map<bigint, ActiveTask>();
    for (const task of tasks) if (task.inputs === undefined) missing.set(task.taskId, task);
    if (missing.size === 0) return;
    for (const row of await readTaskInputs(this.#options.reader, [...missing.keys()])) {
      const task = missing.get(row.taskId) as ActiveTask;
      task.inputs = inputsOf(task, row);
    }
  }

  async #read(): Promise<void> {
    this.#reading = true;
    // claims of the same commit go together
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const attempts = this.#waiting;
      this.#waiting = [];
      const tasks = attempts.map(({ task }) => task);
      try {
        await this.loadInputs(tasks);
      } catch (error) {
        // no fault of the steps: the session is opened anew
        if (isTemporary(error)) {
          this.#waiting.push(...attempts);
          await sleep(AGAIN_MS);
        } else {
          for (const attempt of attempts) this.#end(attempt, failed(error));
        }
        continue;
      }
      for (const [at, attempt] of attempts.entries()) {
        const { inputs } = attempt.task;
        if (inputs !== undefined) void this.#run(attempt, inputs);
        else if (attempt.task === tasks[at]) {
          this.#end(attempt, failed(new Error('the task is gone')));
        } else {
          // read anew meanwhile, hence another object
          this.#waiting.push(attempt);
        }
      }
    }
    this.#reading = false;
  }

  async #run(attempt: Attempt, inputs: TaskInputs): Promise<void> {
    const invocation = this.#invocation(attempt, inputs);
    this.#end(attempt, await this.#options.run(attempt, invocation));
  }

  #end(attempt: Attempt, end: AttemptEnd): void {
    this.#running--;
    this.#options.ended(attempt, end);
    if (this.#running === 0) {
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }

  #invocation(attempt: Attempt, inputs: TaskInputs): UnsignalledInvocation {
    const { stepId, template, number, retryLimit } = attempt;
    const results: Record<string, unknown> = {};
    for (const [position, parentId] of this.#options.parentsOf(attempt)) {
      const parent = stepTemplateOf(attempt.task, position);
      if (parent !== undefined) results[parent.name] = resultsOf(inputs, parentId);
    }
    const { taskId, correlationId = `task-${taskId}` } = attempt.task;
    return {
      context: inputs.context,
      results,
      attempt: number,
      taskId,
      stepId,
      idempotencyKey: `${correlationId}-${stepId}`,
      task: inputs.task,
      step: {
        stepId,
        name: template.name,
        attempt: number,
        retryLimit,
        previousResults: number === 1 ? null : resultsOf(inputs, stepId),
        inputs: inputs.stepInputs.get(stepId),
      },
      config: template.config,
    };
  }
}

function failed(error: unknown): AttemptEnd {
  return { kind: 'failed', failure: describeFailure(error), seconds: 0 };
}

type InputRow = Awaited<ReturnType<typeof readTaskInputs>>[number];

function inputsOf(task: ActiveTask, row: InputRow): TaskInputs {
  const { namespace, name, version } = task.template;
  return {
    context: row.context,
    task: {
      taskId: task.taskId,
      namespace,
      name,
      version,
      correlationId: task.correlationId,
      requestedAt: row.requestedAt,
      initiator: row.initiator,
      sourceSystem: row.sourceSystem,
      reason: row.reason,
      tags: row.tags,
    },
    results: row.results,
    newResults: new Map(),
    stepInputs: row.inputs,
  };
}
