import type pg from 'pg';

import { RAILS_TABLES } from '../../migrations/rails-tables.ts';
import { RAILS_VIEW } from '../../migrations/rails-view.ts';

/** What this package needs of a connection to run single statements. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/** A column as the server describes it. */
export interface CatalogColumn {
  readonly table: string;
  readonly name: string;
  /** As `format_type` spells it, e.g. `timestamp(6) without time zone`. */
  readonly type: string;
  readonly nullable: boolean;
  /** The default's expression, or null; generated and identity columns count as having one. */
  readonly default: string | null;
}

/** An index as the server describes it. */
export interface CatalogIndex {
  readonly table: string;
  readonly name: string;
  readonly primary: boolean;
  /** Enforced at once: a deferrable constraint cannot be the target of ON CONFLICT. */
  readonly unique: boolean;
  readonly method: string;
  readonly columns: readonly string[];
  readonly predicate: string | null;
}

/** A foreign key of one column. */
export interface CatalogForeignKey {
  readonly table: string;
  readonly column: string;
  readonly references: string;
  readonly referencedColumn: string;
}

/** The relations of a Tasker database as they are, found through the search path. */
export interface SchemaCatalog {
  /** `pg_class.relkind` by name: `r` and `p` are tables, `v` a view. */
  readonly relations: ReadonlyMap<string, string>;
  readonly columns: readonly CatalogColumn[];
  readonly indexes: readonly CatalogIndex[];
  readonly foreignKeys: readonly CatalogForeignKey[];
}

/** Names of the shared tables and of the view. */
export const SHARED_RELATIONS: readonly string[] = [
  ...RAILS_TABLES.map((table) => table.name),
  RAILS_VIEW,
];

/** Reads what the catalogs say about the shared tables and the view; four statements. */
export async function readCatalog(client: Queryable): Promise<SchemaCatalog> {
  return {
    relations: await visibleRelations(client, SHARED_RELATIONS),
    columns: await readColumns(client),
    indexes: await readIndexes(client),
    foreignKeys: await readForeignKeys(client),
  };
}

/** Kinds of those relations among `names` that unqualified statements would find. */
export async function visibleRelations(
  client: Queryable,
  names: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; kind: string }>(
    `SELECT relname AS name, relkind::text AS kind
       FROM pg_class
      WHERE relname = ANY ($1) AND pg_table_is_visible(oid)`,
    [names],
  );
  return new Map(rows.map(({ name, kind }) => [name, kind]));
}

async function readColumns(client: Queryable): Promise<CatalogColumn[]> {
  const { rows } = await client.query<CatalogColumn>(
    `SELECT c.relname AS "table",
            a.attname AS name,
            format_type(a.atttypid, a.atttypmod) AS type,
            NOT a.attnotnull AS nullable,
            CASE WHEN a.attidentity <> '' THEN 'identity' ELSE pg_get_expr(d.adbin, d.adrelid) END AS "default"
       FROM pg_class c
       JOIN pg_attribute a ON a.attrelid = c.oid
       LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE c.relname = ANY ($1) AND pg_table_is_visible(c.oid)
        AND a.attnum > 0 AND NOT a.attisdropped
      ORDER BY c.relname, a.attnum`,
    [SHARED_RELATIONS],
  );
  return rows;
}

async function readIndexes(client: Queryable): Promise<CatalogIndex[]> {
  const { rows } = await client.query<CatalogIndex>(
    `SELECT t.relname AS "table",
            c.relname AS name,
            i.indisprimary AS "primary",
            i.indisunique AND i.indimmediate AS "unique",
            m.amname AS method,
            ARRAY (SELECT pg_get_indexdef(i.indexrelid, k, true)
                     FROM generate_series(1, i.indnkeyatts) k ORDER BY k) AS columns,
            pg_get_expr(i.indpred, i.indrelid) AS predicate
       FROM pg_index i
       JOIN pg_class t ON t.oid = i.indrelid
       JOIN pg_class c ON c.oid = i.indexrelid
       JOIN pg_am m ON m.oid = c.relam
      WHERE t.relname = ANY ($1) AND pg_table_is_visible(t.oid) AND i.indisvalid
      ORDER BY t.relname, c.relname`,
    [SHARED_RELATIONS],
  );
  return rows;
}

async function readForeignKeys(client: Queryable): Promise<CatalogForeignKey[]> {
  const { rows } = await client.query<CatalogForeignKey>(
    `SELECT t.relname AS "table",
            a.attname AS "column",
            r.relname AS "references",
            b.attname AS "referencedColumn"
       FROM pg_constraint k
       JOIN pg_class t ON t.oid = k.conrelid
       JOIN pg_class r ON r.oid = k.confrelid
       JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.conkey[1]
       JOIN pg_attribute b ON b.attrelid = r.oid AND b.attnum = k.confkey[1]
      WHERE k.contype = 'f' AND cardinality(k.conkey) = 1
        AND t.relname = ANY ($1) AND pg_table_is_visible(t.oid)
      ORDER BY t.relname, k.conname`,
    [SHARED_RELATIONS],
  );
  return rows;
}
