import type { EventDefinition } from './event-definition.ts';

const TASK = [
  'task_id',
  'task_name',
  'task_type',
  'started_at',
  'completed_at',
  'total_steps',
  'completed_steps',
  'failed_steps',
  'pending_steps',
  'total_execution_duration',
  'current_execution_duration',
  'from_state',
  'to_state',
  'transitioned_at',
] as const;
const STEP = [
  'task_id',
  'task_name',
  'step_id',
  'step_name',
  'started_at',
  'completed_at',
  'attempt_number',
  'retry_limit',
  'from_state',
  'to_state',
  'transitioned_at',
] as const;
const WHO = ['actor', 'action', 'reason', 'engine'] as const;
const ATTEMPT = ['attempt', 'execution_duration'] as const;
const FAILURE = [
  'error',
  'error_message',
  'error_class',
  'exception_class',
  'error_code',
  'backtrace',
  'final',
] as const;

const OPERATORS = 'only an operator or another program does it';

/** Events of tasks: each states one transition, or that an operator held the task back. */
export const TASK_EVENTS = {
  'task.initialize_requested': {
    fact: 'A task went back to pending, to be started again.',
    durability: 'durable',
    kind: 'pending_transition',
    requires: TASK,
    mayHave: [...WHO, 'ready_steps', 'in_progress_steps', 'completion_percentage', 'health_status'],
    unpublished: OPERATORS,
  },
  'task.start_requested': {
    fact: 'A task is in progress.',
    durability: 'durable',
    kind: 'started',
    requires: [...TASK, 'task_context', 'step_count'],
    mayHave: WHO,
  },
  'task.completed': {
    fact: 'Every step of a task is complete or resolved by hand.',
    durability: 'durable',
    kind: 'completed',
    requires: TASK,
    mayHave: WHO,
  },
  'task.failed': {
    fact: 'Nothing of a task can run any more, and not all of it is complete.',
    durability: 'durable',
    kind: 'failed',
    requires: [...TASK, 'error_message', 'error_steps'],
    mayHave: WHO,
  },
  'task.retry_requested': {
    fact: 'A failed task is to be tried again.',
    durability: 'durable',
    kind: 'retry',
    requires: TASK,
    mayHave: [...WHO, 'retry_reason'],
    unpublished: OPERATORS,
  },
  'task.cancelled': {
    fact: 'A task was cancelled.',
    durability: 'durable',
    kind: 'cancelled',
    requires: TASK,
    mayHave: WHO,
    unpublished: OPERATORS,
  },
  'task.resolved_manually': {
    fact: 'A failed task was declared resolved.',
    durability: 'durable',
    kind: 'resolved_manually',
    requires: TASK,
    mayHave: WHO,
    unpublished: OPERATORS,
  },
  'task.paused': {
    fact: 'An operator holds a task back: no step of it is claimed any more.',
    durability: 'durable',
    kind: 'paused',
    requires: ['task_id', 'task_name'],
    mayHave: WHO,
    unpublished: OPERATORS,
  },
  'task.resumed': {
    fact: 'A task that was held back may go on.',
    durability: 'durable',
    kind: 'resumed',
    requires: ['task_id', 'task_name'],
    mayHave: WHO,
    unpublished: OPERATORS,
  },
  'task.before_transition': {
    fact: 'A task is about to change its state.',
    durability: 'in_process',
    kind: 'before_transition',
    requires: ['task_id', 'from_state', 'to_state', 'transition_event'],
    mayHave: [],
  },
} as const satisfies Readonly<Record<string, EventDefinition>>;

/** Events of steps: each states one transition. */
export const STEP_EVENTS = {
  'step.initialize_requested': {
    fact: 'A step went back to pending.',
    durability: 'alias',
    aliasOf: 'step.retry_requested',
    kind: 'unknown',
    requires: STEP,
    mayHave: WHO,
  },
  'step.execution_requested': {
    fact: 'A step was claimed and is about to run.',
    durability: 'durable',
    kind: 'started',
    requires: [...STEP, 'step_dependencies'],
    mayHave: [...WHO, 'attempt', 'step_inputs'],
  },
  'step.before_handle': {
    fact: 'The handler of a step is about to be called.',
    durability: 'in_process',
    kind: 'before_handle',
    requires: STEP,
    mayHave: WHO,
  },
  'step.handle': {
    fact: 'The handler of a step is called.',
    durability: 'in_process',
    kind: 'handle',
    requires: ['task_id', 'step_id'],
    mayHave: [],
  },
  'step.completed': {
    fact: 'A step returned its results.',
    durability: 'durable',
    kind: 'completed',
    requires: [...STEP, 'execution_duration'],
    mayHave: [...WHO, ...ATTEMPT, 'step_results'],
  },
  'step.failed': {
    fact: 'An attempt of a step failed, or its engine was lost.',
    durability: 'durable',
    kind: 'failed',
    requires: [...STEP, 'error_message', 'exception_class'],
    mayHave: [...WHO, ...ATTEMPT, ...FAILURE, 'step_results'],
  },
  'step.retry_requested': {
    fact: 'A failed step is to run again.',
    durability: 'durable',
    kind: 'retry',
    requires: [...STEP, 'previous_attempts', 'backoff_strategy'],
    mayHave: [...WHO, 'attempt', 'retry_reason'],
  },
  'step.cancelled': {
    fact: 'A step was cancelled.',
    durability: 'durable',
    kind: 'unknown',
    requires: STEP,
    mayHave: WHO,
    unpublished: OPERATORS,
  },
  'step.resolved_manually': {
    fact: 'A step was resolved by hand; its children may run.',
    durability: 'durable',
    kind: 'unknown',
    requires: STEP,
    mayHave: [...WHO, 'step_results'],
    unpublished: OPERATORS,
  },
  'step.before_transition': {
    fact: 'A step is about to change its state.',
    durability: 'in_process',
    kind: 'before_transition',
    requires: ['task_id', 'step_id', 'from_state', 'to_state'],
    mayHave: ['transition_event'],
  },
} as const satisfies Readonly<Record<string, EventDefinition>>;
