import type { SchemaMigration } from './migration.ts';

/**
 * Creates what the engine keeps beside the shared tables: its processes, what the shared tables have
 * no column for, the graphs of templates, durable events and the operators' journal.
 *
 * `tasker_core_events` is append-only and partitioned by time; the default partition takes what no
 * other one does. A reader goes by (transaction_id, position) and stops before the oldest
 * transaction still running: a transaction that commits late is never skipped.
 */
export const engine: SchemaMigration = {
  name: '0003_engine',
  tables: [
    'tasker_core_engines',
    'tasker_core_tasks',
    'tasker_core_graphs',
    'tasker_core_events',
    'tasker_core_events_default',
    'tasker_core_audit',
  ],
  statements: () => [
    `CREATE TABLE tasker_core_engines (
  engine_id bigint GENERATED ALWAYS AS IDENTITY,
  engine_group varchar(64) NOT NULL,
  host varchar(255) NOT NULL,
  process_id integer NOT NULL,
  version varchar(64) NOT NULL,
  started_at timestamp(6) NOT NULL,
  heartbeat_at timestamp(6) NOT NULL,
  expires_at timestamp(6) NOT NULL,
  templates jsonb NOT NULL,
  CONSTRAINT tasker_core_engines_pkey PRIMARY KEY (engine_id)
)`,
    `CREATE TABLE tasker_core_graphs (
  template_hash varchar(64) NOT NULL,
  graph bytea NOT NULL,
  created_at timestamp(6) NOT NULL,
  CONSTRAINT tasker_core_graphs_pkey PRIMARY KEY (template_hash)
)`,
    `CREATE TABLE tasker_core_tasks (
  task_id bigint NOT NULL,
  priority integer NOT NULL DEFAULT 0,
  correlation_id varchar(100),
  parent_task_id bigint,
  run_at timestamp(6),
  paused_at timestamp(6),
  template_hash varchar(64),
  trace_context varchar(1024),
  CONSTRAINT tasker_core_tasks_pkey PRIMARY KEY (task_id),
  CONSTRAINT tasker_core_tasks_task_id_fkey FOREIGN KEY (task_id)
    REFERENCES tasker_tasks (task_id) ON DELETE CASCADE
)`,
    `CREATE SEQUENCE tasker_core_events_position_seq`,
    `CREATE TABLE tasker_core_events (
  position bigint NOT NULL DEFAULT nextval('tasker_core_events_position_seq'),
  transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
  event_id uuid NOT NULL,
  name varchar(128) NOT NULL,
  task_id bigint,
  step_id bigint,
  created_at timestamp(6) NOT NULL,
  payload jsonb
) PARTITION BY RANGE (created_at)`,
    `ALTER SEQUENCE tasker_core_events_position_seq OWNED BY tasker_core_events.position`,
    `CREATE INDEX tasker_core_events_order ON tasker_core_events (transaction_id, position)`,
    `CREATE INDEX tasker_core_events_time ON tasker_core_events USING brin (created_at)`,
    `CREATE TABLE tasker_core_events_default PARTITION OF tasker_core_events DEFAULT`,
    `CREATE TABLE tasker_core_audit (
  audit_id bigint GENERATED ALWAYS AS IDENTITY,
  created_at timestamp(6) NOT NULL,
  actor varchar(255) NOT NULL,
  action varchar(64) NOT NULL,
  reason text,
  task_id bigint,
  step_id bigint,
  details jsonb,
  CONSTRAINT tasker_core_audit_pkey PRIMARY KEY (audit_id)
)`,
    `CREATE INDEX tasker_core_audit_task ON tasker_core_audit (task_id) WHERE task_id IS NOT NULL`,
  ],
};
