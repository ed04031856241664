import type { SchemaMigration } from './migration.ts';

/**
 * Creates `tasker_core_steps`: the exact instant before which a step must not run again.
 *
 * The shared tables know waits in whole seconds only. A step has a row here only while it needs one.
 * The key cascades because an engine that does not know this table must still be able to delete steps.
 */
export const stepWaits: SchemaMigration = {
  name: '0002_step_waits',
  tables: ['tasker_core_steps'],
  statements: () => [
    `CREATE TABLE tasker_core_steps (
  step_id bigint NOT NULL,
  next_attempt_at timestamp(6),
  CONSTRAINT tasker_core_steps_pkey PRIMARY KEY (step_id),
  CONSTRAINT tasker_core_steps_step_id_fkey FOREIGN KEY (step_id)
    REFERENCES tasker_workflow_steps (workflow_step_id) ON DELETE CASCADE
)`,
  ],
};
