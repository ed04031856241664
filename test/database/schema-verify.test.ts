import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { listDifferences, schemaState } from '../../src/database/schema/schema-state.ts';
import type { SchemaDifference } from '../../src/database/schema/schema-verify.ts';
import { MIGRATIONS, MIGRATIONS_TABLE } from '../../src/migrations/index.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase();
  client = await connect(database.url);
  const own = MIGRATIONS.slice(1).flatMap((migration) => migration.tables);
  await client.query(`drop table ${[MIGRATIONS_TABLE, ...own].join(', ')}`);
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

/** State of the database as it would be after these statements. */
async function stateAfter(changes: readonly string[]) {
  await client.query('begin');
  try {
    for (const change of changes) await client.query(change);
    return await schemaState(client);
  } finally {
    await client.query('rollback');
  }
}

describe('what works as well', () => {
  it.each([
    [
      'a unique constraint in place of the unique index',
      [
        'drop index index_tasks_on_identity_hash',
        'alter table tasker_tasks add constraint other_name unique (identity_hash)',
      ],
    ],
    ['a column that may stay empty', ['alter table tasker_tasks add column shard integer']],
    [
      'a column with a default',
      ['alter table tasker_tasks add column shard integer not null default 0'],
    ],
    [
      'a wider text',
      [
        'alter table tasker_named_tasks alter column description type text',
        'alter table tasker_named_tasks alter column description type varchar',
      ],
    ],
    [
      'a timestamp without the explicit precision',
      ['alter table tasker_task_annotations alter column created_at type timestamp'],
    ],
    [
      'no foreign key name in common',
      ['alter table tasker_tasks rename constraint tasks_named_task_id_foreign to whatever'],
    ],
  ])('takes %s', async (_name, changes) => {
    expect(await stateAfter(changes)).toMatchObject({ kind: 'rails' });
  });
});

type Conflict = readonly [
  name: string,
  changes: readonly string[],
  ...differences: SchemaDifference[],
];

const CONFLICTS: readonly Conflict[] = [
  [
    'a table missing',
    ['drop table tasker_dependent_system_object_maps'],
    {
      kind: 'relation-missing',
      relation: 'tasker_dependent_system_object_maps',
    },
  ],
  [
    'a column missing',
    ['alter table tasker_workflow_steps drop column skippable'],
    {
      kind: 'column-missing',
      relation: 'tasker_workflow_steps',
      name: 'skippable',
    },
  ],
  [
    'another type',
    ['alter table tasker_named_tasks_named_steps alter column default_retry_limit type bigint'],
    {
      kind: 'column-type',
      relation: 'tasker_named_tasks_named_steps',
      name: 'default_retry_limit',
      expected: 'integer',
      found: 'bigint',
    },
  ],
  [
    'a narrower text',
    ['alter table tasker_tasks alter column reason type varchar(20)'],
    {
      kind: 'column-type',
      relation: 'tasker_tasks',
      name: 'reason',
      expected: 'character varying(128)',
      found: 'character varying(20)',
    },
  ],
  [
    'coarser times',
    ['alter table tasker_task_annotations alter column created_at type timestamp(3)'],
    {
      kind: 'column-type',
      relation: 'tasker_task_annotations',
      name: 'created_at',
      expected: 'timestamp(6) without time zone',
      found: 'timestamp(3) without time zone',
    },
  ],
  [
    'times with a zone',
    ['alter table tasker_tasks alter column requested_at type timestamptz'],
    {
      kind: 'column-type',
      relation: 'tasker_tasks',
      name: 'requested_at',
      expected: 'timestamp without time zone',
      found: 'timestamp with time zone',
    },
  ],
  [
    'nulls where there are none',
    ['alter table tasker_tasks alter column identity_hash drop not null'],
    {
      kind: 'column-nullability',
      relation: 'tasker_tasks',
      name: 'identity_hash',
      expected: 'not null',
      found: 'nullable',
    },
  ],
  [
    'no nulls where there are some',
    ['alter table tasker_workflow_steps alter column attempts set not null'],
    {
      kind: 'column-nullability',
      relation: 'tasker_workflow_steps',
      name: 'attempts',
      expected: 'nullable',
      found: 'not null',
    },
  ],
  [
    'a key without numbers',
    ['alter table tasker_tasks alter column task_id drop default'],
    {
      kind: 'column-default',
      relation: 'tasker_tasks',
      name: 'task_id',
    },
  ],
  [
    'an unknown column that must be filled',
    ['alter table tasker_tasks add column tenant integer not null'],
    {
      kind: 'column-unknown-required',
      relation: 'tasker_tasks',
      name: 'tenant',
    },
  ],
  [
    'no unique index',
    ['drop index index_tasks_on_identity_hash'],
    {
      kind: 'unique-index-missing',
      relation: 'tasker_tasks',
      name: 'index_tasks_on_identity_hash',
      expected: '(identity_hash)',
    },
  ],
  [
    'a unique index without its predicate',
    [
      'drop index idx_on_workflow_step_id_most_recent_97d5374ad6',
      'create unique index on tasker_workflow_step_transitions (workflow_step_id, most_recent)',
    ],
    {
      kind: 'unique-index-missing',
      relation: 'tasker_workflow_step_transitions',
      name: 'idx_on_workflow_step_id_most_recent_97d5374ad6',
      expected: '(workflow_step_id, most_recent) where most_recent = true',
    },
  ],
  [
    'a deferrable unique constraint',
    [
      'drop index index_tasks_on_identity_hash',
      'alter table tasker_tasks add unique (identity_hash) deferrable',
    ],
    {
      kind: 'unique-index-missing',
      relation: 'tasker_tasks',
      name: 'index_tasks_on_identity_hash',
      expected: '(identity_hash)',
    },
  ],
  [
    'no primary key',
    ['alter table tasker_task_annotations drop constraint tasker_task_annotations_pkey'],
    {
      kind: 'primary-key-missing',
      relation: 'tasker_task_annotations',
      expected: 'task_annotation_id',
    },
  ],
  [
    'no foreign key',
    ['alter table tasker_workflow_step_edges drop constraint fk_rails_93ec0bf6eb'],
    {
      kind: 'foreign-key-missing',
      relation: 'tasker_workflow_step_edges',
      name: 'to_step_id',
      expected: 'tasker_workflow_steps.workflow_step_id',
    },
  ],
  [
    'no view',
    ['drop view tasker_step_dag_relationships'],
    {
      kind: 'relation-missing',
      relation: 'tasker_step_dag_relationships',
    },
  ],
  [
    'a view of other columns',
    [
      'drop view tasker_step_dag_relationships',
      `create view tasker_step_dag_relationships as select workflow_step_id, task_id, named_step_id,
         '[]'::jsonb parent_step_ids, '[]'::jsonb child_step_ids, 0 parent_count, 0::bigint child_count,
         true is_root_step, true is_leaf_step from tasker_workflow_steps`,
    ],
    {
      kind: 'column-type',
      relation: 'tasker_step_dag_relationships',
      name: 'parent_count',
      expected: 'bigint',
      found: 'integer',
    },
    {
      kind: 'column-missing',
      relation: 'tasker_step_dag_relationships',
      name: 'min_depth_from_root',
    },
  ],
  [
    'a table in place of the view',
    [
      'drop view tasker_step_dag_relationships',
      'create table tasker_step_dag_relationships (id integer)',
    ],
    {
      kind: 'relation-kind',
      relation: 'tasker_step_dag_relationships',
      expected: 'view',
    },
  ],
  [
    'one of our tables without our record',
    ['create table tasker_core_steps (id integer)'],
    {
      kind: 'name-taken',
      relation: 'tasker_core_steps',
    },
  ],
];

describe('a difference', () => {
  it.each(CONFLICTS.map((conflict) => ({ conflict, name: conflict[0] })))(
    'is found and told: $name',
    async ({ conflict }) => {
      const [, changes, ...differences] = conflict;
      expect(await stateAfter(changes)).toEqual({ kind: 'foreign', differences });
      for (const { relation } of differences) {
        expect(listDifferences(differences)).toContain(relation);
      }
    },
  );
});
