import type pg from 'pg';

/** What {@link setIndexesAside} took away: the statements that bring it back, in order. */
export interface IndexesAside {
  readonly restore: readonly string[];
}

/**
 * Drops the foreign keys of the tables and all their indexes, but for primary keys that another table points at, inside
 * the caller's transaction.
 * Building an index over rows that are there, and checking a foreign key once for a whole table, costs a fraction of
 * doing it row by row.
 */
export async function setIndexesAside(
  client: pg.Client,
  tables: readonly string[],
): Promise<IndexesAside> {
  const { rows } = await client.query<{ away: string; back: string }>(
    `SELECT away, back
     FROM (
       SELECT CASE contype WHEN 'p' THEN 1 ELSE 2 END AS position, conname AS name,
              format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS away,
              format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS back
       FROM pg_constraint AS key
       WHERE conrelid = ANY ($1::regclass[])
         AND (contype = 'f' OR contype = 'p' AND NOT EXISTS (
               SELECT FROM pg_constraint AS pointing WHERE pointing.contype = 'f' AND pointing.confrelid = key.conrelid))
       UNION ALL
       SELECT 0, indexrelid::regclass::text,
              format('DROP INDEX %s', indexrelid::regclass),
              pg_get_indexdef(indexrelid)
       FROM pg_index
       WHERE indrelid = ANY ($1::regclass[])
         AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
     ) AS things
     ORDER BY position, name`,
    [`{${tables.join(',')}}`],
  );
  if (rows.length > 0) await client.query(rows.map(({ away }) => away).join(';'));
  return { restore: rows.map(({ back }) => back) };
}

/**
 * Tables that refer to these, directly or through others, or undefined where one of them is not among `known`.
 */
export async function dependentTables(
  client: pg.Client,
  tables: readonly string[],
  known: readonly string[],
): Promise<string[] | undefined> {
  const { rows } = await client.query<{ name: string; is_known: boolean }>(
    `WITH RECURSIVE dependent AS (
       SELECT conrelid, confrelid FROM pg_constraint
       WHERE contype = 'f' AND confrelid = ANY ($1::regclass[])
       UNION
       SELECT key.conrelid, key.confrelid FROM pg_constraint AS key
       JOIN dependent ON key.confrelid = dependent.conrelid WHERE key.contype = 'f'
     )
     SELECT DISTINCT conrelid::regclass::text AS name,
            coalesce(conrelid = ANY (ARRAY (SELECT to_regclass(name) FROM unnest($2::text[]) AS name)), false) AS is_known
     FROM dependent WHERE conrelid <> ALL ($1::regclass[])`,
    [`{${tables.join(',')}}`, known],
  );
  return rows.every((row) => row.is_known) ? rows.map(({ name }) => name) : undefined;
}

/** Builds indexes and primary keys again, then checks the foreign keys. */
export async function restoreIndexes(client: pg.Client, { restore }: IndexesAside): Promise<void> {
  await client.query("SET LOCAL maintenance_work_mem = '256MB'");
  for (const statement of restore) await client.query(statement);
}
