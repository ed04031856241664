import { EventIds, uuidText } from '../database/event-store/event-ids.ts';
import { formatInstant } from '../graph/snapshot/instants.ts';
import { eventDefinition, PAYLOAD_VERSION, type EventName } from './catalog.ts';
import type { InProcessEvent } from './in-process.ts';

/** An event that is not stored, before it has its envelope. */
export interface UnstoredEvent {
  readonly eventId: Uint8Array;
  readonly name: EventName | (string & {});
  readonly taskId: bigint | undefined;
  readonly stepId: bigint | undefined;
  /** µs since the epoch. */
  readonly at: number;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** An event that is not stored, with the envelope of those that are. */
export function toldEvent({
  eventId,
  name,
  taskId,
  stepId,
  at,
  facts,
}: UnstoredEvent): InProcessEvent {
  const occurredAt = formatInstant(at);
  const event: Record<string, unknown> = {
    name,
    occurred_at: occurredAt,
    event_id: uuidText(eventId),
    schema_version: PAYLOAD_VERSION,
    event_type: eventDefinition(name)?.kind ?? 'custom',
    timestamp: occurredAt,
    correlation_id: null,
    causation_id: null,
  };
  if (taskId !== undefined) event['task_id'] = String(taskId);
  if (stepId !== undefined) event['step_id'] = String(stepId);
  return Object.assign(event, facts) as InProcessEvent;
}

const ids = new EventIds();

/** What the engine tells without storing it. */
export function engineEvent(
  name: EventName,
  at: number,
  facts: Readonly<Record<string, unknown>>,
  taskId?: bigint,
  stepId?: bigint,
): InProcessEvent {
  return toldEvent({ eventId: ids.next(at), name, taskId, stepId, at, facts });
}
