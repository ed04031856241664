import type { SchemaMigration } from './migration.ts';

/**
 * Says which fleet a task belongs to: only engines of that fleet take it in. A task without a row in
 * `tasker_core_tasks` belongs to a Rails engine, and no engine of this package claims it.
 *
 * `backend_pid` is the server process that holds an engine's shard locks; null until its first beat.
 */
export const fleets: SchemaMigration = {
  name: '0006_fleets',
  tables: [],
  statements: () => [
    `ALTER TABLE tasker_core_engines RENAME COLUMN engine_group TO fleet`,
    `ALTER TABLE tasker_core_engines ADD COLUMN backend_pid integer`,
    `ALTER TABLE tasker_core_tasks ADD COLUMN fleet varchar(64) NOT NULL DEFAULT 'default'`,
    // rows that are there have one now; each that follows is to name its own
    `ALTER TABLE tasker_core_tasks ALTER COLUMN fleet DROP DEFAULT`,
  ],
};
