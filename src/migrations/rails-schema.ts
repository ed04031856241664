import { createIndexStatement, indexesOf } from './rails-indexes.ts';
import type { IndexSet } from './rails-indexes.ts';
import { RAILS_TABLES } from './rails-tables.ts';
import type { ColumnDefinition, TableDefinition } from './rails-tables.ts';
import { CREATE_RAILS_VIEW, RAILS_VIEW } from './rails-view.ts';

/** The statements that create the shared schema on an empty database, in order. */
export function railsSchemaStatements(indexes: IndexSet): string[] {
  return [
    ...RAILS_TABLES.flatMap(tableStatements),
    ...RAILS_TABLES.flatMap(({ name }) =>
      indexesOf(name, indexes).map((index) => createIndexStatement(name, index)),
    ),
    CREATE_RAILS_VIEW,
  ];
}

/** Names of all relations that the shared schema creates, in either index set. */
export function railsRelationNames(): string[] {
  return [
    RAILS_VIEW,
    ...RAILS_TABLES.flatMap((table) => [
      table.name,
      table.primaryKey.name,
      ...table.columns.flatMap((column) => column.sequence ?? []),
      ...indexesOf(table.name, 'rails').map((index) => index.name),
    ]),
  ];
}

function tableStatements(table: TableDefinition): string[] {
  const sequences = table.columns.filter((column) => column.sequence !== undefined);
  const parts = [
    ...table.columns.map(columnClause),
    `CONSTRAINT ${table.primaryKey.name} PRIMARY KEY (${table.primaryKey.column})`,
    ...table.foreignKeys.map(
      (key) =>
        `CONSTRAINT ${key.name} FOREIGN KEY (${key.column}) REFERENCES ${key.table} (${key.references})`,
    ),
  ];
  const storage = table.fillfactor === undefined ? '' : ` WITH (fillfactor = ${table.fillfactor})`;
  return [
    ...sequences.map(({ sequence, type }) => `CREATE SEQUENCE ${sequence} AS ${type}`),
    `CREATE TABLE ${table.name} (\n  ${parts.join(',\n  ')}\n)${storage}`,
    ...sequences.map(
      ({ sequence, name }) => `ALTER SEQUENCE ${sequence} OWNED BY ${table.name}.${name}`,
    ),
  ];
}

function columnClause(column: ColumnDefinition): string {
  const value =
    column.sequence === undefined ? column.default : `nextval('${column.sequence}'::regclass)`;
  return [
    `${column.name} ${column.type}`,
    column.nullable ? '' : ' NOT NULL',
    value === undefined ? '' : ` DEFAULT ${value}`,
  ].join('');
}
