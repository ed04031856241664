import { railsSchema } from './0001-rails-schema.ts';
import { stepWaits } from './0002-step-waits.ts';
import { engine } from './0003-engine.ts';
import { subscriptions } from './0004-subscriptions.ts';
import { replayRequests } from './0005-replay-requests.ts';
import { fleets } from './0006-fleets.ts';
import { eventColumns } from './0007-event-columns.ts';
import type { SchemaMigration } from './migration.ts';

/** Table that records which migrations have run. */
export const MIGRATIONS_TABLE = 'tasker_core_migrations';

/** The migration that a database made by the Rails engine is taken to have run. */
export const BASELINE_MIGRATION = railsSchema.name;

/** Every migration of this version, oldest first; a release only ever appends. */
export const MIGRATIONS: readonly SchemaMigration[] = [
  railsSchema,
  stepWaits,
  engine,
  subscriptions,
  replayRequests,
  fleets,
  eventColumns,
];
