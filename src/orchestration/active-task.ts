import type { InvokedTask } from '../templates/step-handler.ts';
import { PermanentError } from '../policies/step-errors.ts';
import type { StepTemplate, TaskTemplate } from '../templates/task-template.ts';

/** What the handlers of a task are given; in memory while its steps run. */
export interface TaskInputs {
  readonly context: unknown;
  readonly task: InvokedTask;
  /** Stored results by step id: as they were read, and as JSON text where they came since. */
  readonly results: ReadonlyMap<bigint, unknown>;
  readonly newResults: Map<bigint, string | null>;
  /** What hooks set for steps, by step id. */
  readonly stepInputs: ReadonlyMap<bigint, unknown>;
}

/** A task that this engine runs. Its graph and rows are in the resident graph. */
export interface ActiveTask {
  readonly taskId: bigint;
  readonly template: TaskTemplate;
  /** Position in the template of each step by its position in the task; undefined where they agree. */
  readonly templatePositions: Int32Array | undefined;
  /** Number of the lane that writes its transitions. */
  readonly lane: number;
  readonly correlationId: string | undefined;
  state: 'pending' | 'in_progress';
  /** Id of its current transition row. */
  token: bigint | undefined;
  paused: boolean;
  /** Its shard is being given up. */
  leaving: boolean;
  inputs: TaskInputs | undefined;
  /** Attempts from claim to settled end. */
  attempts: number;
  /** Statements under way that carry a move of it. */
  inFlight: number;
  /** Moves of it and its steps that this engine has made or tried. */
  moves: number;
  /** A move of the task itself, or the hook at its end, is under way. */
  moving: boolean;
  /** Its rows in memory may differ from those stored: they are read anew before it goes on. */
  stale: boolean;
  /** The hook at its end ran. */
  annotated: boolean;
}

/** The template of the step at a position of a task; undefined where the template lacks it. */
export function stepTemplateOf(task: ActiveTask, position: number): StepTemplate | undefined {
  const { templatePositions, template } = task;
  return template.steps[
    templatePositions === undefined ? position : (templatePositions[position] ?? -1)
  ];
}

/** Stored results of a step, a copy of its own for each call; null where there are none. */
export function resultsOf({ results, newResults }: TaskInputs, stepId: bigint): unknown {
  const text = newResults.get(stepId);
  if (text === undefined) return structuredClone(results.get(stepId) ?? null);
  return text === null ? null : JSON.parse(text);
}

/** Stands for a step that its task's template does not have: its attempt fails for good. */
export function unknownStep(stepId: bigint): StepTemplate {
  return {
    name: `step ${stepId}`,
    description: 'not in the template',
    dependsOn: [],
    dependentSystem: 'unknown',
    retryable: false,
    retryLimit: 1,
    skippable: false,
    config: undefined,
    customEvents: [],
    handler: () => {
      throw new PermanentError('The template has no step of this name, hence no handler.', {
        errorCode: 'TASKER_UNKNOWN_HANDLER',
      });
    },
    handlerName: 'none',
  };
}
