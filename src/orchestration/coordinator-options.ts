import type { EngineSession, EngineSessionOptions } from '../database/engine/engine-session.ts';
import type { StepTemplate, TaskTemplate } from '../templates/task-template.ts';
import type { ActiveTask } from './active-task.ts';
import type { Clock } from './clock.ts';
import type { EngineSignals } from './engine-memory.ts';
import type { HandlerRunner } from './step-executor.ts';

/** Bounds of one statement. */
export interface GroupCommit {
  /** Ends and claims that it carries at most. */
  readonly maxSteps: number;
  /** How long it waits for more, ms. */
  readonly waitMs: number;
}

/** What a coordinator is made of. */
export interface CoordinatorOptions {
  readonly clock: Clock;
  readonly engineId: bigint;
  /** Only its tasks are taken in. */
  readonly fleet: string;
  readonly url: string;
  readonly applicationName: string;
  /** Prepares each session that writes. */
  readonly onConnect: NonNullable<EngineSessionOptions['onConnect']>;
  /** Sessions that write transitions; two use two cores of the server. */
  readonly lanes: number;
  readonly groupCommit: GroupCommit;
  /** Steps in flight at once, from claim to stored end. */
  readonly concurrency: () => number;
  readonly templates: ReadonlyMap<number, TaskTemplate>;
  /** Reads what handlers are given. */
  readonly reader: EngineSession;
  /** Reads tasks with their graphs. */
  readonly loader: EngineSession;
  readonly run: HandlerRunner;
  /** Holds a step back: until when, µs since the epoch; undefined lets it run. */
  readonly holdBack: (template: StepTemplate, stepId: bigint) => number | undefined;
  /** An attempt is over, or was not made after all. */
  readonly forgotten: (stepId: bigint) => void;
  /** The hook at the end of a task; what it stores is stored when it resolves. */
  readonly annotate: (task: ActiveTask) => Promise<void>;
  /** Told of tasks that have left for other engines. */
  readonly left: (taskIds: readonly bigint[]) => void;
  readonly signals: EngineSignals;
}
