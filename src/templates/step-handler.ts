import type { Logger } from 'pino';

/** The task that a handler works for. */
export interface InvokedTask {
  readonly taskId: bigint;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly correlationId?: string | undefined;
  readonly priority?: number | undefined;
  /** ISO text, UTC, six digits. */
  readonly requestedAt?: string | undefined;
  readonly initiator?: string | undefined;
  readonly sourceSystem?: string | undefined;
  readonly reason?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** The step that a handler runs. */
export interface InvokedStep {
  readonly stepId: bigint;
  readonly name: string;
  /** 1 for the first attempt; counts over restarts and redrives. */
  readonly attempt: number;
  /** Attempts in all; the last one is attempt `retryLimit`. */
  readonly retryLimit: number;
  /** What the step has stored: null before the first attempt, error fields after a failure. */
  readonly previousResults: unknown;
  /** What the task's `establishDependencies` hook set for this step. */
  readonly inputs?: unknown;
}

/**
 * A handler's log: lines with the task, the step and the attempt in them, to where the engine's log
 * goes. In a worker thread it is a log of its own, to stderr by `TASKER_LOG_LEVEL`.
 */
export type StepLog = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error'>;

/** Everything that a handler is given for one attempt. */
export interface StepInvocation<
  Context = unknown,
  Results = Readonly<Record<string, unknown>>,
  Config = unknown,
> {
  readonly context: Context;
  /** Results of the step's parents by step name, as stored. */
  readonly results: Results;
  /** 1 for the first attempt; counts over restarts and redrives. */
  readonly attempt: number;
  readonly taskId: bigint;
  readonly stepId: bigint;
  /**
   * The same text for every attempt of this step, another one for every other step: give it to a
   * service that remembers requests, so that an attempt repeated after a crash does nothing twice.
   */
  readonly idempotencyKey: string;
  readonly log: StepLog;
  readonly task: InvokedTask;
  readonly step: InvokedStep;
  /** The step's `config`; the `handler_config` of a YAML template. */
  readonly config: Config;
  /** Aborts when the attempt times out, is cancelled, or the engine does not wait for it any longer. */
  readonly signal: AbortSignal;
}

/** A handler as a function: what it returns is stored as the step's results, what it throws is its failure. */
export type StepFunction<Context, Results, Output, Config> = (
  step: StepInvocation<Context, Results, Config>,
) => Output | Promise<Output>;

/** A handler as an object, for those that shape their results apart from their work. */
export interface StepProcessor<Context, Results, Output, Config, Result = Output> {
  process(step: StepInvocation<Context, Results, Config>): Output | Promise<Output>;
  /**
   * Makes the stored results from the output of `process`; without it the output is stored.
   *
   * @param initialResults what the step had stored before this attempt
   */
  processResults?(
    step: StepInvocation<Context, Results, Config>,
    output: Output,
    initialResults: unknown,
  ): Result | Promise<Result>;
}

/** A step's work: a function, or an object with `process` and optionally `processResults`. */
export type StepHandler<
  Context = unknown,
  Results = Readonly<Record<string, unknown>>,
  Output = unknown,
  Config = unknown,
  Result = Output,
> =
  | StepFunction<Context, Results, Output, Config>
  | StepProcessor<Context, Results, Output, Config, Result>;

/** A handler that a worker thread can load by itself. */
export interface HandlerModule {
  /** A file URL, as of `import.meta.url`, or a package's specifier. */
  readonly module: string;
  /** The export that is a {@link StepHandler}. */
  readonly export: string;
}
