import type { SchemaMigration } from './migration.ts';
import { railsSchemaStatements } from './rails-schema.ts';
import { RAILS_TABLES } from './rails-tables.ts';

/** Creates the tables that every Tasker engine shares; recorded only where Rails made them. */
export const railsSchema: SchemaMigration = {
  name: '0001_rails_schema',
  tables: RAILS_TABLES.map((table) => table.name),
  statements: ({ indexes }) => railsSchemaStatements(indexes),
};
