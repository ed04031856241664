import { MIGRATIONS_TABLE, MIGRATIONS } from '../../migrations/index.ts';
import { SHARED_RELATIONS } from './schema-catalog.ts';
import type { Queryable } from './schema-catalog.ts';

/**
 * The schema of a migrated database as SQL text, read from the catalogs: tables, sequences,
 * constraints, indexes and the view, in alphabetical order and without anything that differs between
 * two servers. Made for comparing; needs no tool of the server.
 */
export async function dumpSchema(client: Queryable): Promise<string> {
  const names = [
    ...SHARED_RELATIONS,
    ...MIGRATIONS.flatMap((migration) => migration.tables),
    MIGRATIONS_TABLE,
  ];
  const { rows } = await client.query<{ statement: string }>(DUMP, [names]);
  return `${rows.map(({ statement }) => `${statement};`).join('\n\n')}\n`;
}

const DUMP = `
WITH relation AS (
  SELECT c.oid, c.relname AS name, c.relkind, c.relispartition, c.relpartbound, c.reloptions
    FROM pg_class c
   WHERE c.relname = ANY ($1) AND pg_table_is_visible(c.oid)
),
sequence AS (
  SELECT relation.name AS owner, 1 AS place, s.relname::text AS name,
         format(E'CREATE SEQUENCE %I AS %s START %s INCREMENT %s CACHE %s%s\\n  OWNED BY %I.%I',
                s.relname, format_type(q.seqtypid, NULL), q.seqstart, q.seqincrement, q.seqcache,
                CASE WHEN q.seqcycle THEN ' CYCLE' ELSE '' END, relation.name, a.attname) AS statement
    FROM relation
    JOIN pg_depend d ON d.refobjid = relation.oid AND d.refclassid = 'pg_class'::regclass
                    AND d.classid = 'pg_class'::regclass AND d.deptype = 'a'
    JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_sequence q ON q.seqrelid = s.oid
    JOIN pg_attribute a ON a.attrelid = relation.oid AND a.attnum = d.refobjsubid
),
part AS (
  SELECT relation.oid, 1 AS place, a.attnum::int AS position, '' AS name,
         format('%I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
                ' DEFAULT ' || pg_get_expr(v.adbin, v.adrelid),
                CASE a.attidentity WHEN 'a' THEN ' GENERATED ALWAYS AS IDENTITY' ELSE '' END) AS text
    FROM relation
    JOIN pg_attribute a ON a.attrelid = relation.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef v ON v.adrelid = a.attrelid AND v.adnum = a.attnum
   WHERE relation.relkind IN ('r', 'p')
   UNION ALL
  SELECT relation.oid, 2, 0, k.conname,
         format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
    FROM relation
    JOIN pg_constraint k ON k.conrelid = relation.oid AND k.contype IN ('p', 'f', 'u', 'c')
),
made AS (
  SELECT relation.name AS owner, 2 AS place, relation.name::text AS name,
         format(E'CREATE TABLE %I (\\n  %s\\n)%s%s%s', relation.name,
                (SELECT string_agg(text, E',\\n  ' ORDER BY place, position, name COLLATE "C")
                   FROM part WHERE part.oid = relation.oid),
                ' PARTITION BY ' || pg_get_partkeydef(relation.oid),
                (SELECT ' PARTITION OF ' || p.relname || ' ' || pg_get_expr(relation.relpartbound, relation.oid)
                   FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
                  WHERE relation.relispartition AND h.inhrelid = relation.oid),
                ' WITH (' || array_to_string(relation.reloptions, ', ') || ')') AS statement
    FROM relation WHERE relation.relkind IN ('r', 'p')
   UNION ALL
  SELECT relation.name, 3, i.relname::text,
         replace(replace(pg_get_indexdef(x.indexrelid), ' ON ONLY ', ' ON '),
                 ' ON ' || quote_ident(n.nspname) || '.', ' ON ')
    FROM relation
    JOIN pg_index x ON x.indrelid = relation.oid
    JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_namespace n ON n.oid = i.relnamespace
   WHERE NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u'))
   UNION ALL
  SELECT relation.name, 4, relation.name::text,
         format(E'CREATE VIEW %I AS\\n%s', relation.name,
                rtrim(pg_get_viewdef(relation.oid, true), E' ;\\n'))
    FROM relation WHERE relation.relkind = 'v'
)
SELECT statement
  FROM (SELECT * FROM sequence UNION ALL SELECT * FROM made) everything
 ORDER BY owner COLLATE "C", place, name COLLATE "C"`;
