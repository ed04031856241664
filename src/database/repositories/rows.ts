import type { InferKyselyDB } from '@mikro-orm/postgresql';
import type { Insertable, Kysely, Selectable, Updateable } from 'kysely';

import type { ENTITIES } from '../../entities/entities.ts';
import type { TaskerEntityManager } from './orm.ts';

/** Every table with its columns by property name, as the entities declare them. */
export type TaskerTables = InferKyselyDB<
  (typeof ENTITIES)[number],
  { columnNamingStrategy: 'property' }
>;

/** Name of a table or of the view. */
export type TableName = keyof TaskerTables;

/** A row as it is read: ids are bigint, instants ISO text, JSON columns unknown. */
export type Row<T extends TableName> = Selectable<TaskerTables[T]>;

/** Values of a new row; what the database or the repository supplies may be left out. */
export type NewRow<T extends TableName> = Insertable<TaskerTables[T]>;

/** Values to change in a row. */
export type RowChanges<T extends TableName> = Updateable<TaskerTables[T]>;

/** Typed queries over {@link TaskerTables}. */
export type TypedQueries = Kysely<TaskerTables>;

/**
 * Typed queries in the entity manager's transaction, or in the pool outside of one.
 *
 * Values are converted on the way in, and on the way out for columns that keep their name: do not
 * give an id, an instant or a JSON column an alias.
 */
export function typedQueries(em: TaskerEntityManager): TypedQueries {
  return em.getKysely({ columnNamingStrategy: 'property', convertValues: true });
}

/** Where a list goes on, and how far. */
export interface PageRequest {
  /** Key of the last row seen; the page starts behind it. */
  readonly after?: bigint;
  /** Rows at most, 1 to 1000; default 100. */
  readonly limit?: number;
}

/** One page of a list in the order of its key. */
export interface Page<T> {
  readonly rows: readonly T[];
  /** `after` of the next page; absent on the last one. */
  readonly next?: bigint;
}
