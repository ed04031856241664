/** Types that a field of a payload may have, and what they are in TypeScript. */
export interface FieldTypes {
  /** Digits of a 64-bit id. */
  readonly id: string;
  readonly ids: readonly string[];
  readonly text: string;
  readonly texts: readonly string[];
  /** ISO text with six digits and Z. */
  readonly instant: string;
  readonly uuid: string;
  readonly integer: number;
  /** Number of seconds; fractions to the microsecond. */
  readonly seconds: number;
  readonly number: number;
  readonly boolean: boolean;
  readonly json: unknown;
}

/** What a field of payloads stands for; the same in every event that has it. */
export interface FieldDefinition {
  readonly type: keyof FieldTypes;
  /** True where the field may be there without a value. */
  readonly nullable: boolean;
  /** Where the value comes from when a stored event is read. */
  readonly from: 'envelope' | 'stored' | 'task' | 'step' | 'transitions' | 'publisher';
  /** What it says. */
  readonly says: string;
}

type Source = FieldDefinition['from'];

const field = <const Type extends keyof FieldTypes>(type: Type, from: Source, says: string) =>
  ({ type, nullable: false, from, says }) as const;
const nullable = <const Type extends keyof FieldTypes>(type: Type, from: Source, says: string) =>
  ({ type, nullable: true, from, says }) as const;

/** The fields that every payload has. */
export const ENVELOPE_FIELDS = {
  event_id: field('uuid', 'envelope', 'The event; the same at every delivery. UUID of version 7.'),
  schema_version: field('integer', 'envelope', 'Version of the payload: 1.'),
  event_type: field('text', 'envelope', 'The kind of event: `completed`, `failed`, …'),
  timestamp: field('instant', 'envelope', 'When it happened.'),
  correlation_id: nullable('text', 'stored', 'What the task belongs to, as its creator said.'),
  causation_id: nullable('text', 'stored', 'Id of the event that led to this one, where known.'),
} as const satisfies Readonly<Record<string, FieldDefinition>>;

/** The fields that some payloads have. */
export const PAYLOAD_FIELDS = {
  // who is meant; names are null once the rows have been deleted
  task_id: field('id', 'envelope', 'The task.'),
  task_name: nullable('text', 'task', 'Name of the task; null once it has been deleted.'),
  task_context: field('json', 'task', 'Context of the task.'),
  task_type: field('text', 'task', 'Always `Tasker::Task`, as the Rails engine says.'),
  step_id: field('id', 'envelope', 'The step.'),
  step_name: nullable('text', 'step', 'Name of the step; null once it has been deleted.'),
  step_ids: field('ids', 'publisher', 'Ids of steps.'),
  step_names: field('texts', 'publisher', 'Names of steps.'),
  // transitions
  actor: field('text', 'stored', '`engine`, `bypass` or the operator.'),
  action: field('text', 'stored', 'What the operator did: `cancel_task`, `retry_step`, …'),
  reason: field('text', 'stored', 'Why, in words.'),
  engine: field('id', 'stored', 'The engine that made the transition.'),
  from_state: nullable('text', 'transitions', 'State before; null where no row tells it.'),
  to_state: nullable('text', 'transitions', 'State after.'),
  transitioned_at: field('instant', 'transitions', 'When the state changed.'),
  transition_event: nullable('text', 'publisher', 'Event that the transition is going to state.'),
  // a task
  started_at: nullable('instant', 'transitions', 'Task: its creation. Step: its latest claim.'),
  completed_at: nullable('instant', 'transitions', 'When it was done; null where it is not.'),
  total_steps: field('integer', 'task', 'Steps of the task.'),
  completed_steps: field('integer', 'transitions', 'Steps done then, by hand included.'),
  failed_steps: field('integer', 'transitions', 'Steps in error then.'),
  pending_steps: field('integer', 'transitions', 'All other steps.'),
  step_count: field('integer', 'task', 'As total_steps, or how many are meant.'),
  total_execution_duration: nullable('seconds', 'transitions', 'From creation to the end.'),
  current_execution_duration: nullable('seconds', 'transitions', 'From creation until then.'),
  error_steps: field('texts', 'transitions', 'Names of the steps in error then.'),
  // an attempt of a step
  attempt_number: field('integer', 'stored', 'Number of the attempt, from 1.'),
  previous_attempts: field('integer', 'stored', 'Attempts before this one.'),
  retry_limit: nullable('integer', 'step', 'Attempts in all, as the step says now.'),
  retry_reason: field('text', 'stored', 'Why it is tried again.'),
  backoff_strategy: field('text', 'envelope', 'Always `exponential`, as the Rails engine says.'),
  execution_duration: field('seconds', 'stored', 'Time that the handler took.'),
  step_inputs: field('json', 'step', 'Inputs of the step.'),
  step_dependencies: field('texts', 'step', 'Names of the parents.'),
  step_results: field('json', 'step', 'What the step returned.'),
  error: field('text', 'stored', 'The message, under the name that transitions have it.'),
  error_message: field('text', 'stored', 'Message of the failure.'),
  error_class: field('text', 'stored', 'Class of the failure.'),
  exception_class: field('text', 'stored', 'As error_class.'),
  error_code: field('text', 'stored', 'Code of the failure; `lease_expired` for a lost engine.'),
  backtrace: field('json', 'stored', 'First frames of the stack.'),
  final: field('text', 'stored', 'Why there is no further attempt; absent where there may be one.'),
  // the loop
  orchestration_event: field('boolean', 'publisher', 'Always true.'),
  processing_mode: field('text', 'publisher', 'Always `concurrent`.'),
  viable_count: field('integer', 'publisher', 'Steps that may run.'),
  total_steps_checked: field('integer', 'publisher', 'Steps that were looked at.'),
  processed_count: field('integer', 'publisher', 'Steps that ran.'),
  successful_count: field('integer', 'publisher', 'Steps that succeeded.'),
  processed_steps_count: field('integer', 'publisher', 'Steps that ran.'),
  in_progress_steps: field('integer', 'publisher', 'Steps that run.'),
  ready_steps: field('integer', 'publisher', 'Steps that may run.'),
  execution_status: field('text', 'publisher', 'As in contexts: `all_complete`, …'),
  health_status: field('text', 'publisher', 'As in contexts: `healthy`, …'),
  recommended_action: nullable('text', 'publisher', 'As in contexts.'),
  completion_percentage: field('number', 'publisher', 'From 0 to 100.'),
  final_status: field('text', 'publisher', 'State that the task came to.'),
  current_status: field('text', 'publisher', 'State of the task.'),
  delay_seconds: field('seconds', 'publisher', 'Time until the task is looked at again.'),
  scheduled_for: field('instant', 'publisher', 'When the task is looked at again.'),
  job_id: field('text', 'publisher', 'The job that runs the task.'),
  queue_name: field('text', 'publisher', 'The queue that the job is in.'),
  attempt: field(
    'integer',
    'stored',
    'As attempt_number, under the name that transitions have it.',
  ),
  backoff_seconds: field('seconds', 'publisher', 'Time until the next attempt.'),
  backoff_type: field('text', 'publisher', '`server_requested` or `exponential`.'),
  retry_after: field('text', 'publisher', 'What the server asked for.'),
  calculated_attempt: field('integer', 'publisher', 'Attempt that the wait was calculated for.'),
  base_delay: field('seconds', 'publisher', 'First wait.'),
  multiplier: field('number', 'publisher', 'Factor from one wait to the next.'),
  jitter_enabled: field('boolean', 'publisher', 'Whether chance has a part in it.'),
  jitter_max_percentage: field('number', 'publisher', 'How much of a part.'),
  // telemetry
  strategy: field('text', 'publisher', 'How metrics are kept.'),
  metrics_count: nullable('integer', 'publisher', 'Metrics that are meant.'),
  duration_ms: field('number', 'publisher', 'Time that it took, ms.'),
  success: field('boolean', 'publisher', 'Whether it succeeded.'),
  export_id: field('text', 'publisher', 'The export.'),
  format: field('text', 'publisher', 'Format of the export.'),
  include_instances: field('boolean', 'publisher', 'Whether every instance is exported.'),
  data: field('json', 'publisher', 'What was exported.'),
  options: field('json', 'publisher', 'Options that were given.'),
  plugin_name: field('text', 'publisher', 'The plugin.'),
  plugin_class: field('text', 'publisher', 'Class of the plugin.'),
  plugin_format: field('text', 'publisher', 'Format of the plugin.'),
  // registries
  registry_name: field('text', 'publisher', 'The registry.'),
  entity_type: field(
    'text',
    'publisher',
    '`task_handler`, `event_subscriber`, `telemetry_plugin`.',
  ),
  entity_id: field('text', 'publisher', 'What is registered.'),
  entity_class: field('text', 'publisher', 'Class of what is registered.'),
  handler_class: field('text', 'publisher', 'Class of the handler.'),
  namespace_name: field('text', 'publisher', 'Namespace of the handler.'),
  version: field('text', 'publisher', 'Version of the handler.'),
  subscriber_class: field('text', 'publisher', 'Class of the subscriber.'),
  events: field('texts', 'publisher', 'Names that are subscribed to.'),
  registered_at: field('instant', 'publisher', 'When it was registered.'),
  unregistered_at: field('instant', 'publisher', 'When it was taken out.'),
  validation_error: field('text', 'publisher', 'What is wrong with it.'),
  failed_at: field('instant', 'publisher', 'When it was found wrong.'),
  stats: field('json', 'publisher', 'Counts of the registry.'),
  collected_at: field('instant', 'publisher', 'When they were counted.'),
  // this engine
  fleet: field('text', 'stored', 'Fleet of the engine.'),
  host: field('text', 'stored', 'Host of the engine.'),
  process_id: field('integer', 'stored', 'Process of the engine.'),
  circuit: field('text', 'publisher', 'Name of the circuit.'),
  differences: field('json', 'publisher', 'What memory and database say.'),
  subscriber: field('text', 'publisher', 'Name of the subscriber.'),
  dead_letter_id: field('id', 'publisher', 'The dead letter.'),
  dead_event_id: field('uuid', 'publisher', 'The event that was not taken.'),
} as const satisfies Readonly<Record<string, FieldDefinition>>;

/** Name of a field that some payloads have. */
export type PayloadField = keyof typeof PAYLOAD_FIELDS;
