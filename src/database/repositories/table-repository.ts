import { sql } from 'kysely';
import type { Kysely } from 'kysely';

import { isTaskerError, TaskerError } from '../../errors.ts';
import type { TaskerEntityManager } from './orm.ts';
import { typedQueries } from './rows.ts';
import type {
  NewRow,
  Page,
  PageRequest,
  Row,
  RowChanges,
  TableName,
  TypedQueries,
} from './rows.ts';
import { pageLimit } from './validation.ts';
import { rowError } from './row-errors.ts';

// Inside this class the table is a parameter, which the query builder cannot follow; what leaves it is typed.
type LooseQueries = Kysely<{ anyTable: Record<string, unknown> }>;

/** The clock of the database: all engines on it then share one. */
export const databaseNow = () => sql<string>`timezone('UTC', now())`;

/** What every table offers: create, read, update and delete by its key, and a list in key order. */
export abstract class TableRepository<T extends TableName> {
  protected readonly em: TaskerEntityManager;
  readonly table: T;
  readonly key: string;

  protected constructor(em: TaskerEntityManager, table: T, key: string & keyof Row<T>) {
    this.em = em;
    this.table = table;
    this.key = key;
  }

  /** The row with this key, or undefined. */
  async find(id: bigint): Promise<Row<T> | undefined> {
    const row = await this.loose
      .selectFrom(this.anyTable)
      .selectAll()
      .where(this.key, '=', id)
      .executeTakeFirst();
    return row as Row<T> | undefined;
  }

  /**
   * The row with this key.
   *
   * @throws TaskerError `TASKER_NOT_FOUND` when there is none.
   */
  async get(id: bigint): Promise<Row<T>> {
    const row = await this.find(id);
    if (row === undefined) throw this.notFound(id);
    return row;
  }

  /** One page in the order of the key; its cost does not depend on how far the list has come. */
  async list(page: PageRequest = {}): Promise<Page<Row<T>>> {
    const limit = pageLimit(page);
    let query = this.loose
      .selectFrom(this.anyTable)
      .selectAll()
      .orderBy(this.key)
      .limit(limit + 1);
    if (page.after !== undefined) query = query.where(this.key, '>', page.after);
    return this.toPage((await query.execute()) as Row<T>[], limit);
  }

  /**
   * Deletes the row.
   *
   * @throws TaskerError `TASKER_NOT_FOUND`, or `TASKER_IN_USE` while other rows refer to it.
   */
  async delete(id: bigint): Promise<void> {
    const result = await this.guard(() =>
      this.loose.deleteFrom(this.anyTable).where(this.key, '=', id).executeTakeFirst(),
    );
    if (result.numDeletedRows === 0n) throw this.notFound(id);
  }

  protected get queries(): TypedQueries {
    return typedQueries(this.em);
  }

  /** Inserts the row; times that are left out are the database's now. */
  protected async insertRow(
    values: Omit<NewRow<T>, 'createdAt' | 'updatedAt'> & { createdAt?: string },
  ): Promise<Row<T>> {
    const times = { createdAt: databaseNow(), updatedAt: databaseNow() };
    const row = await this.guard(() =>
      this.loose
        .insertInto(this.anyTable)
        .values({ ...times, ...defined(values) })
        .returningAll()
        .executeTakeFirstOrThrow(),
    );
    return row as Row<T>;
  }

  /**
   * Changes the columns that are named.
   *
   * @throws TaskerError `TASKER_NOT_FOUND` when no row has this key.
   */
  protected async updateRow(id: bigint, changes: Partial<RowChanges<T>>): Promise<Row<T>> {
    const row = await this.guard(() =>
      this.loose
        .updateTable(this.anyTable)
        .set({ ...defined(changes), updatedAt: databaseNow() })
        .where(this.key, '=', id)
        .returningAll()
        .executeTakeFirst(),
    );
    if (row === undefined) throw this.notFound(id);
    return row as Row<T>;
  }

  /**
   * Finds a row or creates it; when another session creates it in between, that row is the answer.
   * The attempt stands behind a savepoint, so that losing does not end the caller's transaction.
   */
  protected async findElseCreate(
    find: () => Promise<Row<T> | undefined>,
    create: (em: TaskerEntityManager) => Promise<Row<T>>,
  ): Promise<Row<T>> {
    const found = await find();
    if (found !== undefined) return found;
    try {
      return await this.transaction(create);
    } catch (error) {
      const other = isTaskerError(error, 'TASKER_DUPLICATE') ? await find() : undefined;
      if (other === undefined) throw error;
      return other;
    }
  }

  /** Runs `work` in a transaction of its own, or behind a savepoint of the one at hand. */
  protected transaction<R>(work: (em: TaskerEntityManager) => Promise<R>): Promise<R> {
    return this.em.transactional(work);
  }

  /** Turns a broken unique index or foreign key into its coded error. */
  protected async guard<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await work();
    } catch (error) {
      throw rowError(error, this.table);
    }
  }

  protected toPage<R extends Row<T>>(rows: R[], limit: number): Page<R> {
    if (rows.length <= limit) return { rows };
    const shown = rows.slice(0, limit);
    return { rows: shown, next: (shown[limit - 1] as Record<string, unknown>)[this.key] as bigint };
  }

  protected notFound(id: bigint): TaskerError {
    return new TaskerError('TASKER_NOT_FOUND', `${this.table} has no row with key ${id}.`, {
      data: { table: this.table, id: `${id}` },
    });
  }

  protected get anyTable(): 'anyTable' {
    return this.table as string as 'anyTable';
  }

  protected get loose(): LooseQueries {
    return this.queries as unknown as LooseQueries;
  }
}

// Under exactOptionalPropertyTypes a caller cannot pass undefined, but plain JavaScript can: it means "left out".
function defined(values: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
