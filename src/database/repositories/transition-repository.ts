import { INITIAL_STATE } from '../../state-machine/states.ts';
import type { WorkflowState } from '../../state-machine/states.ts';
import type { NewRow, Row } from './rows.ts';
import { databaseNow, TableRepository } from './table-repository.ts';
import { requireInteger, requireObject, requireState } from './validation.ts';

/** Step between the sort keys of consecutive transitions. */
const SORT_KEY_STEP = 10;

/** Values of a new transition beside its task or step. */
export interface NewTransition {
  readonly toState: WorkflowState;
  /** Default null; the empty text counts as null. */
  readonly fromState?: WorkflowState | '' | null;
  /** A JSON object; default `{}`, which null stands for too. */
  readonly metadata?: object | null;
  /** Default the highest of the task or step plus 10, or 10 for the first one. */
  readonly sortKey?: number;
  /** Default true: the row becomes the one that tells the state, and the one before it ceases to. */
  readonly mostRecent?: boolean;
  /** Default the database's now. */
  readonly createdAt?: string;
}

/** One entry of a history, oldest first. */
export interface HistoryEntry {
  /** Absent for the beginning, which is not stored unless an engine wrote it. */
  readonly id?: bigint;
  /** The state before: as stored, else that of the entry before; null at the beginning. */
  readonly fromState: string | null;
  readonly toState: string;
  readonly at: string;
  readonly metadata: unknown;
}

type TransitionTable = 'tasker_task_transitions' | 'tasker_workflow_step_transitions';

/** What the two transition tables have in common; `owner` is the column of the task or step. */
export abstract class TransitionRepository<T extends TransitionTable> extends TableRepository<T> {
  protected abstract readonly owner: string;

  /** The row that tells the state, or undefined while nothing has happened. */
  protected async currentOf(id: bigint): Promise<Row<T> | undefined> {
    const row = await this.loose
      .selectFrom(this.anyTable)
      .selectAll()
      .where(this.owner, '=', id)
      .where('mostRecent', '=', true)
      .executeTakeFirst();
    return row as Row<T> | undefined;
  }

  /** All rows of one task or step by sort key. */
  protected async rowsOf(id: bigint): Promise<Row<T>[]> {
    const rows = await this.loose
      .selectFrom(this.anyTable)
      .selectAll()
      .where(this.owner, '=', id)
      .orderBy('sortKey')
      .execute();
    return rows as Row<T>[];
  }

  /** Writes one row after the given one; runs in the caller's transaction. */
  protected async append(id: bigint, values: NewTransition): Promise<Row<T>> {
    const { mostRecent = true } = values;
    const sortKey = values.sortKey ?? (await this.#nextSortKey(id));
    if (mostRecent) {
      // First the old row, then the new one: the unique index allows no moment with two.
      await this.loose
        .updateTable(this.anyTable)
        .set({ mostRecent: false, updatedAt: databaseNow() })
        .where(this.owner, '=', id)
        .where('mostRecent', '=', true)
        .execute();
    }
    const row = {
      metadata: {},
      ...values,
      ...(values.metadata === null ? { metadata: {} } : {}),
      fromState: values.fromState === '' ? null : (values.fromState ?? null),
      sortKey,
      mostRecent,
      [this.owner]: id,
    };
    return this.insertRow(row as unknown as NewRow<T>);
  }

  async #nextSortKey(id: bigint): Promise<number> {
    const last = await this.loose
      .selectFrom(this.anyTable)
      .select('sortKey')
      .where(this.owner, '=', id)
      .orderBy('sortKey', 'desc')
      .limit(1)
      .executeTakeFirst();
    return ((last?.sortKey as number | undefined) ?? 0) + SORT_KEY_STEP;
  }
}

/** Checks the values of a new or changed transition. */
export function validateTransition(values: Partial<NewTransition>): void {
  if (values.toState !== undefined) requireState('toState', values.toState);
  if (values.fromState !== undefined && values.fromState !== null && values.fromState !== '') {
    requireState('fromState', values.fromState);
  }
  if (values.metadata !== undefined && values.metadata !== null) {
    requireObject('metadata', values.metadata);
  }
  if (values.sortKey !== undefined) requireInteger('sortKey', values.sortKey);
}

/** Rows as a history that begins with the initial state, whether or not an engine stored that. */
export function historyOf(
  beginning: string,
  rows: readonly Row<TransitionTable>[],
): HistoryEntry[] {
  const entries: HistoryEntry[] = [];
  const [first] = rows;
  // A pending row that names a state before it is a step back, not the beginning.
  if (first?.toState !== INITIAL_STATE || first.fromState !== null) {
    entries.push({ fromState: null, toState: INITIAL_STATE, at: beginning, metadata: {} });
  }
  for (const row of rows) {
    entries.push({
      id: row.id,
      fromState: row.fromState ?? entries.at(-1)?.toState ?? null,
      toState: row.toState,
      at: row.createdAt,
      metadata: row.metadata,
    });
  }
  return entries;
}
