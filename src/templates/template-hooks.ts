import type { InvokedTask } from './step-handler.ts';

/** A task that is about to be stored, as its hook sees it. */
export interface TaskDraft<Context = unknown> {
  /** The task's facts; it has no id yet. */
  readonly task: Omit<InvokedTask, 'taskId'>;
  readonly context: Context;
  /** Names of the template's steps in their order. */
  readonly stepNames: readonly string[];
}

/** What a task gets beside its template's steps. */
export interface TaskAdjustments {
  /** More parents by step name; see `adjustTemplate`. */
  readonly after?: Readonly<Record<string, readonly string[]>>;
  /** JSON by step name, stored as the step's `inputs`. */
  readonly inputs?: Readonly<Record<string, unknown>>;
}

/** A step that completed in the run that ends now. */
export interface CompletedStep {
  readonly stepId: bigint;
  readonly name: string;
  readonly results: unknown;
}

/** A task whose run ends, as its hook sees it. */
export interface TaskRun<Context = unknown> {
  readonly task: InvokedTask;
  readonly context: Context;
  /** Steps that completed in this run, in the order of the template. */
  readonly completed: readonly CompletedStep[];
}

/** A note kept with a task. */
export interface TaskAnnotation {
  /** Name of the annotation's type; it is created when it does not exist. */
  readonly type: string;
  /** JSON. */
  readonly annotation: unknown;
}

/** What a template may do at the two ends of a task. */
export interface TemplateHooks<Context = unknown> {
  /** Runs once, before the task is stored; an error refuses the task. */
  establishDependencies?(
    draft: TaskDraft<Context>,
  ): TaskAdjustments | undefined | void | Promise<TaskAdjustments | undefined | void>;
  /**
   * Runs at the end of a run, before the task is finalised; what it returns is stored. It runs again
   * where another engine takes the task over just then, or the task is read anew: the same annotation
   * is then not stored twice in one run.
   */
  updateAnnotations?(
    run: TaskRun<Context>,
  ):
    | Iterable<TaskAnnotation>
    | undefined
    | void
    | Promise<Iterable<TaskAnnotation> | undefined | void>;
}
