import { describe, expect, it } from 'vitest';

import {
  createIndexStatement,
  indexesOf,
  RAILS_INDEXES,
} from '../../src/migrations/rails-indexes.ts';
import type { IndexDefinition } from '../../src/migrations/rails-indexes.ts';
import { RAILS_TABLES } from '../../src/migrations/rails-tables.ts';

const tables = RAILS_TABLES.map((table) => table.name);

/** True when every lookup by `index` can use `other`. */
function coveredBy(index: IndexDefinition, other: IndexDefinition): boolean {
  return (
    other !== index &&
    index.unique !== true &&
    index.method === other.method &&
    index.operatorClass === other.operatorClass &&
    (other.where === undefined || other.where === index.where) &&
    index.columns.every((column, at) => other.columns[at] === column)
  );
}

describe('the rails set', () => {
  it('has the 99 indexes, 103 columns and 15 foreign keys of the contract', () => {
    const secondary = tables.flatMap((table) => indexesOf(table, 'rails'));
    expect(secondary.length + tables.length).toBe(99);
    expect(RAILS_TABLES.flatMap((table) => table.columns)).toHaveLength(103);
    expect(RAILS_TABLES.flatMap((table) => table.foreignKeys)).toHaveLength(15);
    expect(Object.keys(RAILS_INDEXES).toSorted()).toEqual(tables.toSorted());
  });
});

describe('the lean set', () => {
  it('keeps every unique index', () => {
    for (const table of tables) {
      const unique = indexesOf(table, 'rails').filter((index) => index.unique === true);
      expect(indexesOf(table, 'lean')).toEqual(expect.arrayContaining(unique));
    }
  });

  it.each(tables)('has no index on %s that another one covers', (table) => {
    const lean = indexesOf(table, 'lean');
    const covered = lean.filter((index) => lean.some((other) => coveredBy(index, other)));
    expect(covered).toEqual([]);
  });

  it('leads every foreign key with an index, so that a delete need not scan', () => {
    for (const { name, foreignKeys } of RAILS_TABLES) {
      for (const { column } of foreignKeys) {
        const leading = indexesOf(name, 'lean').filter(
          (index) => index.columns[0] === column && index.where === undefined,
        );
        expect(leading, `${name}.${column}`).not.toEqual([]);
      }
    }
  });

  it('has no index that an update of a step would have to change', () => {
    const columns = indexesOf('tasker_workflow_steps', 'lean').flatMap((index) => [
      ...index.columns,
      ...(index.include ?? []),
      index.where ?? '',
    ]);
    expect(new Set(columns)).toEqual(new Set(['task_id', 'workflow_step_id', 'named_step_id', '']));
  });

  it('keeps what the readers of current states want', () => {
    const names = indexesOf('tasker_workflow_step_transitions', 'lean').map((index) => index.name);
    expect(names).toEqual(
      expect.arrayContaining([
        'idx_step_transitions_current_state',
        'index_step_transitions_current_errors',
      ]),
    );
  });
});

describe('the statement of an index', () => {
  it('says everything about it', () => {
    expect(
      createIndexStatement('t', {
        name: 'i',
        columns: ['a', 'b'],
        unique: true,
        include: ['c'],
        where: 'd',
      }),
    ).toBe('CREATE UNIQUE INDEX i ON t USING btree (a, b) INCLUDE (c) WHERE d');
    expect(
      createIndexStatement('t', {
        name: 'i',
        columns: ['a'],
        method: 'gin',
        operatorClass: 'jsonb_path_ops',
      }),
    ).toBe('CREATE INDEX i ON t USING gin (a jsonb_path_ops)');
  });
});
