import type { SchemaMigration } from './migration.ts';

/**
 * Creates what durable subscribers keep: how far each partition of each has come, the events that
 * one could not handle, those handled exactly once, and the replays asked for.
 *
 * A place in the log is (transaction_id, position); a subscriber has seen all up to its own.
 */
export const subscriptions: SchemaMigration = {
  name: '0004_subscriptions',
  tables: [
    'tasker_core_subscriptions',
    'tasker_core_dead_letters',
    'tasker_core_processed_events',
    'tasker_core_replays',
  ],
  statements: () => [
    `CREATE TABLE tasker_core_subscriptions (
  name varchar(128) NOT NULL,
  partition integer NOT NULL,
  partitions integer NOT NULL,
  state varchar(16) NOT NULL DEFAULT 'running',
  filter jsonb NOT NULL,
  transaction_id xid8 NOT NULL,
  position bigint NOT NULL,
  delivered bigint NOT NULL DEFAULT 0,
  errors bigint NOT NULL DEFAULT 0,
  last_success_at timestamp(6),
  last_error_at timestamp(6),
  last_error text,
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL,
  CONSTRAINT tasker_core_subscriptions_pkey PRIMARY KEY (name, partition),
  CONSTRAINT tasker_core_subscriptions_state CHECK (state IN ('running', 'paused'))
)`,
    `CREATE TABLE tasker_core_dead_letters (
  dead_letter_id bigint GENERATED ALWAYS AS IDENTITY,
  subscription varchar(128) NOT NULL,
  partition integer NOT NULL,
  event_id uuid NOT NULL,
  transaction_id xid8 NOT NULL,
  position bigint NOT NULL,
  name varchar(128) NOT NULL,
  task_id bigint,
  step_id bigint,
  event_created_at timestamp(6) NOT NULL,
  payload jsonb NOT NULL,
  reason varchar(16) NOT NULL,
  error jsonb NOT NULL,
  attempts integer NOT NULL,
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL,
  redrive_at timestamp(6),
  CONSTRAINT tasker_core_dead_letters_pkey PRIMARY KEY (dead_letter_id),
  CONSTRAINT tasker_core_dead_letters_event UNIQUE (subscription, event_id)
)`,
    `CREATE INDEX tasker_core_dead_letters_redrive
  ON tasker_core_dead_letters (subscription, partition, dead_letter_id) WHERE redrive_at IS NOT NULL`,
    `CREATE TABLE tasker_core_processed_events (
  subscription varchar(128) NOT NULL,
  event_id uuid NOT NULL,
  processed_at timestamp(6) NOT NULL,
  CONSTRAINT tasker_core_processed_events_pkey PRIMARY KEY (subscription, event_id)
)`,
    `CREATE INDEX tasker_core_processed_events_time
  ON tasker_core_processed_events USING brin (processed_at)`,
    `CREATE TABLE tasker_core_replays (
  replay_id bigint GENERATED ALWAYS AS IDENTITY,
  subscription varchar(128) NOT NULL,
  partition integer NOT NULL,
  filter jsonb NOT NULL,
  transaction_id xid8 NOT NULL,
  position bigint NOT NULL,
  until_transaction_id xid8 NOT NULL,
  until_position bigint NOT NULL,
  delivered bigint NOT NULL DEFAULT 0,
  created_at timestamp(6) NOT NULL,
  finished_at timestamp(6),
  CONSTRAINT tasker_core_replays_pkey PRIMARY KEY (replay_id)
)`,
    `CREATE INDEX tasker_core_replays_open
  ON tasker_core_replays (subscription, partition) WHERE finished_at IS NULL`,
  ],
};
