/**
 * The thirteen tables that a Tasker database shares between engines, as data.
 *
 * The statements of migration 1 and the check of a database that another engine created are both
 * derived from this list, so the two cannot disagree. It is frozen: the tables belong to every engine
 * that uses the database, and our own additions live in `tasker_core_*` tables.
 */

/** One column: type in short SQL spelling, default as SQL text. */
export interface ColumnDefinition {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly default?: string;
  /** Sequence that the column owns and draws its default from. */
  readonly sequence?: string;
}

/** A foreign key of one column; all of them are NO ACTION and not deferrable. */
export interface ForeignKeyDefinition {
  readonly name: string;
  readonly column: string;
  readonly table: string;
  readonly references: string;
}

/** One table with its columns in physical order. */
export interface TableDefinition {
  readonly name: string;
  readonly primaryKey: { readonly name: string; readonly column: string };
  readonly columns: readonly ColumnDefinition[];
  readonly foreignKeys: readonly ForeignKeyDefinition[];
  /** Free space left in each page, so that an update finds room beside the old row (HOT). */
  readonly fillfactor?: number;
}

function key(name: string, type: string, sequence: string): ColumnDefinition {
  return { name, type, nullable: false, sequence };
}

function column(name: string, type: string, value?: string): ColumnDefinition {
  return { name, type, nullable: false, ...(value === undefined ? {} : { default: value }) };
}

function nullable(name: string, type: string, value?: string): ColumnDefinition {
  return { ...column(name, type, value), nullable: true };
}

/** Tables in an order in which each may be created: what it refers to comes first. */
export const RAILS_TABLES: readonly TableDefinition[] = [
  {
    name: 'tasker_task_namespaces',
    primaryKey: { name: 'tasker_task_namespaces_pkey', column: 'task_namespace_id' },
    columns: [
      key('task_namespace_id', 'integer', 'tasker_task_namespaces_task_namespace_id_seq'),
      column('name', 'varchar(64)'),
      nullable('description', 'varchar(255)'),
      column('created_at', 'timestamp(6)'),
      column('updated_at', 'timestamp(6)'),
    ],
    foreignKeys: [],
  },
  {
    name: 'tasker_named_tasks',
    primaryKey: { name: 'tasker_named_tasks_pkey', column: 'named_task_id' },
    columns: [
      key('named_task_id', 'integer', 'tasker_named_tasks_named_task_id_seq'),
      column('name', 'varchar(64)'),
      nullable('description', 'varchar(255)'),
      column('created_at', 'timestamp(6)'),
      column('updated_at', 'timestamp(6)'),
      column('task_namespace_id', 'bigint', '1'),
      column('version', 'varchar(16)', "'0.1.0'"),
      nullable('configuration', 'jsonb', `'"{}"'`),
    ],
    foreignKeys: [
      {
        name: 'fk_rails_16a0297759',
        column: 'task_namespace_id',
        table: 'tasker_task_namespaces',
        references: 'task_namespace_id',
      },
    ],
  },
  {
    name: 'tasker_dependent_systems',
    primaryKey: { name: 'tasker_dependent_systems_pkey', column: 'dependent_system_id' },
    columns: [
      key('dependent_system_id', 'integer', 'tasker_dependent_systems_dependent_system_id_seq'),
      column('name', 'varchar(64)'),
      nullable('description', 'varchar(255)'),
      column('created_at', 'timestamp(6)'),
      column('updated_at', 'timestamp(6)'),
    ],
    foreignKeys: [],
  },
  {
    name: 'tasker_named_steps',
    primaryKey: { name: 'tasker_named_steps_pkey', column: 'named_step_id' },
    columns: [
      key('named_step_id', 'integer', 'tasker_named_steps_named_step_id_seq'),
      column('dependent_system_id', 'integer'),
      column('name', 'varchar(128)'),
      nullable('description', 'varchar(255)'),
      column('created_at', 'timestamp(6)'),
      column('updated_at', 'timestamp(6)'),
    ],
    foreignKeys: [
      {
        name: 'named_steps_dependent_system_id_foreign',
        column: 'dependent_system_id',
        table: 'tasker_dependent_systems',
        references: 'dependent_system_id',
      },
    ],
  },
  {
    name: 'tasker_named_tasks_named_steps',
    primaryKey: { name: 'tasker_named_tasks_named_steps_pkey', column: 'id' },
    columns: [
      key('id', 'integer', 'tasker_named_tasks_named_steps_id_seq'),
      column('named_task_id', 'integer'),
      column('named_step_id', 'integer'),
      column('skippable', 'boolean', 'false'),
      column('default_retryable', 'boolean', 'true'),
      column('default_retry_limit', 'integer', '3'),
      column('created_at', 'timestamp(6)'),
      column('updated_at', 'timestamp(6)'),
    ],
    foreignKeys: [
      {
        name: 'named_tasks_named_steps_named_step_id_foreign',
        column: 'named_step_id',
        table: 'tasker_named_steps',
        references: 'named_step_id',
      },
      {
        name: 'named_tasks_named_steps_named_task_id_foreign',
        column: 'named_task_id',
        table: 'tasker_named_tasks',
        references: 'named_task_id',
      },
    ],
  },
  {
    name: 'tasker_tasks',
    primaryKey: { name: 'tasker_tasks_pkey', column: 'task_id' },
    columns: [
      key('task_id', 'bigint', 'tasker_tasks_task_id_seq'),
      column('named_task_id', 'integer'),
      column('complete', 'boolean', 'false'),
      column('requested_at', 'timestamp'),
      nullable('initiator', 'varchar(128)'),
      nullable('source_system', 'varchar(128)'),
      nullable('reason', 'varchar(128)'),
      nullable('bypass_steps', 'json'),
      nullable('tags', 'jsonb'),
      nullable('context', 'jsonb'),
      column('identity_hash', 'varchar(128)'),
      column('created_at', 'timestamp(6)'),
      column('updated_at', 'timestamp(6)'),
    ],
    foreignKeys: [
      {
        name: 'tasks_named_task_id_foreign',
        column: 'named_task_id',
        table: 'tasker_named_tasks',
        references: 'named_task_id',
      },
    ],
  },
  {
    name: 'tasker_workflow_steps',
    primaryKey: { name: 'tasker_workflow_steps_pkey', column: 'workflow_step_id' },
    fillfactor: 50,
    columns: [
      key('workflow_step_id', 'bigint', 'tasker_workflow_steps_workflow_step_id_seq'),
      column('task_id', 'bigint'),
      column('named_step_id', 'integer'),
      column('retryable', 'boolean', 'true'),
      nullable('retry_limit', 'integer', '3'),
      column('in_process', 'boolean', 'false'),
      column('processed', 'boolean', 'false'),
      nullable('processed_at', 'timestamp'),
      nullable('attempts', 'integer'),
      nullable('last_attempted_at', 'timestamp'),
      nullable('backoff_request_seconds', 'integer'),
      nullable('inputs', 'jsonb'),
      nullable('results', 'jsonb'),
      column('created_at', 'timestamp(6)'),
      column('updated_at', 'timestamp(6)'),
      column('skippable', 'boolean', 'false'),
    ],
    foreignKeys: [
      {
        name: 'workflow_steps_named_step_id_foreign',
        column: 'named_step_id',
        table: 'tasker_named_steps',
        references: 'named_step_id',
      },
      {
        name: 'workflow_steps_task_id_foreign',
        column: 'task_id',
        table: 'tasker_tasks',
        references: 'task_id',
      },
    ],
  },
  {
    name: 'tasker_workflow_step_edges',
    primaryKey: { name: 'tasker_workflow_step_edges_pkey', column: 'id' },
    columns: [
      key('id', 'bigint', 'tasker_workflow_step_edges_id_seq'),
      column('from_step_id', 'bigint'),
      column('to_step_id', 'bigint'),
      column('name', 'varchar'),
      column('created_at', 'timestamp(6)'),
      column('updated_at', 'timestamp(6)'),
    ],
    foreignKeys: [
      {
        name: 'fk_rails_7b4652ccf2',
        column: 'from_step_id',
        table: 'tasker_workflow_steps',
        references: 'workflow_step_id',
      },
      {
        name: 'fk_rails_93ec0bf6eb',
        column: 'to_step_id',
        table: 'tasker_workflow_steps',
        references: 'workflow_step_id',
      },
    ],
  },
  {
    name: 'tasker_task_transitions',
    primaryKey: { name: 'tasker_task_transitions_pkey', column: 'id' },
    columns: [
      key('id', 'bigint', 'tasker_task_transitions_id_seq'),
      column('to_state', 'varchar'),
      nullable('from_state', 'varchar'),
      nullable('metadata', 'jsonb', "'{}'"),
      column('sort_key', 'integer'),
      column('most_recent', 'boolean', 'true'),
      column('task_id', 'bigint'),
      column('created_at', 'timestamp(6)'),
      column('updated_at', 'timestamp(6)'),
    ],
    foreignKeys: [
      {
        name: 'fk_rails_e8caec803c',
        column: 'task_id',
        table: 'tasker_tasks',
        references: 'task_id',
      },
    ],
  },
  {
    name: 'tasker_workflow_step_transitions',
    primaryKey: { name: 'tasker_workflow_step_transitions_pkey', column: 'id' },
    columns: [
      key('id', 'bigint', 'tasker_workflow_step_transitions_id_seq'),
      column('to_state', 'varchar'),
      nullable('from_state', 'varchar'),
      nullable('metadata', 'jsonb', "'{}'"),
      column('sort_key', 'integer'),
      column('most_recent', 'boolean', 'true'),
      column('workflow_step_id', 'bigint'),
      column('created_at', 'timestamp(6)'),
      column('updated_at', 'timestamp(6)'),
    ],
    foreignKeys: [
      {
        name: 'fk_rails_6e0f6eb833',
        column: 'workflow_step_id',
        table: 'tasker_workflow_steps',
        references: 'workflow_step_id',
      },
    ],
  },
  {
    name: 'tasker_annotation_types',
    primaryKey: { name: 'tasker_annotation_types_pkey', column: 'annotation_type_id' },
    columns: [
      key('annotation_type_id', 'integer', 'tasker_annotation_types_annotation_type_id_seq'),
      column('name', 'varchar(64)'),
      nullable('description', 'varchar(255)'),
      column('created_at', 'timestamp(6)'),
      column('updated_at', 'timestamp(6)'),
    ],
    foreignKeys: [],
  },
  {
    name: 'tasker_task_annotations',
    primaryKey: { name: 'tasker_task_annotations_pkey', column: 'task_annotation_id' },
    columns: [
      key('task_annotation_id', 'bigint', 'tasker_task_annotations_task_annotation_id_seq'),
      column('task_id', 'bigint'),
      column('annotation_type_id', 'integer'),
      nullable('annotation', 'jsonb'),
      column('created_at', 'timestamp(6)'),
      column('updated_at', 'timestamp(6)'),
    ],
    foreignKeys: [
      {
        name: 'task_annotations_annotation_type_id_foreign',
        column: 'annotation_type_id',
        table: 'tasker_annotation_types',
        references: 'annotation_type_id',
      },
      {
        name: 'task_annotations_task_id_foreign',
        column: 'task_id',
        table: 'tasker_tasks',
        references: 'task_id',
      },
    ],
  },
  {
    name: 'tasker_dependent_system_object_maps',
    primaryKey: {
      name: 'tasker_dependent_system_object_maps_pkey',
      column: 'dependent_system_object_map_id',
    },
    columns: [
      key(
        'dependent_system_object_map_id',
        'bigint',
        'tasker_dependent_system_objec_dependent_system_object_map_i_seq',
      ),
      column('dependent_system_one_id', 'integer'),
      column('dependent_system_two_id', 'integer'),
      column('remote_id_one', 'varchar(128)'),
      column('remote_id_two', 'varchar(128)'),
      column('created_at', 'timestamp(6)'),
      column('updated_at', 'timestamp(6)'),
    ],
    foreignKeys: [
      {
        name: 'dependent_system_object_maps_dependent_system_one_id_foreign',
        column: 'dependent_system_one_id',
        table: 'tasker_dependent_systems',
        references: 'dependent_system_id',
      },
      {
        name: 'dependent_system_object_maps_dependent_system_two_id_foreign',
        column: 'dependent_system_two_id',
        table: 'tasker_dependent_systems',
        references: 'dependent_system_id',
      },
    ],
  },
];
