import { TaskerError } from '../../errors.ts';
import { MIGRATIONS, MIGRATIONS_TABLE } from '../../migrations/index.ts';
import { railsRelationNames } from '../../migrations/rails-schema.ts';
import { notTaskerDatabase } from '../not-tasker-database.ts';
import { readCatalog, SHARED_RELATIONS, visibleRelations } from './schema-catalog.ts';
import type { Queryable, SchemaCatalog } from './schema-catalog.ts';
import { describeDifference, schemaDifferences } from './schema-verify.ts';
import type { SchemaDifference } from './schema-verify.ts';

/**
 * What a database is to this package.
 *
 * - `empty`: none of the shared tables; other tables may be there.
 * - `rails`: the shared tables, as another engine made them, and none of ours.
 * - `tasker`: the shared tables and ours; `pending` names the migrations still to run.
 * - `newer`: a later version of this package has migrated it; `unknown` names what it did.
 * - `foreign`: tables that stand in the way; `differences` names each point.
 */
export type SchemaState =
  | { readonly kind: 'empty' }
  | { readonly kind: 'rails'; readonly catalog: SchemaCatalog }
  | {
      readonly kind: 'tasker';
      readonly catalog: SchemaCatalog;
      readonly applied: readonly string[];
      readonly pending: readonly string[];
    }
  | { readonly kind: 'newer'; readonly unknown: readonly string[] }
  | { readonly kind: 'foreign'; readonly differences: readonly SchemaDifference[] };

/** Tells what the database is; reads catalogs only, a handful of statements. */
export async function schemaState(client: Queryable): Promise<SchemaState> {
  const own = MIGRATIONS.slice(1).flatMap((migration) => migration.tables);
  const present = await visibleRelations(client, [...SHARED_RELATIONS, ...own, MIGRATIONS_TABLE]);
  const applied = present.has(MIGRATIONS_TABLE) ? await appliedMigrations(client) : [];
  if (applied === undefined) {
    return { kind: 'foreign', differences: [{ kind: 'name-taken', relation: MIGRATIONS_TABLE }] };
  }
  const known = new Set(MIGRATIONS.map((migration) => migration.name));
  const unknown = applied.filter((name) => !known.has(name));
  if (unknown.length > 0) return { kind: 'newer', unknown };

  const stray = MIGRATIONS.slice(1)
    .filter((migration) => !applied.includes(migration.name))
    .flatMap((migration) => migration.tables)
    .filter((table) => present.has(table))
    .map((relation): SchemaDifference => ({ kind: 'name-taken', relation }));
  if (applied.length === 0 && !SHARED_RELATIONS.some((name) => present.has(name))) {
    const taken = await takenNames(client);
    const differences = [...stray, ...taken];
    return differences.length === 0 ? { kind: 'empty' } : { kind: 'foreign', differences };
  }
  const catalog = await readCatalog(client);
  const differences = [...schemaDifferences(catalog), ...stray];
  if (differences.length > 0) return { kind: 'foreign', differences };
  if (applied.length === 0) return { kind: 'rails', catalog };
  const pending = MIGRATIONS.map(({ name }) => name).filter((name) => !applied.includes(name));
  return { kind: 'tasker', catalog, applied, pending };
}

/**
 * Passes when the shared tables can be read, with our own tables or without.
 *
 * @throws TaskerError `TASKER_NOT_TASKER_DATABASE` when they are absent or differ,
 *   `TASKER_SCHEMA_VERSION` when a later version of this package has migrated the database.
 */
export async function requireTaskerSchema(client: Queryable): Promise<SchemaState> {
  const state = await schemaState(client);
  switch (state.kind) {
    case 'rails':
    case 'tasker':
      return state;
    case 'newer':
      throw newerSchema(state.unknown);
    case 'empty':
      throw notTaskerDatabase();
    case 'foreign':
      throw new TaskerError(
        'TASKER_NOT_TASKER_DATABASE',
        `This database is not one of a Tasker engine: ${listDifferences(state.differences)}.`,
        {
          remedy: 'Correct the database URL.',
          data: { differences: state.differences },
        },
      );
  }
}

/** The error for a database that a later version has migrated. */
export function newerSchema(unknown: readonly string[]): TaskerError {
  return new TaskerError(
    'TASKER_SCHEMA_VERSION',
    `The database was migrated by a later version (unknown: ${unknown.join(', ')}).`,
    { remedy: 'Upgrade tasker-core.', data: { unknown } },
  );
}

/** The differences as one clause; all of them, since each needs its own remedy. */
export function listDifferences(differences: readonly SchemaDifference[]): string {
  return differences.map(describeDifference).join('; ');
}

/** Names of the migrations that have run, oldest first; undefined for a table that is not ours. */
async function appliedMigrations(client: Queryable): Promise<string[] | undefined> {
  const { rowCount } = await client.query(
    `SELECT FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname IN ('id', 'name')`,
    [MIGRATIONS_TABLE],
  );
  if (rowCount !== 2) return undefined;
  const { rows } = await client.query<{ name: string }>(
    `SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY id`,
  );
  return rows.map(({ name }) => name);
}

async function takenNames(client: Queryable): Promise<SchemaDifference[]> {
  const taken = await visibleRelations(client, railsRelationNames());
  return [...taken.keys()].sort().map((relation) => ({ kind: 'name-taken', relation }));
}
