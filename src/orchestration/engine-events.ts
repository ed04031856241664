import type {
  MoveEventIds,
  MoveOutcome,
  PreparedMoves,
} from '../database/engine/transition-log.ts';
import type { CommittedEvent, ToldEvents } from '../events/told-events.ts';
import { engineEvent } from '../events/told-event.ts';
import type { EventName } from '../events/catalog.ts';
import { formatInstant } from '../graph/snapshot/instants.ts';
import type { MoveKind } from '../state-machine/moves.ts';
import type { Attempt } from './attempt.ts';
import type { Clock } from './clock.ts';
import type { EngineSignals } from './engine-memory.ts';
import type { EngineBatch } from './move-batch.ts';

/** Where an engine's events go. */
export interface EngineEventSinks {
  /** Subscribers of this process. */
  readonly told: ToldEvents;
  /** Wakes durable subscribers up. */
  readonly stored: () => void;
}

/**
 * Tells of what an engine does: of its events once they are committed, and of what is never stored
 * before it happens. Nothing is made of names that nobody wants.
 */
export class EngineEvents {
  readonly #sinks: EngineEventSinks;

  constructor(sinks: EngineEventSinks) {
    this.#sinks = sinks;
  }

  /** The engine's signals, with what subscribers are told of them. */
  observing(signals: EngineSignals, clock: Pick<Clock, 'nowMicros'>): EngineSignals {
    return {
      ...signals,
      events: this,
      problem: (event, facts) => {
        if (event === 'verification_difference') this.#different(facts, clock.nowMicros());
        signals.problem(event, facts);
      },
      circuitChanged: (change) => {
        const { event, key, cause, at } = change;
        this.#tell(`circuit.${event}`, at, { circuit: key, reason: cause });
        signals.circuitChanged?.(change);
      },
    };
  }

  #different(facts: Readonly<Record<string, unknown>>, at: number): void {
    const { taskId, differences } = facts as {
      taskId: bigint;
      differences: readonly { readonly stepId: bigint }[];
    };
    const told = differences.map(({ stepId, ...rest }) => ({ step_id: String(stepId), ...rest }));
    this.#tell('verification.difference_found', at, { differences: told }, taskId);
  }

  /** Events were committed that no move of this engine states. */
  committed(events: readonly CommittedEvent[]): void {
    if (events.length === 0) return;
    this.#sinks.stored();
    this.#sinks.told.committed(events);
  }

  /** A statement is about to be sent. */
  collected(batch: EngineBatch): void {
    const { subscribers } = this.#sinks.told;
    if (subscribers.wants('workflow.viable_steps_discovered')) this.#discovered(batch);
    if (subscribers.wants('task.before_transition')) {
      for (const { taskId, from, to } of batch.tasks) {
        const transition = to === 'in_progress' ? 'task.start_requested' : endOf('task', to);
        const facts = { from_state: from, to_state: to, transition_event: transition };
        this.#tell('task.before_transition', batch.at, facts, taskId);
      }
    }
    if (subscribers.wants('step.before_transition')) {
      for (const { taskId, stepId, from, to } of batch.steps) {
        const transition = to === 'in_progress' ? 'step.execution_requested' : endOf('step', to);
        const facts = { from_state: from, to_state: to, transition_event: transition };
        this.#tell('step.before_transition', batch.at, facts, taskId, stepId);
      }
    }
  }

  #discovered({ at, stepParts }: EngineBatch): void {
    const claims = stepParts.filter(({ kind }) => kind === 'claim');
    for (const [task, own] of Map.groupBy(claims, ({ attempt }) => attempt.task)) {
      const facts = {
        orchestration_event: true,
        step_ids: own.map(({ attempt }) => String(attempt.stepId)),
        step_names: own.map(({ attempt }) => attempt.template.name),
        step_count: own.length,
        viable_count: own.length,
        processing_mode: 'concurrent',
      };
      this.#tell('workflow.viable_steps_discovered', at, facts, task.taskId);
    }
  }

  /** A statement was committed. */
  settled(batch: EngineBatch, outcome: MoveOutcome, prepared: PreparedMoves): void {
    this.#sinks.stored();
    const { told } = this.#sinks;
    if (told.subscribers.isEmpty) return;
    told.committed(committedMoves(outcome, prepared));
    if (told.subscribers.wants('observability.step.backoff')) this.#waits(batch, outcome);
  }

  #waits({ at, steps, stepParts }: EngineBatch, outcome: MoveOutcome): void {
    for (const [index, { taskId, stepId, nextAttemptAt }] of steps.entries()) {
      const { attempt } = stepParts[index] as EngineBatch['stepParts'][number];
      if (nextAttemptAt === undefined || outcome.steps[index] === undefined) continue;
      const failure = attempt.end?.kind === 'failed' ? attempt.end.failure : undefined;
      const asked = failure?.retryAfterSeconds;
      const facts = {
        step_name: attempt.template.name,
        attempt: attempt.number,
        backoff_seconds: (nextAttemptAt - at) / 1e6,
        backoff_type: asked === undefined ? 'exponential' : 'server_requested',
        ...(asked === undefined ? {} : { retry_after: String(asked) }),
      };
      this.#tell('observability.step.backoff', at, facts, taskId, stepId);
    }
  }

  /** The handler of an attempt is about to be called, at an instant, µs since the epoch. */
  handling(attempt: Attempt, at: number): void {
    const { subscribers } = this.#sinks.told;
    const { task, stepId, template, number, retryLimit, claimedAt } = attempt;
    if (subscribers.wants('step.before_handle')) {
      const claimed = formatInstant(claimedAt);
      const facts = {
        correlation_id: task.correlationId ?? null,
        task_name: task.template.name,
        step_name: template.name,
        started_at: claimed,
        completed_at: null,
        attempt_number: number,
        retry_limit: retryLimit,
        from_state: 'pending',
        to_state: 'in_progress',
        transitioned_at: claimed,
      };
      this.#tell('step.before_handle', at, facts, task.taskId, stepId);
    }
    if (subscribers.wants('step.handle')) {
      const facts = { correlation_id: task.correlationId ?? null };
      this.#tell('step.handle', at, facts, task.taskId, stepId);
    }
  }

  #tell(
    name: EventName,
    at: number,
    facts: Readonly<Record<string, unknown>>,
    taskId?: bigint,
    stepId?: bigint,
  ): void {
    if (!this.#sinks.told.subscribers.wants(name)) return;
    this.#sinks.told.told(engineEvent(name, at, facts, taskId, stepId));
  }
}

/** The event of an end that the engine makes. */
const endOf = (subject: 'task' | 'step', to: string): string =>
  to === 'complete' ? `${subject}.completed` : `${subject}.failed`;

/** The events of the moves that were made, in the order in which they are stored. */
function committedMoves(outcome: MoveOutcome, prepared: PreparedMoves): CommittedEvent[] {
  const { batch, stepKinds, taskKinds, stepEvents, taskEvents } = prepared;
  const { at } = batch;
  const tasks = batch.tasks.map(({ taskId, metadata }, index) =>
    eventsOf(taskKinds[index] as MoveKind, taskEvents[index] as MoveEventIds, {
      taskId,
      stepId: undefined,
      at,
      stored: metadata,
      isMade: outcome.tasks[index] !== undefined,
    }),
  );
  const steps = batch.steps.flatMap(({ taskId, stepId, metadata }, index) =>
    eventsOf(stepKinds[index] as MoveKind, stepEvents[index] as MoveEventIds, {
      taskId,
      stepId,
      at,
      stored: metadata,
      isMade: outcome.steps[index] !== undefined,
    }),
  );
  const starting = (index: number): boolean => taskKinds[index]?.to === 'in_progress';
  return [
    ...tasks.filter((_, index) => starting(index)).flat(),
    ...steps,
    ...tasks.filter((_, index) => !starting(index)).flat(),
  ];
}

function eventsOf(
  { events }: MoveKind,
  ids: MoveEventIds,
  { isMade, ...facts }: Omit<CommittedEvent, 'eventId' | 'name'> & { readonly isMade: boolean },
): CommittedEvent[] {
  if (!isMade) return [];
  const last = { ...facts, eventId: ids.last, name: events.at(-1) as string };
  if (ids.via === undefined) return [last];
  return [{ ...facts, eventId: ids.via, name: events[0] as string }, last];
}
