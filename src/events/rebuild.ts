import { TaskerError } from '../errors.ts';
import { TO_STATE } from './payload.ts';
import type { StoredEvent } from './stored-event.ts';

/** A step as its events tell it. */
export interface RebuiltStep {
  readonly stepId: bigint;
  readonly name: string | undefined;
  /** `pending` until an event says something else. */
  readonly state: string;
  /** States in the order in which the step took them, without the `pending` it was created in. */
  readonly states: readonly string[];
  /** Attempts that have ended. */
  readonly attempts: number;
  /** Null for none; of a failed attempt `error` and `error_class`, without its backtrace. */
  readonly results: unknown;
  /** When its last event happened: ISO text, six digits, UTC. */
  readonly changedAt: string;
}

/** A task as its events tell it. */
export interface RebuiltTask {
  /** Undefined where there was no event of a task. */
  readonly taskId: bigint | undefined;
  readonly name: string | undefined;
  readonly state: string;
  readonly states: readonly string[];
  readonly paused: boolean;
  /** In the order of their first events; a step without any is still as it was created. */
  readonly steps: ReadonlyMap<bigint, RebuiltStep>;
  /** Position of the last event; undefined without any. */
  readonly position: string | undefined;
}

/**
 * How a task and its steps stand after its events, all of them from the first on, in their order:
 * what the rows say, found without them. Events that change no state are passed over, and an event
 * that is delivered twice in a row counts once.
 *
 * Errors: TASKER_BAD_ARGUMENT for events of more than one task. O(events).
 */
export function rebuildTask(events: Iterable<StoredEvent>): RebuiltTask {
  const steps = new Map<bigint, RebuiltStep>();
  const states: string[] = [];
  let known: bigint | undefined;
  let name: string | undefined;
  let paused = false;
  let last: string | undefined;
  for (const event of events) {
    const { taskId, stepId, position } = event;
    if (taskId === undefined || position === last) continue;
    if (known !== undefined && taskId !== known) throw otherTask(known, taskId);
    known = taskId;
    last = position;
    const state = Object.hasOwn(TO_STATE, event.name) ? TO_STATE[event.name] : undefined;
    if (stepId !== undefined && state !== undefined) {
      steps.set(stepId, stepAfter(steps.get(stepId), stepId, event, state));
    } else if (state !== undefined) {
      name = nameOf(event, 'task_name') ?? name;
      states.push(state);
    } else if (event.name === 'task.paused' || event.name === 'task.resumed') {
      paused = event.name === 'task.paused';
    }
  }
  return {
    taskId: known,
    name,
    state: states.at(-1) ?? 'pending',
    states,
    paused,
    steps,
    position: last,
  };
}

function stepAfter(
  before: RebuiltStep | undefined,
  stepId: bigint,
  event: StoredEvent,
  state: string,
): RebuiltStep {
  const isEnd = state === 'complete' || state === 'error';
  const hasResults = isEnd || state === 'resolved_manually';
  return {
    stepId,
    name: nameOf(event, 'step_name') ?? before?.name,
    state,
    states: [...(before?.states ?? []), state],
    // a step that fails before it was claimed has made no attempt
    attempts: (before?.attempts ?? 0) + (isEnd && before?.state === 'in_progress' ? 1 : 0),
    results: hasResults ? (event.payload['step_results'] ?? null) : (before?.results ?? null),
    changedAt: event.createdAt,
  };
}

function nameOf(event: StoredEvent, field: string): string | undefined {
  const name = event.payload[field];
  return typeof name === 'string' ? name : undefined;
}

function otherTask(first: bigint, other: bigint): TaskerError {
  return new TaskerError(
    'TASKER_BAD_ARGUMENT',
    `These are events of the tasks ${first} and ${other}.`,
    {
      remedy: 'Give the events of one task, as a filter by task reads them.',
      data: { argument: 'events', taskIds: [String(first), String(other)] },
    },
  );
}
