import type { IndexSet } from './rails-indexes.ts';

/** What a migration may depend on. */
export interface MigrationContext {
  /** Index set of a new database. */
  readonly indexes: IndexSet;
}

/** One numbered step of the schema: pure data, run by `migrate` inside its one transaction. */
export interface SchemaMigration {
  /** Recorded in the migrations table; never changed once released. */
  readonly name: string;
  /** Tables that exist after this migration and did not before. */
  readonly tables: readonly string[];
  /** The statements in order. */
  statements(context: MigrationContext): string[];
}
