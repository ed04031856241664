import type { IndexDefinition } from '../../migrations/rails-indexes.ts';
import { indexesOf } from '../../migrations/rails-indexes.ts';
import { RAILS_TABLES } from '../../migrations/rails-tables.ts';
import type { ColumnDefinition, TableDefinition } from '../../migrations/rails-tables.ts';
import { RAILS_VIEW, RAILS_VIEW_COLUMNS } from '../../migrations/rails-view.ts';
import type { CatalogIndex, SchemaCatalog } from './schema-catalog.ts';

/** One point in which a database differs from what this package relies on. */
export interface SchemaDifference {
  readonly kind:
    | 'relation-missing'
    | 'relation-kind'
    | 'column-missing'
    | 'column-type'
    | 'column-nullability'
    | 'column-default'
    | 'column-unknown-required'
    | 'primary-key-missing'
    | 'unique-index-missing'
    | 'foreign-key-missing'
    | 'name-taken';
  /** Table, view or other relation. */
  readonly relation: string;
  /** Column or index, where the difference has one. */
  readonly name?: string;
  readonly expected?: string;
  readonly found?: string;
}

/**
 * Compares the shared tables and the view with the contract; an empty list means that they can be used.
 *
 * Types, nullability, primary keys, unique indexes and foreign keys must be there; indexes are
 * recognised by what they cover, not by name. Columns that this package does not know are fine
 * while a row can be written without them.
 */
export function schemaDifferences(catalog: SchemaCatalog): SchemaDifference[] {
  return [
    ...RAILS_TABLES.flatMap((table) => tableDifferences(table, catalog)),
    ...viewDifferences(catalog),
  ];
}

/** Lean indexes that the database lacks: queries stay right without them, but become slow. */
export function missingIndexes(
  catalog: SchemaCatalog,
): { table: string; index: IndexDefinition }[] {
  return RAILS_TABLES.flatMap(({ name }) =>
    indexesOf(name, 'lean')
      .filter((index) => index.unique !== true && !hasIndex(name, index, catalog))
      .map((index) => ({ table: name, index })),
  );
}

/** The difference in words, for a message. */
export function describeDifference(difference: SchemaDifference): string {
  const { kind, relation, name, expected, found } = difference;
  const where = name === undefined ? relation : `${relation}.${name}`;
  switch (kind) {
    case 'relation-missing':
      return `${relation} is missing`;
    case 'relation-kind':
      return `${relation} is not a ${expected}`;
    case 'column-missing':
      return `column ${where} is missing`;
    case 'column-type':
      return `column ${where} is ${found} instead of ${expected}`;
    case 'column-nullability':
      return `column ${where} is ${found} instead of ${expected}`;
    case 'column-default':
      return `column ${where} has no default that numbers new rows`;
    case 'column-unknown-required':
      return `column ${where} is unknown and must not be null`;
    case 'primary-key-missing':
      return `${relation} has no primary key (${expected})`;
    case 'unique-index-missing':
      return `${relation} has no unique index on ${expected}`;
    case 'foreign-key-missing':
      return `column ${where} does not refer to ${expected}`;
    case 'name-taken':
      return `the name ${relation} is taken`;
  }
}

function tableDifferences(table: TableDefinition, catalog: SchemaCatalog): SchemaDifference[] {
  const relation = table.name;
  const kind = catalog.relations.get(relation);
  if (kind === undefined) return [{ kind: 'relation-missing', relation }];
  if (kind !== 'r' && kind !== 'p') return [{ kind: 'relation-kind', relation, expected: 'table' }];
  return [
    ...columnDifferences(table, catalog),
    ...keyDifferences(table, catalog),
    ...foreignKeyDifferences(table, catalog),
  ];
}

function columnDifferences(table: TableDefinition, catalog: SchemaCatalog): SchemaDifference[] {
  const relation = table.name;
  const found = new Map(
    catalog.columns
      .filter((column) => column.table === relation)
      .map((column) => [column.name, column]),
  );
  const differences = table.columns.flatMap((column): SchemaDifference[] => {
    const actual = found.get(column.name);
    found.delete(column.name);
    const at = { relation, name: column.name };
    if (actual === undefined) return [{ kind: 'column-missing', ...at }];
    const result: SchemaDifference[] = [];
    const expected = catalogType(column.type);
    if (!holds(expected, actual.type)) {
      result.push({ kind: 'column-type', ...at, expected, found: actual.type });
    }
    if (column.nullable !== actual.nullable) {
      result.push({
        kind: 'column-nullability',
        ...at,
        expected: nullability(column),
        found: nullability(actual),
      });
    }
    if (column.sequence !== undefined && actual.default === null) {
      result.push({ kind: 'column-default', ...at });
    }
    return result;
  });
  const unknown = [...found.values()].filter(
    (column) => !column.nullable && column.default === null,
  );
  return [
    ...differences,
    ...unknown.map(({ name }): SchemaDifference => ({
      kind: 'column-unknown-required',
      relation,
      name,
    })),
  ];
}

function keyDifferences(table: TableDefinition, catalog: SchemaCatalog): SchemaDifference[] {
  const relation = table.name;
  const { column } = table.primaryKey;
  const indexes = catalog.indexes.filter((index) => index.table === relation);
  const differences: SchemaDifference[] = [];
  if (!indexes.some((index) => index.primary && sameColumns(index.columns, [column]))) {
    differences.push({ kind: 'primary-key-missing', relation, expected: column });
  }
  for (const index of indexesOf(relation, 'lean')) {
    if (index.unique !== true || hasIndex(relation, index, catalog)) continue;
    const where = index.where === undefined ? '' : ` where ${index.where}`;
    const expected = `(${index.columns.join(', ')})${where}`;
    differences.push({ kind: 'unique-index-missing', relation, name: index.name, expected });
  }
  return differences;
}

function foreignKeyDifferences(table: TableDefinition, catalog: SchemaCatalog): SchemaDifference[] {
  return table.foreignKeys
    .filter(
      (key) =>
        !catalog.foreignKeys.some(
          (actual) =>
            actual.table === table.name &&
            actual.column === key.column &&
            actual.references === key.table &&
            actual.referencedColumn === key.references,
        ),
    )
    .map((key) => ({
      kind: 'foreign-key-missing',
      relation: table.name,
      name: key.column,
      expected: `${key.table}.${key.references}`,
    }));
}

function viewDifferences(catalog: SchemaCatalog): SchemaDifference[] {
  const relation = RAILS_VIEW;
  const kind = catalog.relations.get(relation);
  if (kind === undefined) return [{ kind: 'relation-missing', relation }];
  if (kind !== 'v' && kind !== 'm') return [{ kind: 'relation-kind', relation, expected: 'view' }];
  return RAILS_VIEW_COLUMNS.flatMap(([name, type]): SchemaDifference[] => {
    const actual = catalog.columns.find(
      (column) => column.table === relation && column.name === name,
    );
    if (actual === undefined) return [{ kind: 'column-missing', relation, name }];
    if (actual.type === type) return [];
    return [{ kind: 'column-type', relation, name, expected: type, found: actual.type }];
  });
}

function hasIndex(table: string, wanted: IndexDefinition, catalog: SchemaCatalog): boolean {
  return catalog.indexes.some((index) => index.table === table && covers(index, wanted));
}

function covers(index: CatalogIndex, wanted: IndexDefinition): boolean {
  if (wanted.unique === true) {
    return (
      index.unique &&
      sameColumns(index.columns, wanted.columns) &&
      plainPredicate(index.predicate) === plainPredicate(wanted.where)
    );
  }
  return (
    index.method === (wanted.method ?? 'btree') &&
    wanted.columns.every((column, at) => bareColumn(index.columns[at]) === column) &&
    (index.predicate === null || plainPredicate(index.predicate) === plainPredicate(wanted.where))
  );
}

function sameColumns(found: readonly string[], wanted: readonly string[]): boolean {
  return found.length === wanted.length && wanted.every((column) => found.includes(column));
}

// The server appends an operator class that is not the default to the column's name.
function bareColumn(text: string | undefined): string | undefined {
  return text?.split(' ')[0];
}

// The server adds casts and parentheses; the predicates in question hold nothing else that varies.
function plainPredicate(text: string | null | undefined): string {
  return (text ?? '')
    .toLowerCase()
    .replaceAll(/::[a-z ]+(\[\])?/g, '')
    .replaceAll(/[()\s]/g, '')
    .replaceAll(/=true/g, '');
}

function nullability(column: Pick<ColumnDefinition, 'nullable'>): string {
  return column.nullable ? 'nullable' : 'not null';
}

/** The server's spelling of a type. */
function catalogType(type: string): string {
  if (type.startsWith('varchar')) return type.replace('varchar', 'character varying');
  if (type.startsWith('timestamp')) return `${type} without time zone`;
  return type;
}

/** True when every value of the expected type fits the found one unchanged. */
function holds(expected: string, found: string): boolean {
  if (expected === found) return true;
  const limit = /^character varying(?:\((\d+)\))?$/;
  const wanted = limit.exec(expected);
  const actual = limit.exec(found);
  if (wanted !== null && actual !== null) {
    return actual[1] === undefined || Number(actual[1]) >= Number(wanted[1] ?? Infinity);
  }
  const naive = /^timestamp(?:\(6\))? without time zone$/;
  return naive.test(expected) && naive.test(found);
}
