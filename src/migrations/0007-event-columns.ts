import type { SchemaMigration } from './migration.ts';

/**
 * Brings the table of events to the columns that its readers are to rely on: what an event belongs to
 * and what led to it have columns of their own, and every row has a key.
 *
 * Rows that are there keep both in their payload, where readers look too.
 */
export const eventColumns: SchemaMigration = {
  name: '0007_event_columns',
  tables: [],
  statements: () => [
    `ALTER TABLE tasker_core_events RENAME COLUMN transaction_id TO xid`,
    `ALTER TABLE tasker_core_events RENAME COLUMN created_at TO occurred_at`,
    `ALTER TABLE tasker_core_events
  ADD COLUMN schema_version smallint NOT NULL DEFAULT 1,
  ADD COLUMN correlation_id varchar(255),
  ADD COLUMN causation_id uuid,
  ADD CONSTRAINT tasker_core_events_pkey PRIMARY KEY (position, occurred_at)`,
  ],
};
