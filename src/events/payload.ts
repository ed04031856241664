import type { EventRow } from '../database/event-store/event-log.ts';
import {
  readEventFacts,
  type EventFacts,
  type StepFacts,
  type TaskFacts,
} from '../database/event-store/event-facts.ts';
import type { Queries } from '../database/id-block.ts';
import { secondsBetween } from './seconds-between.ts';
import { eventDefinition, PAYLOAD_VERSION } from './catalog.ts';

type Payload = Record<string, unknown>;

/** The states that the transitions of these events lead to. */
export const TO_STATE: Readonly<Record<string, string>> = {
  'task.initialize_requested': 'pending',
  'task.start_requested': 'in_progress',
  'task.completed': 'complete',
  'task.failed': 'error',
  'task.retry_requested': 'pending',
  'task.cancelled': 'cancelled',
  'task.resolved_manually': 'resolved_manually',
  'step.execution_requested': 'in_progress',
  'step.completed': 'complete',
  'step.failed': 'error',
  'step.retry_requested': 'pending',
  'step.cancelled': 'cancelled',
  'step.resolved_manually': 'resolved_manually',
};

/** Message of a failed task; the Rails engine has no other. */
const TASK_FAILURE = 'steps_in_error_state';
const STEP_FAILURE = 'Step execution failed';

/**
 * The payloads of events as the catalogue describes them: what the row holds, and what the rows of
 * tasks and steps say as of the instant of the event. At most three statements.
 */
export async function composePayloads(
  client: Queries,
  rows: readonly EventRow[],
): Promise<Payload[]> {
  const catalogued = (name: string): boolean => Object.hasOwn(TO_STATE, name);
  const subjects = rows.map(({ name, taskId, stepId, createdAt }) => ({
    taskId,
    // what an application says about a step is its own
    stepId: catalogued(name) ? stepId : undefined,
    createdAt,
    toState: catalogued(name) ? TO_STATE[name] : undefined,
  }));
  const facts = await readEventFacts(client, subjects);
  return rows.map((row, place) => payloadOf(row, place, facts));
}

function payloadOf(row: EventRow, place: number, facts: EventFacts): Payload {
  const { name, taskId, stepId, createdAt, stored } = row;
  const names = taskId === undefined ? undefined : facts.names.get(taskId);
  const definition = eventDefinition(name);
  const payload: Payload = {
    event_id: row.eventId,
    schema_version: PAYLOAD_VERSION,
    event_type: definition?.kind ?? 'custom',
    timestamp: createdAt,
    correlation_id: names?.correlationId ?? null,
    causation_id: null,
  };
  if (taskId !== undefined) payload['task_id'] = String(taskId);
  if (stepId !== undefined) payload['step_id'] = String(stepId);
  if (definition !== undefined && taskId !== undefined) payload['task_name'] = names?.name ?? null;
  const toState = TO_STATE[name];
  if (toState !== undefined) {
    payload['to_state'] = toState;
    payload['transitioned_at'] = createdAt;
    if (stepId === undefined) {
      Object.assign(payload, taskFields(row, names?.createdAt, facts.tasks.get(place)));
    } else {
      Object.assign(payload, stepFields(row, facts.steps.get(place)));
    }
  }
  return Object.assign(payload, stored);
}

function taskFields(
  { name, createdAt, stored }: EventRow,
  began: string | undefined,
  facts: TaskFacts | undefined,
): Payload {
  const { totalSteps = 0, completedSteps = 0, failedSteps = 0 } = facts ?? {};
  const isDone = facts !== undefined && completedSteps === totalSteps;
  const duration = began === undefined ? null : secondsBetween(began, createdAt);
  const fields: Payload = {
    task_type: 'Tasker::Task',
    from_state: facts?.fromState ?? null,
    started_at: began ?? null,
    completed_at: isDone ? createdAt : null,
    total_steps: totalSteps,
    completed_steps: completedSteps,
    failed_steps: failedSteps,
    pending_steps: totalSteps - completedSteps - failedSteps,
    total_execution_duration: isDone ? duration : null,
    current_execution_duration: isDone ? null : duration,
  };
  if (name === 'task.start_requested') {
    fields['task_context'] = facts?.context ?? null;
    fields['step_count'] = totalSteps;
  } else if (name === 'task.failed') {
    fields['error_message'] = TASK_FAILURE;
    fields['error_steps'] = facts?.failedNames ?? [];
  } else if (name === 'task.retry_requested') {
    Object.assign(fields, retryReason(stored));
  }
  return fields;
}

function stepFields({ name, createdAt, stored }: EventRow, facts: StepFacts | undefined): Payload {
  const attempt = stored['attempt'] ?? Math.max(1, facts?.claims ?? 1);
  const fields: Payload = {
    step_name: facts?.name ?? null,
    from_state: facts?.fromState ?? null,
    started_at: facts?.claimedAt ?? null,
    completed_at: null,
    attempt_number: attempt,
    retry_limit: facts?.retryLimit ?? null,
  };
  switch (name) {
    case 'step.execution_requested':
      fields['started_at'] = createdAt;
      fields['step_inputs'] = facts?.inputs ?? null;
      fields['step_dependencies'] = facts?.parents ?? [];
      break;
    case 'step.completed':
    case 'step.resolved_manually':
      fields['completed_at'] = createdAt;
      if (!isEmpty(facts?.results)) fields['step_results'] = facts?.results;
      // an attempt that another program made says nothing of its duration
      if (name === 'step.completed') fields['execution_duration'] = 0;
      break;
    case 'step.failed': {
      const errorClass = stored['error_class'] ?? 'StandardError';
      fields['error_message'] = stored['error'] ?? stored['reason'] ?? STEP_FAILURE;
      fields['exception_class'] = errorClass;
      fields['step_results'] = {
        error: fields['error_message'],
        error_class: errorClass,
        ...(stored['error_code'] === undefined ? {} : { error_code: stored['error_code'] }),
      };
      break;
    }
    case 'step.retry_requested':
      fields['previous_attempts'] = Math.max(0, facts?.claims ?? 0);
      fields['attempt_number'] = Math.max(1, facts?.claims ?? 1);
      fields['backoff_strategy'] = 'exponential';
      Object.assign(fields, retryReason(stored));
      break;
  }
  return fields;
}

function retryReason({ reason, action }: Readonly<Record<string, unknown>>): Payload {
  const why = reason ?? action;
  return why === undefined ? {} : { retry_reason: why };
}

function isEmpty(results: unknown): boolean {
  if (results === null || results === undefined) return true;
  return typeof results === 'object' && Object.keys(results).length === 0;
}
