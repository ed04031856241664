import { describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { requireTaskerSchema, schemaState } from '../../src/database/schema/schema-state.ts';
import { MIGRATIONS } from '../../src/migrations/index.ts';
import { railsSchemaStatements } from '../../src/migrations/rails-schema.ts';
import { createTestDatabase } from '../support/database.ts';

async function withDatabase<T>(
  options: { migrated: boolean; statements?: readonly string[] },
  work: (client: Awaited<ReturnType<typeof connect>>) => Promise<T>,
): Promise<T> {
  await using database = await createTestDatabase({ migrated: options.migrated });
  const client = await connect(database.url);
  try {
    for (const statement of options.statements ?? []) await client.query(statement);
    return await work(client);
  } finally {
    await client.end();
  }
}

describe('the state of a database', () => {
  it('is empty without shared tables', () =>
    withDatabase(
      { migrated: false, statements: ['create table users (id int)'] },
      async (client) => {
        expect(await schemaState(client)).toEqual({ kind: 'empty' });
        await expect(requireTaskerSchema(client)).rejects.toMatchObject({
          code: 'TASKER_NOT_TASKER_DATABASE',
          message: expect.stringContaining('tasker migrate'),
        });
      },
    ));

  it('is rails with the shared tables alone', () =>
    withDatabase(
      { migrated: false, statements: railsSchemaStatements('rails') },
      async (client) => {
        expect(await requireTaskerSchema(client)).toMatchObject({ kind: 'rails' });
      },
    ));

  it('is tasker after migrate', () =>
    withDatabase({ migrated: true }, async (client) => {
      expect(await requireTaskerSchema(client)).toMatchObject({
        kind: 'tasker',
        applied: MIGRATIONS.map((migration) => migration.name),
        pending: [],
      });
    }));

  it('is newer with a migration nobody here knows', () =>
    withDatabase(
      {
        migrated: true,
        statements: [`insert into tasker_core_migrations (name) values ('9999_x')`],
      },
      async (client) => {
        expect(await schemaState(client)).toEqual({ kind: 'newer', unknown: ['9999_x'] });
        await expect(requireTaskerSchema(client)).rejects.toMatchObject({
          code: 'TASKER_SCHEMA_VERSION',
        });
      },
    ));

  it('is foreign with some shared tables, and the sentence names what is wrong', () =>
    withDatabase(
      {
        migrated: true,
        statements: ['alter table tasker_workflow_step_edges drop column to_step_id cascade'],
      },
      async (client) => {
        expect(await schemaState(client)).toMatchObject({ kind: 'foreign' });
        await expect(requireTaskerSchema(client)).rejects.toMatchObject({
          code: 'TASKER_NOT_TASKER_DATABASE',
          message: expect.stringContaining(
            'column tasker_workflow_step_edges.to_step_id is missing',
          ),
        });
      },
    ));

  it('is read from the schema that the search path finds', () =>
    withDatabase(
      { migrated: true, statements: ['create schema elsewhere', 'set search_path = elsewhere'] },
      async (client) => {
        expect(await schemaState(client)).toEqual({ kind: 'empty' });
      },
    ));
});
